/* plan/known.c -- looks a case up among the committed choices, known_choices.txt, which says
 * what its lines mean and how one is added; it is part of the library (cmake/EmbedText.cmake).
 *
 * Read again at every look-up: it is short, plans are made seldom, and nothing has to be kept.
 * A line that is not of the form is passed over; a test reads the file more strictly. */
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "plan/plan_internal.h"

/* Cuts `line` at its tabs, at most `most` fields; the number of fields. */
static int cut(char *line, char **fields, int most)
{
    int num = 0;
    for (char *at = line; at != NULL && num < most; num++) {
        fields[num] = at;
        at = strchr(at, '\t');
        if (at != NULL)
            *at++ = '\0';
    }
    return num;
}

/* Copies the next line, NULL behind the last; one that is too long is cut. */
static const char *next_line(const char *at, char *line, size_t line_bytes)
{
    if (*at == '\0')
        return NULL;
    const size_t length = strcspn(at, "\n");
    const size_t kept = length < line_bytes ? length : line_bytes - 1;
    memcpy(line, at, kept);
    line[kept] = '\0';
    return at + length + (at[length] == '\n');
}

static int is_ours(char *const *fields, const kerf_device_info *info)
{
    char floats[16];
    snprintf(floats, sizeof floats, "%d", info->features.vector_floats);
    return fnmatch(fields[1], info->profile, 0) == 0 && fnmatch(fields[2], info->name, 0) == 0 &&
           fnmatch(fields[3], floats, 0) == 0;
}

int kerf__known_next(kerf__known *k, const kerf_device_info *info, const char *which)
{
    enum { MOST_FIELDS = 4 };
    char line[512], *fields[MOST_FIELDS];
    for (const char *next; (next = next_line(k->at, line, sizeof line)) != NULL;) {
        k->at = next;
        const int num = cut(line, fields, MOST_FIELDS); /* no case begins like a comment */
        if (num == 4 && strcmp(fields[0], "device") == 0) {
            k->is_ours = is_ours(fields, info);
        } else if (num == 3 && k->is_ours && strlen(fields[1]) < sizeof k->choice &&
                   fnmatch(fields[0], which, 0) == 0) {
            memcpy(k->choice, fields[1], strlen(fields[1]) + 1);
            return 1;
        }
    }
    return 0;
}
