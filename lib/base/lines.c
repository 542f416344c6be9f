/* base/lines.c -- two texts of lines NAME=VALUE, compared; see lines.h. */
#include "base/lines.h"

#include <stdio.h>
#include <string.h>

static void line_at(char *line, const char *at)
{
    snprintf(line, KERF__LINE, "%.*s", (int)strcspn(at, "\n"), at);
}

static size_t name_length(const char *line)
{
    return strcspn(line, "=\n");
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
static void tell_lines(const char *a, const char *b, char *line_a, char *line_b)
{
    const int is_alike = name_length(a) == name_length(b) && strncmp(a, b, name_length(a)) == 0;
    const int is_in_a = *b == '\0' || has_name_of(a, b);
    line_at(line_a, a);
    line_at(line_b, b);
    if (!is_alike)
        no_line(is_in_a ? line_b : line_a, is_in_a ? a : b);
}

int kerf__lines_differ(const char *a, const char *b, char *line_a, char *line_b)
{
    const char *begin = a;
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    if (*a == *b)
        return 0;
    for (; a > begin && a[-1] != '\n'; a--) /* both are equal up to here */
        b--;
    tell_lines(a, b, line_a, line_b);
    return 1;
}
