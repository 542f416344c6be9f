/* test_lines.c -- the first lines in which two texts differ, as people are told them. */
#include <string.h>

#include "base/lines.h"
#include "check.h"

typedef struct pair {
    const char *a, *b;
    const char *line_a, *line_b; /* NULL: they are alike */
} pair;

static const pair PAIRS[] = {
    {"", "", NULL, NULL},
    {"a=1\nb=2\n", "a=1\nb=2\n", NULL, NULL},
    {"a=1\nb=2\n", "a=1\nb=3\n", "b=2", "b=3"},
    {"a=1\nb=2\n", "a=12\nb=2\n", "a=1", "a=12"},
    {"a=1\nb=2", "a=1\nb=25", "b=2", "b=25"}, /* without an end */
    {"a=1\nc=3\n", "a=1\nb=2\nc=3\n", "no b", "b=2"},
    {"a=1\nb=2\nc=3\n", "a=1\nc=3\n", "b=2", "no b"},
    {"a=1\n", "a=1\nb=2\n", "no b", "b=2"},
    {"a=1\nb=2\n", "a=1\n", "b=2", "no b"},
    {"", "a=1\n", "no a", "a=1"},
    {"a=1\nbee=2\n", "a=1\nb=2\nbee=2\n", "no b", "b=2"}, /* a name that begins alike */
    {"a=1\nb=2\n", "a=1\nbee=2\nb=2\n", "no bee", "bee=2"},
};

static void check(const pair *p)
{
    char a[KERF__LINE] = "", b[KERF__LINE] = "";
    CHECK(kerf__lines_differ(p->a, p->b, a, b) == (p->line_a != NULL));
    if (p->line_a != NULL && (strcmp(a, p->line_a) != 0 || strcmp(b, p->line_b) != 0)) {
        printf("'%s' and '%s': told as '%s' and '%s'\n", p->a, p->b, a, b);
        check_failures++;
    }
}

/* Where they differ is to be seen, however far behind. */
static void test_long(void)
{
    static char x[4 * KERF__LINE], y[4 * KERF__LINE], a[KERF__LINE], b[KERF__LINE];
    strcpy(x, "set=");
    memset(x + 4, 'x', sizeof x - 5);
    memcpy(y, x, sizeof x);
    x[sizeof x - 2] = '1';
    y[sizeof y - 2] = '2';
    CHECK(kerf__lines_differ(x, y, a, b) == 1);
    CHECK(strncmp(a, "set=...xxx", 10) == 0 && strncmp(b, "set=...xxx", 10) == 0);
    CHECK(a[strlen(a) - 1] == '1' && b[strlen(b) - 1] == '2' && strlen(a) < 64);
    x[4] = 'a'; /* and what is behind is cut */
    CHECK(kerf__lines_differ(x, y, a, b) == 1);
    CHECK(strlen(a) == KERF__LINE - 1 && strlen(b) == KERF__LINE - 1);
}

int main(void)
{
    for (size_t i = 0; i < sizeof PAIRS / sizeof PAIRS[0]; i++)
        check(&PAIRS[i]);
    test_long();
    return check_result();
}
