/* compress/share/codebook.c -- k-means of numbers on a line (Lloyd 1982), on the host.
 *
 * Sorted once, what an entry is nearest to is a stretch: its ends are found by halving, its mean by
 * sums from the front.  So a round takes 2^bits searches and not a look at every weight, and rounds
 * until nothing moves cost less than the sorting.  Sums are double and go in one order: the same
 * codebook on every device. */
#include "compress/share/codebook.h"

#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/random.h"
#include "base/sort_floats.h"

enum { MOST_ENTRIES = 1 << KERF_SHARE_MOST_BITS, MOST_ROUNDS = 500 };

typedef struct line {
    float *x;     /* owned; ascending */
    double *sums; /* owned; of those before */
    size_t num;
} line;

/* Zeros have an entry of their own, if they have. */
static kerf_status make_line(line *l, const float *x, size_t num, int has_zero)
{
    *l = (line){.x = kerf__alloc(num, sizeof *l->x)};
    if (l->x == NULL)
        return kerf__fail_memory("share", num * sizeof *l->x);
    for (size_t i = 0; i < num; i++)
        if (!has_zero || x[i] != 0)
            l->x[l->num++] = x[i];
    KERF__TRY(kerf__sort_floats(l->x, l->num));
    l->sums = kerf__alloc(l->num + 1, sizeof *l->sums); /* where the sort had its keys */
    if (l->sums == NULL)
        return kerf__fail_memory("share", l->num * sizeof *l->sums);
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

/* The number of rounds. */
static int find_entries(const line *l, const kerf_share_options *o, uint64_t stream, float *c,
                        size_t k)
{
    double at[MOST_ENTRIES] = {0};
    int rounds = 0;
    if (l->num > 0)
        BEGINS[o->init](l, o, stream, at, k);
    for (int moved = l->num > 0; moved && rounds < MOST_ROUNDS; rounds++)
        moved = move_entries(l, at, k);
    for (size_t i = 0; i < k; i++)
        c[i] = (float)at[i];
    return rounds;
}

/* ---- what each takes ------------------------------------------------------------------------- */

/* The largest float that is `bound` or less: floats can be held against it instead. */
static float float_below(double bound)
{
    const float x = (float)bound;
    return (double)x > bound ? nextafterf(x, -INFINITY) : x;
}

/* Up to where entry i is the nearest; what lies in the middle goes to the lower one.  Behind the
 * last entry there is nothing. */
static void find_bounds(float *bounds, const float *c, size_t k)
{
    for (size_t i = 0; i < MOST_ENTRIES; i++)
        bounds[i] = i + 1 < k ? float_below(((double)c[i] + (double)c[i + 1]) / 2) : INFINITY;
}

/* Which of 2^bits entries; no branch, as none could be foretold. */
static size_t nearest(const float *bounds, int bits, float x)
{
    size_t low = 0;
    for (size_t half = (size_t)1 << bits >> 1; half > 0; half /= 2)
        low += x > bounds[low + half - 1] ? half : 0;
    return low;
}

static void take_nearest(unsigned char *indices, const float *x, size_t num, const float *codebook,
                         int bits, int has_zero)
{
    float bounds[MOST_ENTRIES];
    const size_t own = has_zero ? 1 : 0;
    find_bounds(bounds, codebook + own, ((size_t)1 << bits) - own);
    for (size_t i = 0; i < num; i++)
        indices[i] = (unsigned char)(has_zero && x[i] == 0 ? 0 : own + nearest(bounds, bits, x[i]));
}

kerf_status kerf__codebook_find(const float *x, size_t num, const kerf_share_options *options,
                                int has_zero, uint64_t stream, kerf__codebook *out)
{
    const size_t own = has_zero ? 1 : 0, k = ((size_t)1 << options->bits) - own;
    line l;
    kerf_status status = make_line(&l, x, num, has_zero);
    if (status == KERF_OK) {
        out->entries[0] = 0;
        out->num_rounds = find_entries(&l, options, stream, out->entries + own, k);
        take_nearest(out->indices, x, num, out->entries, options->bits, has_zero);
    }
    free_line(&l);
    return status;
}
