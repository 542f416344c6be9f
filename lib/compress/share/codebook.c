/* compress/share/codebook.c -- k-means of numbers on a line (Lloyd 1982), on the host.
 *
 * Sorted once, what an entry is nearest to is a stretch: its ends are found by halving, its mean by
 * sums from the front.  So a round takes 2^bits searches and not a look at every weight, and rounds
 * until nothing moves cost less than the sorting.  Sums are double and go in one order: the same
 * codebook on every device. */
#include "compress/share/codebook.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/random.h"

enum { MOST_ENTRIES = 1 << KERF_SHARE_MOST_BITS, MOST_ROUNDS = 500 };

typedef struct line {
    float *x;     /* owned; ascending */
    double *sums; /* owned; of those before */
    size_t num;
} line;

static int ascending(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Zeros have an entry of their own, if they have. */
static kerf_status make_line(line *l, const float *x, size_t num, int has_zero)
{
    *l = (line){.x = kerf__alloc(num, sizeof *l->x), .sums = kerf__alloc(num + 1, sizeof *l->sums)};
    if (l->x == NULL || l->sums == NULL)
        return kerf__fail_memory("share", num * sizeof *l->sums);
    for (size_t i = 0; i < num; i++)
        if (!has_zero || x[i] != 0)
            l->x[l->num++] = x[i];
    qsort(l->x, l->num, sizeof *l->x, ascending);
    for (size_t i = 0; i < l->num; i++)
        l->sums[i + 1] = l->sums[i] + (double)l->x[i];
    return KERF_OK;
}

static void free_line(line *l)
{
    free(l->x);
    free(l->sums);
}

/* ---- where entries begin --------------------------------------------------------------------- */

static void begin_linear(const line *l, const kerf_share_options *o, uint64_t stream, double *c,
                         size_t k)
{
    const double low = (double)l->x[0], high = (double)l->x[l->num - 1];
    (void)o;
    (void)stream;
    for (size_t i = 0; i < k; i++)
        c[i] = k > 1 ? low + (high - low) * (double)i / (double)(k - 1) : (low + high) / 2;
}

/* In the middle of as many weights each. */
static void begin_density(const line *l, const kerf_share_options *o, uint64_t stream, double *c,
                          size_t k)
{
    (void)o;
    (void)stream;
    for (size_t i = 0; i < k; i++)
        c[i] = (double)l->x[(2 * i + 1) * l->num / (2 * k)];
}

static int ascending_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void begin_random(const line *l, const kerf_share_options *o, uint64_t stream, double *c,
                         size_t k)
{
    const kerf__random r = kerf__random_key(o->seed, KERF__RANDOM_SHARE, 0);
    for (size_t i = 0; i < k; i++)
        c[i] = (double)l->x[kerf__random_below(r, stream, i, l->num)];
    qsort(c, k, sizeof *c, ascending_doubles);
}

static void (*const BEGINS[KERF_NUM_SHARE_INITS])(const line *, const kerf_share_options *,
                                                  uint64_t, double *, size_t) = {
    [KERF_SHARE_LINEAR] = begin_linear,
    [KERF_SHARE_DENSITY] = begin_density,
    [KERF_SHARE_RANDOM] = begin_random,
};

/* ---- rounds ---------------------------------------------------------------------------------- */

/* How many numbers are `bound` or less. */
static size_t count_up_to(const line *l, double bound)
{
    size_t low = 0, high = l->num;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if ((double)l->x[middle] <= bound)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Every entry goes to the mean of what is nearest to it; one that nothing is nearest to stays, and
 * so entries stay in order.  1 if one has moved. */
static int move_entries(const line *l, double *c, size_t k)
{
    int moved = 0;
    size_t begin = 0;
    double was = c[0];
    for (size_t i = 0; i < k; i++) {
        const double here = was, next = i + 1 < k ? c[i + 1] : 0;
        const size_t end = i + 1 < k ? count_up_to(l, here + (next - here) / 2) : l->num;
        if (end > begin) {
            const double mean = (l->sums[end] - l->sums[begin]) / (double)(end - begin);
            moved |= mean != c[i];
            c[i] = mean;
        }
        begin = end;
        was = next;
    }
    return moved;
}

static size_t nearest(const float *c, size_t k, float x)
{
    size_t low = 0, high = k - 1; /* entries below `low` are not nearest, nor those above `high` */
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const double bound = ((double)c[middle] + (double)c[middle + 1]) / 2;
        if ((double)x <= bound)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static void find_entries(const line *l, const kerf_share_options *o, uint64_t stream, float *c,
                         size_t k)
{
    double at[MOST_ENTRIES] = {0};
    if (l->num > 0)
        BEGINS[o->init](l, o, stream, at, k);
    for (int round = 0; l->num > 0 && round < MOST_ROUNDS && move_entries(l, at, k); round++)
        ;
    for (size_t i = 0; i < k; i++)
        c[i] = (float)at[i];
}

kerf_status kerf__codebook_find(const float *x, size_t num, const kerf_share_options *options,
                                int has_zero, uint64_t stream, float *codebook,
                                unsigned char *indices)
{
    const size_t own = has_zero ? 1 : 0, k = ((size_t)1 << options->bits) - own;
    line l;
    kerf_status status = make_line(&l, x, num, has_zero);
    if (status == KERF_OK) {
        codebook[0] = 0;
        find_entries(&l, options, stream, codebook + own, k);
        for (size_t i = 0; i < num; i++)
            indices[i] =
                (unsigned char)(has_zero && x[i] == 0 ? 0 : own + nearest(codebook + own, k, x[i]));
    }
    free_line(&l);
    return status;
}
