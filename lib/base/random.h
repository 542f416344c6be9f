/* base/random.h -- counter-based random numbers: Philox4x32-10 (Salmon et al., SC 2011).
 *
 * A number is a function of key and counter alone, never of what was drawn before, so any
 * order, thread or rank gives the same bits.  The key holds seed, purpose and what it is
 * for (a value's id); the counter holds step, sample and element. */
#ifndef KERF_BASE_RANDOM_H
#define KERF_BASE_RANDOM_H

#include <stdint.h>

/* One purpose never shares numbers with another.  Values never change. */
typedef enum kerf__purpose {
    KERF__RANDOM_INIT = 1,    /* a fresh network's weights */
    KERF__RANDOM_SHUFFLE = 2, /* order of an epoch */
    KERF__RANDOM_HOLD_BACK = 3,
    KERF__RANDOM_PRUNE = 4,
    KERF__RANDOM_AUGMENT = 5,
    KERF__RANDOM_DROPOUT = 6,
    KERF__RANDOM_DATA = 7, /* random data sets, benchmarks */
    KERF__RANDOM_TEST = 8,
    KERF__RANDOM_SHARE = 9, /* entries of codebooks */
    KERF__RANDOM_MIX = 10   /* samples of a batch with others */
} kerf__purpose;

typedef struct kerf__random {
    uint32_t key[2];
} kerf__random;

kerf__random kerf__random_key(uint64_t seed, kerf__purpose purpose, uint32_t id);

/* Four 32-bit numbers for counter (high, low); out[0..3]. */
void kerf__random_block(kerf__random r, uint64_t high, uint64_t low, uint32_t out[4]);

/* Number `i` of stream `stream`: 32 bits, [0, 1), and [0, bound) without bias that matters
 * (64-bit multiply). */
uint32_t kerf__random_u32(kerf__random r, uint64_t stream, uint64_t i);
float kerf__random_float(kerf__random r, uint64_t stream, uint64_t i);
uint64_t kerf__random_below(kerf__random r, uint64_t stream, uint64_t i, uint64_t bound);

/* order[0..num) becomes a permutation of 0..num-1 (Fisher and Yates, from the end). */
void kerf__random_permutation(kerf__random r, uint64_t stream, int64_t *order, int64_t num);

#endif
