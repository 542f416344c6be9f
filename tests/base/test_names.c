/* test_names.c -- the table of names against plain arrays, through growth and removal. */
#include "base/names.h"

#include <string.h>

#include "base/alloc.h"
#include "base/random.h"
#include "check.h"

enum { NUM = 1000 };
static char texts[NUM][16];
static int in[NUM];

static int agrees(const kerf__names *names)
{
    size_t num = 0;
    for (int i = 0; i < NUM; i++) {
        if (kerf__names_find(names, texts[i]) != (in[i] ? texts[i] : NULL))
            return 0;
        num += in[i] != 0;
    }
    return names->num == num;
}

/* Adds and removes at random: chains of all lengths grow, and holes appear inside them. */
static void test_random_changes(void)
{
    kerf__names names = {0};
    kerf__random r = kerf__random_key(1, KERF__RANDOM_TEST, 0);
    for (int i = 0; i < NUM; i++)
        snprintf(texts[i], sizeof texts[i], "name%d", i);
    CHECK(kerf__names_find(&names, "name0") == NULL);
    for (int change = 0; change < 4000; change++) {
        int i = (int)kerf__random_below(r, 0, (uint64_t)change, NUM);
        if (in[i]) {
            kerf__names_remove(&names, texts[i]);
        } else {
            CHECK(kerf__names_reserve(&names));
            kerf__names_add(&names, texts[i], texts[i]);
        }
        in[i] = !in[i];
        if (change % 50 == 0)
            CHECK(agrees(&names));
    }
    CHECK(agrees(&names));
    kerf__names_clear(&names);
    memset(in, 0, sizeof in);
    CHECK(agrees(&names));
    kerf__names_free(&names);
}

/* Room that was reserved is there; without memory the table stays as it was. */
static void test_no_memory(void)
{
    kerf__names names = {0};
    kerf__alloc_fail_at(1);
    CHECK(!kerf__names_reserve(&names));
    for (int i = 0; i < 12; i++) {
        CHECK(kerf__names_reserve(&names));
        kerf__names_add(&names, texts[i], texts[i]);
    }
    kerf__alloc_fail_at(1);
    CHECK(!kerf__names_reserve(&names)); /* 12 of 16 is as full as it gets */
    kerf__alloc_fail_at(0);
    for (int i = 0; i < 12; i++)
        CHECK(kerf__names_find(&names, texts[i]) == texts[i]);
    kerf__names_free(&names);
}

int main(void)
{
    test_random_changes();
    test_no_memory();
    return check_result();
}
