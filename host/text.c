/* text.c -- texts: copied, and made fit for a terminal; see text.h. */
#include "text.h"

#include <stdlib.h>
#include <string.h>

char *copy_text(const char *text, size_t length, size_t more_bytes)
{
    size_t whole = strlen(text);
    length = length < whole ? length : whole;
    char *copy = malloc(length + more_bytes + 1);
    if (copy == NULL)
        return NULL;
    memcpy(copy, text, length);
    copy[length] = '\0';
    return copy;
}

/* Length of a whole UTF-8 sequence at p, 0 if it is none. */
static int sequence_length(const unsigned char *p)
{
    int length = p[0] < 0x80 ? 1 : p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] >= 0x80 && (p[0] < 0xc2 || p[0] >= 0xf5))
        return 0;
    for (int i = 1; i < length; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return length;
}

void clean_text(char *text)
{
    unsigned char *p = (unsigned char *)text;
    while (*p != '\0') {
        int length = sequence_length(p);
        int is_c1 = length == 2 && p[0] == 0xc2 && p[1] < 0xa0;
        if (length == 0 || (length == 1 && (*p < 0x20 || *p == 0x7f))) {
            *p++ = '?';
            continue;
        }
        if (is_c1)
            p[0] = p[1] = '?';
        p += length;
    }
}
