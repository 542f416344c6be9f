/* ops/matmul_codes_common.h -- products by weights that are numbers of a codebook's entries.  Other
 * halves: matmul_codes.c, and lib/plan/use_codes.c, which makes the nodes.
 *
 * Packed numbers are uint8 (panels, bytes): a panel has 16 columns, and for each 32 / bits steps of
 * k a word of each column, the first step in its lowest bits.  Steps and columns behind the last
 * one are 0. */
#ifndef KERF_OPS_MATMUL_CODES_COMMON_H
#define KERF_OPS_MATMUL_CODES_COMMON_H

#include "ops/panels_common.h"
#include "ops/shape_common.h"

static inline kerf_shape kerf__codes_shape(int64_t k, int64_t n, int bits)
{
    const int64_t per = KERF__PANEL_WORD_BITS / bits;
    return KERF_SHAPE((n + KERF__PANEL_COLUMNS - 1) / KERF__PANEL_COLUMNS,
                      (k + per - 1) / per * KERF__PANEL_COLUMNS * 4);
}

/* Numbers count modulo this, the least that holds all entries and has kernels of its own; what is
 * behind the last entry stands for NaN. */
static inline int kerf__codes_room(int bits, int64_t entries)
{
    return bits < 8 ? 1 << bits : entries <= 32 ? 32 : entries <= 64 ? 64 : 256;
}

/* In host memory: codes, a byte each and below 2^bits, of a matrix (k, n), or (n, k) if turned. */
kerf_status kerf__codes_pack(kerf_tensor **out, const unsigned char *codes, int64_t k, int64_t n,
                             int is_turned, int bits);

#endif
