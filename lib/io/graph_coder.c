/* io/graph_coder.c -- see graph_coder.h.
 *
 * Bits are coded one by one, the highest of a byte first, each with a mixture of guesses: what
 * followed the last 0, 1 ... 5 bytes before (order), and what followed where the last four or more
 * bytes stood before (match).  All is learned from the bytes themselves, and first of all from
 * PRIME, a model with a layer of each kind: so a small graph begins where others have ended. */
#include "io/graph_coder.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "io/graph_prime.h"
#include "io/range_coder.h"

enum {
    NUM_ORDERS = 6,
    SLOT_BITS = 16,
    SLOTS = 1 << SLOT_BITS,
    LEAST_MATCH = 4,
    MOST_MATCH = 31,
    NUM_GUESSES = NUM_ORDERS + 1,
    NUM_SETS = NUM_ORDERS + 4,
    MOST_SEEN = 8,
};

/* How a graph is written. */
enum { PLAIN, CODED };

typedef struct model {
    kerf__range_coder c;
    unsigned char *text; /* owned; PRIME and what was coded */
    size_t num;
    kerf__guess orders[NUM_ORDERS][SLOTS];  /* by what stood before and the bits above */
    kerf__guess matches[MOST_MATCH + 1];    /* that the bit is the one expected, by length */
    uint32_t ends[SLOTS];                   /* where these last bytes ended before; 0: nowhere */
    size_t match, length;                   /* what follows there, and how much before is alike */
    int32_t weights[NUM_SETS][NUM_GUESSES]; /* of 65536 */
    int16_t stretch[KERF__GUESS_ODDS];
} model;

static void begin_model(model *m)
{
    for (int i = 0; i < NUM_ORDERS; i++)
        kerf__guess_forget(m->orders[i], SLOTS);
    for (uint32_t i = 0; i <= MOST_MATCH; i++)
        m->matches[i] = (kerf__guess){(1u << 28) - (1u << 28) / (i + 2), 0};
    for (int set = 0; set < NUM_SETS; set++)
        for (int i = 0; i < NUM_GUESSES; i++)
            m->weights[set][i] = 16384;
    kerf__fill_stretch(m->stretch);
}

/* ---- what stood before -------------------------------------------------------------------------
 */

/* Of the last `order` bytes; those in front of the first are 0. */
static uint32_t hash(const model *m, size_t order)
{
    uint32_t h = (uint32_t)order * 0x9e3779b1u;
    for (size_t i = 1; i <= order; i++) {
        h = (h ^ (i <= m->num ? m->text[m->num - i] : 0u)) * 0x2f0b4c47u;
        h ^= h >> 15;
    }
    return h;
}

static kerf__guess *slot(model *m, int order, uint32_t h, uint32_t node)
{
    uint32_t x = (h + node) * 0x9e3779b1u;
    x ^= x >> 16;
    return &m->orders[order][x * 0x85ebca6bu >> (32 - SLOT_BITS)];
}

static size_t alike_before(const model *m, size_t at)
{
    size_t length = 0;
    while (length <= MOST_MATCH && length < at &&
           m->text[at - 1 - length] == m->text[m->num - 1 - length])
        length++;
    return length < LEAST_MATCH ? 0 : length;
}

static void follow(model *m, unsigned char byte)
{
    const int held = m->length > 0 && m->text[m->match] == byte;
    m->match += held ? 1 : 0;
    m->length = held ? m->length + 1 : 0;
    m->text[m->num++] = byte;
    uint32_t *end = &m->ends[hash(m, LEAST_MATCH) >> (32 - SLOT_BITS)];
    if (m->length == 0 && *end != 0) {
        m->match = *end;
        m->length = alike_before(m, *end);
    }
    *end = (uint32_t)m->num;
}

/* ---- coding ------------------------------------------------------------------------------------
 */

/* What is expected of the next bit below those of `node`, or -1. */
static int expected(const model *m, uint32_t node, int shift)
{
    if (m->length == 0 || (m->text[m->match] | 256u) >> (shift + 1) != node)
        return -1;
    return m->text[m->match] >> shift & 1;
}

/* Weights are apart by how much is known: how long what matches is, else the highest order that
 * was here before. */
static int32_t *weights_for(model *m, kerf__guess *const guesses[NUM_ORDERS], size_t length)
{
    int set = NUM_ORDERS - 1;
    if (length > 0)
        set = NUM_ORDERS + (length > 4) + (length > 8) + (length > 15);
    else
        while (set > 0 && guesses[set]->num == 0)
            set--;
    return m->weights[set];
}

static int code_bit(model *m, kerf__guess *const guesses[NUM_ORDERS], int expect, int bit)
{
    const size_t length = expect < 0 ? 0 : m->length > MOST_MATCH ? MOST_MATCH : m->length;
    int32_t *weights = weights_for(m, guesses, length), stretched[NUM_GUESSES];
    int64_t sum = 0;
    for (int i = 0; i < NUM_ORDERS; i++)
        stretched[i] = m->stretch[kerf__guess_share(guesses[i]) >> 4];
    stretched[NUM_ORDERS] =
        m->stretch[kerf__guess_share(&m->matches[length]) >> 4] * (expect < 0 ? 0 : 2 * expect - 1);
    for (int i = 0; i < NUM_GUESSES; i++)
        sum += (int64_t)weights[i] * stretched[i];
    const int p = kerf__squash(sum / 65536);
    bit = kerf__range_code(&m->c, (uint32_t)p, bit);
    const int32_t wrong = (bit ? 65536 : 0) - p;
    for (int i = 0; i < NUM_GUESSES; i++)
        weights[i] += (int32_t)((int64_t)stretched[i] * wrong * 2 / 65536);
    for (int i = 0; i < NUM_ORDERS; i++)
        kerf__guess_learn(guesses[i], bit, MOST_SEEN, 3);
    if (expect >= 0)
        kerf__guess_learn(&m->matches[length], bit == expect, MOST_SEEN, 3);
    return bit;
}

static unsigned char code_byte(model *m, unsigned byte)
{
    uint32_t hashes[NUM_ORDERS], node = 1;
    kerf__guess *guesses[NUM_ORDERS];
    for (int i = 0; i < NUM_ORDERS; i++)
        hashes[i] = hash(m, (size_t)i);
    for (int shift = 7; shift >= 0; shift--) {
        for (int i = 0; i < NUM_ORDERS; i++)
            guesses[i] = slot(m, i, hashes[i], node);
        node = node << 1 |
               (uint32_t)code_bit(m, guesses, expected(m, node, shift), (int)(byte >> shift & 1));
    }
    follow(m, (unsigned char)node);
    return (unsigned char)node;
}

/* What is learned from PRIME is as if it had been written, and what was written then forgotten. */
static void learn_prime(model *m)
{
    kerf__range_begin_encoding(&m->c);
    for (size_t i = 0; i < sizeof PRIME; i++)
        code_byte(m, PRIME[i]);
    kerf__range_free(&m->c);
}

static kerf_status create_model(model **m, size_t num)
{
    *m = kerf__alloc(1, sizeof **m);
    if (*m != NULL)
        (*m)->text = kerf__alloc(sizeof PRIME + num, 1);
    if (*m == NULL || (*m)->text == NULL) {
        free(*m);
        return kerf__fail_memory("packed file", sizeof **m + num);
    }
    begin_model(*m);
    learn_prime(*m);
    return KERF_OK;
}

static void destroy_model(model *m)
{
    kerf__range_free(&m->c);
    free(m->text);
    free(m);
}

/* ---- both ways ---------------------------------------------------------------------------------
 */

static kerf_status add(kerf__bytes *out, unsigned char kind, const unsigned char *bytes, size_t num)
{
    KERF__TRY(kerf__bytes_add(out, &kind, 1));
    return kerf__bytes_add(out, bytes, num);
}

kerf_status kerf__graph_encode(kerf__bytes *out, const unsigned char *graph, size_t num)
{
    model *m;
    unsigned char *coded = NULL;
    size_t num_coded = 0;
    KERF__TRY(create_model(&m, num));
    kerf__range_begin_encoding(&m->c);
    for (size_t i = 0; i < num && !m->c.failed; i++)
        code_byte(m, graph[i]);
    kerf_status status = kerf__range_end_encoding(&m->c, &coded, &num_coded);
    destroy_model(m);
    if (status == KERF_OK)
        status = num_coded < num && num / KERF__MOST_OF_GRAPH <= num_coded
                     ? add(out, CODED, coded, num_coded)
                     : add(out, PLAIN, graph, num);
    free(coded);
    return status;
}

static kerf_status decode_coded(unsigned char *graph, size_t num, kerf__reading in)
{
    model *m;
    KERF__TRY(create_model(&m, num));
    kerf__range_begin_decoding(&m->c, in.at, in.left);
    for (size_t i = 0; i < num; i++)
        graph[i] = code_byte(m, 0);
    const size_t at = m->c.at;
    destroy_model(m);
    return at == in.left
               ? KERF_OK
               : kerf__fail(KERF_ERR_FORMAT, "packed file: a graph of %zu bytes, must take all %zu",
                            num, in.left);
}

kerf_status kerf__graph_decode(unsigned char *graph, size_t num, kerf__reading in)
{
    const unsigned char *kind;
    KERF__TRY(kerf__reading_take(&in, 1, &kind));
    if (*kind == CODED && num / KERF__MOST_OF_GRAPH <= in.left)
        return decode_coded(graph, num, in);
    if (*kind != PLAIN || num != in.left)
        return kerf__fail(KERF_ERR_FORMAT,
                          "packed file: a graph of kind %d and %zu bytes in %zu, must be %d or %d",
                          (int)*kind, num, in.left, (int)PLAIN, (int)CODED);
    if (num > 0)
        memcpy(graph, in.at, num);
    return KERF_OK;
}
