/* test_fnmatch.c -- the fnmatch() of builds for Windows (windows/fnmatch.c) against this system's:
 * all patterns and texts of few letters, and what Kerf's own patterns look like. */
#include "check.h"

#include <fnmatch.h>
#include <string.h>

static int by_system(const char *pattern, const char *text)
{
    return fnmatch(pattern, text, 0) == 0;
}

#define fnmatch fnmatch_of_windows
#include "../../windows/fnmatch.c"

/* The text number `i` of those with up to `most` of the letters. */
static const char *nth(size_t i, const char *letters, char *text)
{
    const size_t num = strlen(letters);
    size_t length = 0;
    for (size_t left = i; left > 0; left = (left - 1) / num)
        text[length++] = letters[(left - 1) % num];
    text[length] = '\0';
    return text;
}

static size_t num_texts(const char *letters, int most)
{
    size_t num = 0;
    for (int i = 0; i <= most; i++)
        num = num * strlen(letters) + 1;
    return num;
}

static void check_same(const char *pattern, const char *text)
{
    const int got = fnmatch(pattern, text, 0) == 0;
    if (got != by_system(pattern, text))
        printf("'%s' for '%s': %d\n", pattern, text, got);
    CHECK(got == by_system(pattern, text));
}

static void test_all_short(void)
{
    static const char IN_PATTERNS[] = "ab*?[]!-\\", IN_TEXTS[] = "ab-]\\";
    const size_t num_patterns = num_texts(IN_PATTERNS, 4), num = num_texts(IN_TEXTS, 3);
    char pattern[8], text[8];
    for (size_t i = 0; i < num_patterns && check_failures < 10; i++)
        for (size_t k = 0; k < num; k++)
            check_same(nth(i, IN_PATTERNS, pattern), nth(k, IN_TEXTS, text));
}

static void test_long(void)
{
    static const char *const PATTERNS[] = {"conv*", "layer[1-3].*.weight", "*.bias", "*a*a*a*b",
                                           "?*",    "[!a-c]*[0-9]",        "[]-]*"};
    static const char *const TEXTS[] = {"conv1.weight",
                                        "layer2.0.conv.weight",
                                        "layer4.0.weight",
                                        "fc.bias",
                                        "aaaaaaaaaaaaaaaaaaaaaa",
                                        "aaaaaab",
                                        "",
                                        "d9",
                                        "]x"};
    for (size_t i = 0; i < sizeof PATTERNS / sizeof PATTERNS[0]; i++)
        for (size_t k = 0; k < sizeof TEXTS / sizeof TEXTS[0]; k++)
            check_same(PATTERNS[i], TEXTS[k]);
}

int main(void)
{
    test_all_short();
    test_long();
    return check_result();
}
