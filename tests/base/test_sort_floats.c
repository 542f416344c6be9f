/* test_sort_floats.c -- floats come in order, all of them, few and many, whatever they are. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/random.h"
#include "base/sort_floats.h"
#include "check.h"

enum { MOST = 5000 };

/* The order that is promised, from the floats themselves. */
static int ascending(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    if (x != x || y != y)
        return (x != x ? (signbit(x) ? -1 : 1) : 0) - (y != y ? (signbit(y) ? -1 : 1) : 0);
    return x != y ? (x > y) - (x < y) : !!signbit(y) - !!signbit(x);
}

static void check_sorted(const float *x, size_t num)
{
    static float got[MOST], want[MOST];
    memcpy(got, x, num * sizeof *x);
    memcpy(want, x, num * sizeof *x);
    qsort(want, num, sizeof *want, ascending);
    CHECK_OK(kerf__sort_floats(got, num));
    CHECK(memcmp(got, want, num * sizeof *x) == 0);
}

/* Any bits are a float: infinities, denormal ones, both zeros; of NaNs one of either sign. */
static void draw(float *x, size_t num, uint32_t mask)
{
    const kerf__random r = kerf__random_key(1, KERF__RANDOM_TEST, 0);
    static const float STRANGE[] = {0.0f, -0.0f, INFINITY, -INFINITY, 1e-45f, -1e-45f};
    for (size_t i = 0; i < num; i++) {
        const uint32_t bits = kerf__random_u32(r, mask, i) & mask;
        memcpy(&x[i], &bits, sizeof bits);
        if (x[i] != x[i] || i % 50 == 7)
            x[i] = STRANGE[i % (sizeof STRANGE / sizeof STRANGE[0])];
    }
    if (num > 2) {
        x[0] = NAN;
        x[1] = -x[0];
    }
}

/* 1024 are the most that are compared. */
static void test_every_size(void)
{
    static const size_t SIZES[] = {0, 1, 2, 3, 64, 1023, 1024, 1025, 2048, MOST};
    static const uint32_t MASKS[] = {UINT32_MAX, 0x800007ff, 0x003ff800, 0xffc00000, 0};
    static float x[MOST];
    for (size_t i = 0; i < sizeof SIZES / sizeof SIZES[0]; i++)
        for (size_t k = 0; k < sizeof MASKS / sizeof MASKS[0]; k++) {
            draw(x, SIZES[i], MASKS[k]);
            check_sorted(x, SIZES[i]);
        }
}

static void test_no_memory(void)
{
    float x[] = {2, 1};
    kerf__alloc_fail_at(1);
    CHECK_STATUS(KERF_ERR_MEMORY, kerf__sort_floats(x, 2));
    kerf__alloc_fail_at(0);
    CHECK(x[0] == 2 && x[1] == 1);
}

int main(void)
{
    test_every_size();
    test_no_memory();
    return check_result();
}
