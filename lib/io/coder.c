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
 * The range coder is that of LZMA (Martin 1979): 32 bits of range, carries held back.  Words:
 * probability: that the bit is 1, of 65536.  stretch: its log odds, 256 to a factor of e. */
#include "io/coder.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

enum { NUM_MODELS = 3, NUM_NEIGHBOURS = 32, TREE = 256, ODDS = 4096 };

/* ---- the range coder ---------------------------------------------------------------------------
 */

/* One of both: bytes that are written, or read. */
typedef struct coder {
    int decodes;
    uint64_t low; /* when writing; bit 32 is a carry */
    uint32_t range, code;
    unsigned char *out; /* owned */
    size_t num_out, capacity;
    uint64_t num_held; /* bytes of 0xff that a carry would turn over, and the one before them */
    unsigned char held;
    const unsigned char *in; /* borrowed */
    size_t num_in, at;       /* at runs on behind the end, where 0s are read */
    int failed;              /* memory is short */
} coder;

static void put_byte(coder *c, unsigned byte)
{
    if (!kerf__grow((void **)&c->out, &c->capacity, c->num_out, 1)) {
        c->failed = 1;
        return;
    }
    c->out[c->num_out++] = (unsigned char)byte;
}

static void shift_low(coder *c)
{
    if (c->low < 0xff000000u || c->low >> 32 != 0) {
        const unsigned carry = (unsigned)(c->low >> 32);
        for (unsigned byte = c->held; c->num_held > 0 && !c->failed; c->num_held--, byte = 0xff)
            put_byte(c, (byte + carry) & 255);
        c->held = (unsigned char)(c->low >> 24);
    }
    c->num_held++;
    c->low = (c->low & 0xffffff) << 8;
}

/* The first byte is always 0, and not written. */
static void begin_encoding(coder *c)
{
    *c = (coder){.range = UINT32_MAX, .num_held = 1};
}

static uint32_t next_byte(coder *c)
{
    const size_t at = c->at++;
    return at < c->num_in ? c->in[at] : 0;
}

static void begin_decoding(coder *c, const unsigned char *bytes, size_t num_bytes)
{
    *c = (coder){.decodes = 1, .range = UINT32_MAX, .in = bytes, .num_in = num_bytes};
    for (int i = 0; i < 4; i++)
        c->code = c->code << 8 | next_byte(c);
}

/* Codes a bit, or finds it; probability is 1 to 65535. */
static int code_bit(coder *c, uint32_t probability, int bit)
{
    const uint32_t bound = (c->range >> 16) * probability;
    if (c->decodes)
        bit = c->code < bound;
    if (bit) {
        c->range = bound;
    } else {
        c->low += bound;
        c->code -= bound;
        c->range -= bound;
    }
    while (c->range < 1u << 24) {
        c->range <<= 8;
        if (c->decodes)
            c->code = c->code << 8 | next_byte(c);
        else
            shift_low(c);
    }
    return bit;
}

/* ---- guesses -----------------------------------------------------------------------------------
 */

/* Learns fast at first, then slower: by 1/2, 1/3 ... 1/MOST_SEEN of what it was wrong. */
typedef struct guess {
    uint32_t probability; /* of 2^28 */
    uint32_t num;         /* of bits that were seen */
} guess;
enum { MOST_SEEN = 1023 };

static void forget(guess *g, size_t num)
{
    for (size_t i = 0; i < num; i++)
        g[i] = (guess){1u << 27, 0};
}

static void learn(guess *g, int bit)
{
    const int32_t wrong = (int32_t)(bit ? (1u << 28) - 1 : 0) - (int32_t)g->probability;
    g->probability = (uint32_t)((int32_t)g->probability + wrong / (int32_t)(g->num + 2));
    g->num += g->num < MOST_SEEN;
}

/* Of 65536, never quite 0 or all. */
static uint32_t share_of(const guess *g)
{
    const uint32_t p = g->probability >> 12;
    return p < 16 ? 16 : p > 65520 ? 65520 : p;
}

/* 65536 / (1 + e^(-x / 256)), a line between 33 points. */
static int squash(int x)
{
    static const uint16_t points[33] = {
        22,    36,    60,    98,    162,   267,   439,   720,   1179,  1921,  3108,
        4971,  7812,  11955, 17625, 24743, 32768, 40793, 47911, 53581, 57724, 60565,
        62428, 63615, 64357, 64816, 65097, 65269, 65374, 65438, 65476, 65500, 65514};
    const int at = x < -2047 ? 1 : x > 2047 ? 4095 : x + 2048;
    const int i = at >> 7, part = at & 127;
    return points[i] + (((int)points[i + 1] - (int)points[i]) * part >> 7);
}

/* ---- what is known of a matrix -----------------------------------------------------------------
 */

typedef struct model {
    coder c;
    guess *rows, *columns; /* owned */
    guess neighbours[NUM_NEIGHBOURS], tree[TREE];
    int32_t weights[NUM_NEIGHBOURS][NUM_MODELS]; /* of 65536 */
    int16_t stretch[ODDS];                       /* the inverse of squash() */
} model;

static void fill_stretch(int16_t stretch[ODDS])
{
    int at = 0;
    for (int x = -2047; x <= 2047; x++)
        for (const int end = squash(x) >> 4; at <= end; at++)
            stretch[at] = (int16_t)x;
    for (; at < ODDS; at++)
        stretch[at] = 2047;
}

static kerf_status begin_model(model *m, const kerf__coding *how)
{
    m->rows = kerf__alloc(how->rows, sizeof(guess));
    m->columns = kerf__alloc(how->columns, sizeof(guess));
    if (m->rows == NULL || m->columns == NULL)
        return kerf__fail_memory("coder", (how->rows + how->columns) * sizeof(guess));
    forget(m->rows, how->rows);
    forget(m->columns, how->columns);
    forget(m->neighbours, NUM_NEIGHBOURS);
    forget(m->tree, TREE);
    for (int i = 0; i < NUM_NEIGHBOURS; i++)
        for (int k = 0; k < NUM_MODELS; k++)
            m->weights[i][k] = 65536 * 2 / 5;
    fill_stretch(m->stretch);
    return KERF_OK;
}

static void end_model(model *m)
{
    free(m->rows);
    free(m->columns);
    free(m->c.out);
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
        stretched[k] = m->stretch[share_of(guesses[k]) >> 4];
        sum += (int64_t)weights[k] * stretched[k];
    }
    const int64_t odds = sum / 65536;
    const int p = squash(odds < -2047 ? -2047 : odds > 2047 ? 2047 : (int)odds);
    const int bit = code_bit(&m->c, (uint32_t)p, is_zero);
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
        const int bit = code_bit(&m->c, share_of(g), (int)(code >> i & 1));
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
    enum { LAST_BYTES = 5 };
    *bytes = NULL;
    *num_bytes = 0;
    KERF__TRY(check(how));
    KERF__TRY(check_codes(how, codes));
    model *m = kerf__alloc(1, sizeof *m);
    if (m == NULL)
        return kerf__fail_memory("coder", sizeof *m);
    begin_encoding(&m->c);
    kerf_status status = begin_model(m, how);
    if (status == KERF_OK) {
        code_all(m, how, (uint8_t *)codes); /* writes each in its own place what stands there */
        for (int i = 0; i < LAST_BYTES; i++)
            shift_low(&m->c);
        if (m->c.failed)
            status = kerf__fail_memory("coder", m->c.num_out);
    }
    if (status == KERF_OK) {
        *num_bytes = m->c.num_out - 1;
        memmove(m->c.out, m->c.out + 1, *num_bytes);
        *bytes = m->c.out;
        m->c.out = NULL;
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
    begin_decoding(&m->c, bytes, num_bytes);
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
