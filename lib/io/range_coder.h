/* io/range_coder.h -- a binary range coder and what guesses its bits: what coder.c (weights) and
 * graph_coder.c (the graph) are made of.  Other half: range_coder.c.
 *
 * The coder is that of LZMA (Martin 1979): 32 bits of range, carries held back.  A guess is the
 * probability of a bit, learned from those before; several are mixed in the domain of log odds by
 * weights that follow the gradient of the coding cost (Mahoney 2005).  All in integers: the same
 * bits on every machine.
 *
 * Words: probability: that the bit is 1, of 65536.  stretch: its log odds, 256 to a factor of e. */
#ifndef KERF_IO_RANGE_CODER_H
#define KERF_IO_RANGE_CODER_H

#include <stddef.h>
#include <stdint.h>

#include "kerf/base.h"

/* ---- the coder ---------------------------------------------------------------------------------
 */

/* One of both: bytes that are written, or read. */
typedef struct kerf__range_coder {
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
} kerf__range_coder;

void kerf__range_begin_encoding(kerf__range_coder *c);
void kerf__range_begin_decoding(kerf__range_coder *c, const unsigned char *bytes, size_t num_bytes);
/* What was written, which the caller frees. */
kerf_status kerf__range_end_encoding(kerf__range_coder *c, unsigned char **bytes,
                                     size_t *num_bytes);
void kerf__range_free(kerf__range_coder *c);
void kerf__range_shift(kerf__range_coder *c);

static inline uint32_t kerf__range_byte(kerf__range_coder *c)
{
    const size_t at = c->at++;
    return at < c->num_in ? c->in[at] : 0;
}

/* Codes a bit, or finds it; probability is 1 to 65535. */
static inline int kerf__range_code(kerf__range_coder *c, uint32_t probability, int bit)
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
            c->code = c->code << 8 | kerf__range_byte(c);
        else
            kerf__range_shift(c);
    }
    return bit;
}

/* ---- guesses -----------------------------------------------------------------------------------
 */

typedef struct kerf__guess {
    uint32_t probability; /* of 2^28 */
    uint32_t num;         /* of bits that were seen */
} kerf__guess;

enum { KERF__GUESS_ODDS = 4096 };

void kerf__guess_forget(kerf__guess *g, size_t num);

/* Learns fast at first, then slower, by 2 of 2 num + first of what it was wrong, num up to most. */
static inline void kerf__guess_learn(kerf__guess *g, int bit, uint32_t most, int32_t first)
{
    const int32_t wrong = (int32_t)(bit ? (1u << 28) - 1 : 0) - (int32_t)g->probability;
    g->probability =
        (uint32_t)((int32_t)g->probability + 2 * wrong / (2 * (int32_t)g->num + first));
    g->num += g->num < most;
}

/* Of 65536, never quite 0 or all. */
static inline uint32_t kerf__guess_share(const kerf__guess *g)
{
    const uint32_t p = g->probability >> 12;
    return p < 16 ? 16 : p > 65520 ? 65520 : p;
}

/* 65536 / (1 + e^(-x / 256)), a line between 33 points; x is taken as from -2047 to 2047. */
int kerf__squash(int64_t x);
/* The inverse: of each share of KERF__GUESS_ODDS. */
void kerf__fill_stretch(int16_t stretch[KERF__GUESS_ODDS]);

#endif
