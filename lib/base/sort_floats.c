/* base/sort_floats.c -- floats in order, digit by digit (Hollerith's sorting machine, 1890), the
 * last digit first: three passes whatever there is, where comparing takes log2(num) of them.  See
 * sort_floats.h.
 *
 * A key has the order of its float as a whole number: negative floats with all bits turned over,
 * since the larger their bits the less they are, the others with the sign alone. */
#include "base/sort_floats.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum {
    DIGIT_BITS = 11, /* counts of a pass stay in the first cache */
    KINDS = 1 << DIGIT_BITS,
    FEW = 1024 /* for these, counting kinds would be most of the work */
};

static uint32_t key_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits ^ (bits >> 31 != 0 ? UINT32_MAX : UINT32_C(1) << 31);
}

static float float_of(uint32_t key)
{
    float x;
    const uint32_t bits = key ^ (key >> 31 != 0 ? UINT32_C(1) << 31 : UINT32_MAX);
    memcpy(&x, &bits, sizeof x);
    return x;
}

static int ascending(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static size_t digit_of(uint32_t key, int pass)
{
    return key >> pass * DIGIT_BITS & (KINDS - 1);
}

/* Keys of one digit keep their order, so that what earlier passes sorted stays sorted. */
static void sort_by_digit(uint32_t *dst, const uint32_t *src, size_t num, int pass)
{
    size_t place[KINDS + 1] = {0};
    for (size_t i = 0; i < num; i++)
        place[digit_of(src[i], pass) + 1]++;
    for (size_t kind = 1; kind < KINDS; kind++)
        place[kind] += place[kind - 1];
    for (size_t i = 0; i < num; i++)
        dst[place[digit_of(src[i], pass)]++] = src[i];
}

/* Into `sorted`; `keys` are used up. */
static void sort_keys(uint32_t *sorted, uint32_t *keys, size_t num)
{
    sort_by_digit(sorted, keys, num, 0);
    sort_by_digit(keys, sorted, num, 1);
    sort_by_digit(sorted, keys, num, 2);
}

kerf_status kerf__sort_floats(float *x, size_t num)
{
    uint32_t *keys = kerf__alloc(num, 2 * sizeof *keys), *sorted = keys;
    if (keys == NULL)
        return kerf__fail_memory("sort", num * 2 * sizeof *keys);
    for (size_t i = 0; i < num; i++)
        keys[i] = key_of(x[i]);
    if (num <= FEW)
        qsort(keys, num, sizeof *keys, ascending);
    else
        sort_keys(sorted = keys + num, keys, num);
    for (size_t i = 0; i < num; i++)
        x[i] = float_of(sorted[i]);
    free(keys);
    return KERF_OK;
}
