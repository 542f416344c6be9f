/* base/lines.c -- two texts of lines NAME=VALUE, compared; see lines.h. */
#include "base/lines.h"

#include <stdio.h>
#include <string.h>

static size_t name_length(const char *line)
{
    return strcspn(line, "=\n");
}

/* Of a long line what is in front of the difference is left out, behind the name. */
static void line_at(char *line, const char *at, size_t num_same)
{
    enum { BEFORE = KERF__LINE / 8 };
    const int length = (int)strcspn(at, "\n");
    if (num_same < KERF__LINE / 2)
        snprintf(line, KERF__LINE, "%.*s", length, at);
    else
        snprintf(line, KERF__LINE, "%.*s=...%.*s", (int)name_length(at), at,
                 length - (int)num_same + BEFORE, at + num_same - BEFORE);
}

/* 1 if one of the lines has the name of this one. */
static int has_name_of(const char *lines, const char *line)
{
    const size_t length = name_length(line);
    while (*lines != '\0') {
        if (name_length(lines) == length && strncmp(lines, line, length) == 0)
            return length > 0;
        lines += strcspn(lines, "\n");
        lines += *lines == '\n';
    }
    return 0;
}

static void no_line(char *line, const char *other)
{
    snprintf(line, KERF__LINE, "no %.*s", (int)name_length(other), other);
}

/* Lines of two names: one of the texts has a line that the other one has not. */
static void tell_lines(const char *a, const char *b, size_t num_same, char *line_a, char *line_b)
{
    const int is_alike = name_length(a) == name_length(b) && strncmp(a, b, name_length(a)) == 0;
    const int is_in_a = *b == '\0' || has_name_of(a, b);
    line_at(line_a, a, num_same);
    line_at(line_b, b, num_same);
    if (!is_alike)
        no_line(is_in_a ? line_b : line_a, is_in_a ? a : b);
}

int kerf__lines_differ(const char *a, const char *b, char *line_a, char *line_b)
{
    size_t num_same = 0, of_line = 0;
    while (a[num_same] != '\0' && a[num_same] == b[num_same]) {
        num_same++;
        of_line = a[num_same - 1] == '\n' ? 0 : of_line + 1;
    }
    if (a[num_same] == b[num_same])
        return 0;
    const size_t begin = num_same - of_line; /* both are equal up to here */
    tell_lines(a + begin, b + begin, of_line, line_a, line_b);
    return 1;
}
