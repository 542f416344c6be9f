/* fnmatch.c -- see fnmatch.h.  A star takes as little as it can and one letter more each time that
 * what follows does not fit; only the last star is ever tried again, so time is bounded by the
 * product of both lengths. */
#include "fnmatch.h"

#include <stddef.h>

/* Behind a set that starts at `pattern`, NULL if it has no end; `*fits`: the letter is in it. */
static const char *read_set(const char *pattern, unsigned char letter, int *fits)
{
    const char *p = pattern + 1;
    const int negated = *p == '!' || *p == '^';
    p += negated;
    *fits = 0;
    for (const char *first = p; *p != ']' || p == first; p++) {
        if (*p == '\\' && p[1] != '\0')
            p++;
        if (*p == '\0')
            return NULL;
        unsigned char from = (unsigned char)*p, to = from;
        if (p[1] == '-' && p[2] != ']' && p[2] != '\0') {
            p += 2;
            to = (unsigned char)*p;
        }
        *fits |= from <= letter && letter <= to;
    }
    *fits ^= negated;
    return p + 1;
}

/* Behind the part of the pattern that fits one letter, or NULL. */
static const char *fit_letter(const char *pattern, char letter)
{
    int fits;
    const char *behind = *pattern == '[' ? read_set(pattern, (unsigned char)letter, &fits) : NULL;
    if (behind != NULL)
        return fits ? behind : NULL;
    if (*pattern == '?')
        return pattern + 1;
    if (*pattern == '\\')
        pattern++; /* behind the last letter nothing fits */
    return *pattern == letter && letter != '\0' ? pattern + 1 : NULL;
}

int fnmatch(const char *pattern, const char *text, int flags)
{
    const char *behind_star = NULL, *tried = NULL;
    (void)flags;
    while (*text != '\0') {
        const char *next = *pattern != '*' ? fit_letter(pattern, *text) : NULL;
        if (*pattern == '*') {
            behind_star = ++pattern;
            tried = text;
        } else if (next != NULL) {
            pattern = next;
            text++;
        } else if (behind_star != NULL) {
            pattern = behind_star;
            text = ++tried;
        } else {
            return 1;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern != '\0';
}
