/* io/coder.c -- an adaptive binary range coder and what it knows of weights; see coder.h.
 *
 * A code is first "is it 0?", and if it is not, its bits from the highest, each coded with the
 * probability that was learned where it stands in the tree of those above it.
 *
 * Where zeros lie is most of what a pruned tensor holds.  Three models guess each: by the share of
 * its row so far, of its column so far (pixels at the border of pictures feed nothing), and by
 * which of its neighbours are 0.  Their guesses are mixed in the domain of log odds by weights
 * that follow the gradient of the coding cost (Mahoney 2005), all in integers.
 *
 * The coder of bits and the guesses are those of range_coder.h. */
#include "io/coder.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "io/range_coder.h"

enum { NUM_MODELS = 3, NUM_NEIGHBOURS = 32, TREE = 256, MOST_SEEN = 1023 };

typedef kerf__guess guess;

/* By 1/2, 1/3 ... 1/1025 of what it was wrong. */
static void learn(guess *g, int bit)
{
    kerf__guess_learn(g, bit, MOST_SEEN, 4);
}

/* ---- what is known of a matrix -----------------------------------------------------------------
 */

typedef struct model {
    kerf__range_coder c;
    guess *rows, *columns; /* owned */
    guess neighbours[NUM_NEIGHBOURS], tree[TREE];
    int32_t weights[NUM_NEIGHBOURS][NUM_MODELS]; /* of 65536 */
    int16_t stretch[KERF__GUESS_ODDS];           /* the inverse of squash() */
} model;

static kerf_status begin_model(model *m, const kerf__coding *how)
{
    m->rows = kerf__alloc(how->rows, sizeof(guess));
    m->columns = kerf__alloc(how->columns, sizeof(guess));
    if (m->rows == NULL || m->columns == NULL)
        return kerf__fail_memory("coder", (how->rows + how->columns) * sizeof(guess));
    kerf__guess_forget(m->rows, how->rows);
    kerf__guess_forget(m->columns, how->columns);
    kerf__guess_forget(m->neighbours, NUM_NEIGHBOURS);
    kerf__guess_forget(m->tree, TREE);
    for (int i = 0; i < NUM_NEIGHBOURS; i++)
        for (int k = 0; k < NUM_MODELS; k++)
            m->weights[i][k] = 65536 * 2 / 5;
    kerf__fill_stretch(m->stretch);
    return KERF_OK;
}

static void end_model(model *m)
{
    free(m->rows);
    free(m->columns);
    kerf__range_free(&m->c);
}

/* Which of those that were coded before are 0: two to the left, three above. */
static unsigned neighbours_of(const kerf__coding *how, const uint8_t *codes, size_t row,
                              size_t column)
{
    const uint8_t *at = codes + row * how->columns + column, zero = how->zero;
    const uint8_t *above = at - (row > 0 ? how->columns : 0);
    unsigned context = 0;
    if (column > 0)
        context |= (unsigned)(at[-1] == zero);
    if (column > 1)
        context |= (unsigned)(at[-2] == zero) << 1;
    if (row > 0)
        context |= (unsigned)(above[0] == zero) << 2;
    if (row > 0 && column > 0)
        context |= (unsigned)(above[-1] == zero) << 3;
    if (row > 0 && column + 1 < how->columns)
        context |= (unsigned)(above[1] == zero) << 4;
    return context;
}

static int code_zero(model *m, guess *row, guess *column, unsigned context, int is_zero)
{
    guess *guesses[NUM_MODELS] = {row, column, &m->neighbours[context]};
    int32_t stretched[NUM_MODELS], *weights = m->weights[context];
    int64_t sum = 0;
    for (int k = 0; k < NUM_MODELS; k++) {
        stretched[k] = m->stretch[kerf__guess_share(guesses[k]) >> 4];
        sum += (int64_t)weights[k] * stretched[k];
    }
    const int p = kerf__squash(sum / 65536);
    const int bit = kerf__range_code(&m->c, (uint32_t)p, is_zero);
    const int32_t wrong = (bit ? 65536 : 0) - p;
    for (int k = 0; k < NUM_MODELS; k++) {
        weights[k] += (int32_t)((int64_t)stretched[k] * wrong / 65536);
        learn(guesses[k], bit);
    }
    return bit;
}

static unsigned code_tree(model *m, int bits, unsigned code)
{
    unsigned node = 1;
    for (int i = bits - 1; i >= 0; i--) {
        guess *g = &m->tree[node];
        const int bit = kerf__range_code(&m->c, kerf__guess_share(g), (int)(code >> i & 1));
        learn(g, bit);
        node = node << 1 | (unsigned)bit;
    }
    return node & ((1u << bits) - 1);
}

/* Reads codes, or writes them. */
static void code_all(model *m, const kerf__coding *how, uint8_t *codes)
{
    for (size_t row = 0; row < how->rows && !m->c.failed; row++)
        for (size_t column = 0; column < how->columns; column++) {
            uint8_t *at = codes + row * how->columns + column;
            const unsigned context = neighbours_of(how, codes, row, column);
            if (code_zero(m, &m->rows[row], &m->columns[column], context, *at == how->zero))
                *at = how->zero;
            else
                *at = (uint8_t)code_tree(m, how->bits, *at);
        }
}

/* ---- both ways ---------------------------------------------------------------------------------
 */

static kerf_status check(const kerf__coding *how)
{
    const size_t most = SIZE_MAX / 16;
    if (how->bits < 1 || how->bits > 8)
        return kerf__fail(KERF_ERR_ARGUMENT, "coder: %d bits, must be 1 to 8", how->bits);
    if (how->zero >> how->bits != 0)
        return kerf__fail(KERF_ERR_ARGUMENT, "coder: 0 is %d, must be below %d", how->zero,
                          1 << how->bits);
    if (how->rows > most || how->columns > most ||
        (how->columns > 0 && how->rows > most / how->columns))
        return kerf__fail(KERF_ERR_ARGUMENT, "coder: %zu x %zu codes, must be fewer", how->rows,
                          how->columns);
    return KERF_OK;
}

static kerf_status check_codes(const kerf__coding *how, const uint8_t *codes)
{
    for (size_t i = 0; i < how->rows * how->columns; i++)
        if (codes[i] >> how->bits != 0)
            return kerf__fail(KERF_ERR_ARGUMENT, "coder: code %d, must be below %d", codes[i],
                              1 << how->bits);
    return KERF_OK;
}

kerf_status kerf__coder_encode(unsigned char **bytes, size_t *num_bytes, const kerf__coding *how,
                               const uint8_t *codes)
{
    *bytes = NULL;
    *num_bytes = 0;
    KERF__TRY(check(how));
    KERF__TRY(check_codes(how, codes));
    model *m = kerf__alloc(1, sizeof *m);
    if (m == NULL)
        return kerf__fail_memory("coder", sizeof *m);
    kerf__range_begin_encoding(&m->c);
    kerf_status status = begin_model(m, how);
    if (status == KERF_OK) {
        code_all(m, how, (uint8_t *)codes); /* writes each in its own place what stands there */
        status = kerf__range_end_encoding(&m->c, bytes, num_bytes);
    }
    end_model(m);
    free(m);
    return status;
}

kerf_status kerf__coder_decode(uint8_t *codes, const kerf__coding *how, const unsigned char *bytes,
                               size_t num_bytes)
{
    KERF__TRY(check(how));
    model *m = kerf__alloc(1, sizeof *m);
    if (m == NULL)
        return kerf__fail_memory("coder", sizeof *m);
    kerf__range_begin_decoding(&m->c, bytes, num_bytes);
    kerf_status status = begin_model(m, how);
    if (status == KERF_OK) {
        memset(codes, 0, how->rows * how->columns);
        code_all(m, how, codes);
        if (m->c.at != num_bytes)
            status =
                kerf__fail(KERF_ERR_FORMAT, "coder: %zu bytes for %zu x %zu codes, must be %zu",
                           num_bytes, how->rows, how->columns, m->c.at);
    }
    end_model(m);
    free(m);
    return status;
}
