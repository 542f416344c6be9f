/* test_nearest.c -- which word was meant. */
#include <string.h>

#include "check.h"

static const char *const WORDS[] = {"prune", "quantize", "distill", NULL, "lr"};

static const char *get(const void *of, size_t i)
{
    return ((const char *const *)of)[i];
}

static int is_near(const char *word, const char *want)
{
    const char *near = kerf_nearest_word(word, get, WORDS, 5);
    return want == NULL ? near == NULL : near != NULL && strcmp(near, want) == 0;
}

int main(void)
{
    CHECK(is_near("prune", "prune"));
    CHECK(is_near("purne", "prune"));
    CHECK(is_near("quantise", "quantize"));
    CHECK(is_near("distil", "distill"));
    CHECK(is_near("share", NULL));
    CHECK(is_near("", NULL));
    CHECK(is_near("a-word-that-is-longer-than-forty-letters-has-no-distance", NULL));
    return check_result();
}
