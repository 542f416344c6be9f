/* io/flag_coder.c -- see flag_coder.h.
 *
 * Encoder and decoder run the same model (model_guess, model_learn), so they cannot part. */
#include "io/flag_coder.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

/* ---- odds -------------------------------------------------------------------------------------
 */

enum {
    ONE = 4096,       /* probabilities count 4096ths */
    MOST_ODDS = 2047, /* logarithms of odds count 256ths, from -2047 to 2047 */
    NUM_GUESSES = 5,
    NUM_SETS = 6,       /* of weights: how many neighbours are not 0 */
    LAST = 16,          /* elements of the row */
    LEVELS = 12,        /* of a share, in halvings */
    MOST_LEARNED = 255, /* a probability that has seen more moves no slower */
    LEARN_SHIFT = 15,
    FIRST_WEIGHT = 65536 / NUM_GUESSES, /* their mean */
    MOST_WEIGHT = 1 << 20
};

/* 4096 / (1 + exp(-x / 256)) at x = -2048, -1920, ... 2048. */
static const short SQUASHED[33] = {1,    2,    4,    6,    10,   17,   27,   45,   74,
                                   120,  194,  311,  488,  747,  1102, 1546, 2048, 2550,
                                   2994, 3349, 3608, 3785, 3902, 3976, 4022, 4051, 4069,
                                   4079, 4086, 4090, 4092, 4094, 4094};

static int squash(int odds)
{
    if (odds > MOST_ODDS)
        return ONE - 1;
    if (odds < -MOST_ODDS)
        return 1;
    const int at = (odds + 2048) >> 7, part = (odds + 2048) & 127;
    return (SQUASHED[at] * (128 - part) + SQUASHED[at + 1] * part + 64) >> 7;
}

/* The least odds that squash to each probability or more. */
static void fill_stretched(short *stretched)
{
    int p = 0;
    for (int odds = -MOST_ODDS; odds <= MOST_ODDS; odds++)
        for (const int to = squash(odds); p <= to; p++)
            stretched[p] = (short)odds;
    for (; p < ONE; p++)
        stretched[p] = MOST_ODDS;
}

/* ---- the model
 * ----------------------------------------------------------------------------------- */

/* A probability that learns: in 65536ths, and from how many flags. */
typedef struct learned {
    uint16_t p;
    uint16_t num;
} learned;

typedef struct model {
    size_t columns, row, column;
    learned *by_column;            /* owned; one each */
    unsigned char *above, *above2; /* owned; flags of the two rows before, with margins */
    unsigned char *now;
    size_t *in_column; /* owned; ones so far */
    size_t in_row;     /* the same of this row */
    unsigned last;     /* flags of this row, the newest in the lowest bit */
    learned by_last[1 << 8], by_count[LAST + 1], by_neighbours[1 << 6],
        by_shares[(LEVELS + 1) * (LEVELS + 1)];
    learned *used[NUM_GUESSES];
    int odds[NUM_GUESSES], weights[NUM_SETS][NUM_GUESSES], set, p;
    short stretched[ONE];
} model;

enum { MARGIN = 2 };

static void model_free(model *m)
{
    if (m == NULL)
        return;
    free(m->by_column);
    free(m->above);
    free(m->above2);
    free(m->now);
    free(m->in_column);
    free(m);
}

static void begin_learning(learned *x, size_t num)
{
    for (size_t i = 0; i < num; i++)
        x[i] = (learned){32768, 0};
}

static kerf_status model_make(model **out, size_t columns)
{
    model *m = kerf__alloc(1, sizeof *m);
    *out = m;
    if (m == NULL)
        return kerf__fail_memory("packed weights", sizeof *m);
    m->columns = columns;
    m->by_column = kerf__alloc(columns, sizeof *m->by_column);
    m->in_column = kerf__alloc(columns, sizeof *m->in_column);
    m->above = kerf__alloc(columns + 2 * MARGIN, 1);
    m->above2 = kerf__alloc(columns + 2 * MARGIN, 1);
    m->now = kerf__alloc(columns + 2 * MARGIN, 1);
    if (m->by_column == NULL || m->in_column == NULL || m->above == NULL || m->above2 == NULL ||
        m->now == NULL)
        return kerf__fail_memory("packed weights", columns);
    begin_learning(m->by_column, columns);
    begin_learning(m->by_last, sizeof m->by_last / sizeof m->by_last[0]);
    begin_learning(m->by_count, LAST + 1);
    begin_learning(m->by_neighbours, 1 << 6);
    begin_learning(m->by_shares, sizeof m->by_shares / sizeof m->by_shares[0]);
    for (int set = 0; set < NUM_SETS; set++)
        for (int i = 0; i < NUM_GUESSES; i++)
            m->weights[set][i] = FIRST_WEIGHT;
    fill_stretched(m->stretched);
    return KERF_OK;
}

/* How many halvings lead from `of` to `num`; LEVELS: none of them. */
static int level(size_t num, size_t of)
{
    int l = 0;
    if (num == 0)
        return of < 8 ? 0 : LEVELS;
    while (l < LEVELS - 1 && (num << l) < of)
        l++;
    return l;
}

static int count_ones(unsigned x)
{
    int num = 0;
    for (; x != 0; x &= x - 1)
        num++;
    return num;
}

/* How likely the next flag is 1, in 4096ths. */
static int model_guess(model *m)
{
    const unsigned char *up = m->above + MARGIN + m->column, *up2 = m->above2 + MARGIN + m->column;
    const unsigned around = up[-1] | up[0] << 1u | up[1] << 2u | up2[0] << 3u |
                            (m->last & 1u) << 4u | (m->last >> 1 & 1u) << 5u;
    m->used[0] = &m->by_column[m->column];
    m->used[1] = &m->by_last[m->last & 255u];
    m->used[2] = &m->by_count[count_ones(m->last & 0xFFFFu)];
    m->used[3] = &m->by_neighbours[around];
    m->used[4] = &m->by_shares[level(m->in_row, m->column) * (LEVELS + 1) +
                               level(m->in_column[m->column], m->row)];
    m->set = count_ones(around);
    m->set = m->set < NUM_SETS ? m->set : NUM_SETS - 1;
    int64_t sum = 0;
    for (int i = 0; i < NUM_GUESSES; i++) {
        m->odds[i] = m->stretched[m->used[i]->p >> 4];
        sum += (int64_t)m->odds[i] * m->weights[m->set][i];
    }
    m->p = squash((int)(sum / 65536));
    return m->p;
}

static void model_learn(model *m, int flag)
{
    const int error = ((flag << 12) - m->p) * 6;
    for (int i = 0; i < NUM_GUESSES; i++) {
        learned *x = m->used[i];
        int *weight = &m->weights[m->set][i];
        *weight += m->odds[i] * error / (1 << LEARN_SHIFT);
        *weight = *weight > MOST_WEIGHT    ? MOST_WEIGHT
                  : *weight < -MOST_WEIGHT ? -MOST_WEIGHT
                                           : *weight;
        x->p = (uint16_t)(x->p + ((flag ? 65535 : 0) - x->p) * 2 / (2 * x->num + 3));
        x->num = (uint16_t)(x->num + (x->num < MOST_LEARNED));
    }
    m->now[MARGIN + m->column] = (unsigned char)flag;
    m->last = m->last << 1 | (unsigned)flag;
    m->in_row += (size_t)flag;
    m->in_column[m->column] += (size_t)flag;
    if (++m->column < m->columns)
        return;
    unsigned char *oldest = m->above2;
    m->above2 = m->above;
    m->above = m->now;
    m->now = oldest;
    m->column = m->in_row = 0;
    m->last = 0;
    m->row++;
}

/* ---- the arithmetic coder
 * ------------------------------------------------------------------------- */

/* Numbers from low to high are left; a flag takes its part of them. */
typedef struct span {
    uint32_t low, high;
} span;

static uint32_t part_of(span s, int p)
{
    return s.low + (uint32_t)((uint64_t)(s.high - s.low) * (uint32_t)p >> 12);
}

static int is_settled(span s)
{
    return ((s.low ^ s.high) & 0xFF000000u) == 0;
}

static int put(unsigned char **bytes, size_t *capacity, size_t *num, uint32_t x)
{
    if (!kerf__grow((void **)bytes, capacity, *num, 1))
        return 0;
    (*bytes)[(*num)++] = (unsigned char)(x >> 24);
    return 1;
}

static kerf_status encode(model *m, unsigned char **bytes, size_t *num_bytes,
                          const unsigned char *flags, size_t num)
{
    span s = {0, UINT32_MAX};
    size_t capacity = 0;
    int good = 1;
    for (size_t i = 0; i < num && good; i++) {
        const uint32_t middle = part_of(s, model_guess(m));
        *(flags[i] ? &s.high : &s.low) = flags[i] ? middle : middle + 1;
        model_learn(m, flags[i]);
        for (; is_settled(s) && good; s.low <<= 8, s.high = s.high << 8 | 255)
            good = put(bytes, &capacity, num_bytes, s.high);
    }
    /* Any number between low and high ends it; bytes behind the end are read as 0. */
    if (good && s.low > 0)
        good = put(bytes, &capacity, num_bytes, s.low + 0xFFFFFFu);
    return good ? KERF_OK : kerf__fail_memory("packed weights", *num_bytes);
}

kerf_status kerf__flags_encode(void **bytes, size_t *num_bytes, const unsigned char *flags,
                               size_t rows, size_t columns)
{
    model *m;
    unsigned char *made = NULL;
    *bytes = NULL;
    *num_bytes = 0;
    kerf_status status = model_make(&m, columns);
    if (status == KERF_OK)
        status = encode(m, &made, num_bytes, flags, rows * columns);
    model_free(m);
    if (status != KERF_OK) {
        free(made);
        return status;
    }
    *bytes = made;
    return KERF_OK;
}

/* A flag costs at least the 2900th part of a bit. */
static kerf_status check_number(size_t num, size_t num_bytes)
{
    return num / 8 / 2900 <= num_bytes + 8
               ? KERF_OK
               : kerf__fail(KERF_ERR_FORMAT,
                            "packed weights: %zu bytes cannot say which of %zu are 0", num_bytes,
                            num);
}

static size_t decode(model *m, unsigned char *flags, size_t num, const unsigned char *bytes,
                     size_t num_bytes)
{
    span s = {0, UINT32_MAX};
    uint32_t x = 0;
    size_t at = 0, ones = 0;
    for (; at < 4; at++)
        x = x << 8 | (at < num_bytes ? bytes[at] : 0u);
    for (size_t i = 0; i < num; i++) {
        const uint32_t middle = part_of(s, model_guess(m));
        const int flag = x <= middle;
        *(flag ? &s.high : &s.low) = flag ? middle : middle + 1;
        model_learn(m, flag);
        flags[i] = (unsigned char)flag;
        ones += (size_t)flag;
        for (; is_settled(s); at++) {
            s.low <<= 8;
            s.high = s.high << 8 | 255;
            x = x << 8 | (at < num_bytes ? bytes[at] : 0u);
        }
    }
    return ones;
}

kerf_status kerf__flags_decode(unsigned char *flags, size_t *num_ones, size_t rows, size_t columns,
                               const void *bytes, size_t num_bytes)
{
    model *m;
    KERF__TRY(check_number(rows * columns, num_bytes));
    kerf_status status = model_make(&m, columns);
    if (status == KERF_OK)
        *num_ones = decode(m, flags, rows * columns, bytes, num_bytes);
    model_free(m);
    return status;
}
