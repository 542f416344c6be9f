/* ops/matmul_blocks_common.h -- products by weights of few bits that become floats in registers.
 * Other halves: matmul_blocks.c, the product, and matmul_blocks_pack.c, which makes what it reads.
 *
 * Packed weights are uint8 (panels, blocks, bytes): a panel has 16 columns, a block so many steps
 * of k that have scales of their own.  A row of a block is a word for each of the 16 columns:
 *
 *     the scales, float
 *     the zero points, float; only where weights have any
 *     32 / bits steps of k in each word, the first in the lowest bits, without a sign
 *
 * Integers with a sign are half their range more, as their zero points are.  Steps behind the last
 * one and columns, scales too, are 0. */
#ifndef KERF_OPS_MATMUL_BLOCKS_COMMON_H
#define KERF_OPS_MATMUL_BLOCKS_COMMON_H

#include "ops/panels_common.h"
#include "ops/shape_common.h"

/* Sizes of the weights; `size` is the steps of a block, all of them where nothing cuts them. */
typedef struct kerf__blocks {
    int k, n, bits, size, has_zero;
} kerf__blocks;

/* 1 if a word of so few bits each never lies in two blocks of block_size (0: one for all). */
static inline int kerf__blocks_hold_words(int bits, int64_t block_size)
{
    return (bits == 2 || bits == 4 || bits == 8) && block_size >= 0 &&
           block_size % (KERF__PANEL_WORD_BITS / bits) == 0;
}

static inline int kerf__blocks_num(const kerf__blocks *b)
{
    return kerf__ceil_div_int(b->k, b->size);
}

static inline int kerf__blocks_rows(const kerf__blocks *b)
{
    return 1 + b->has_zero + kerf__ceil_div_int(b->size, KERF__PANEL_WORD_BITS / b->bits);
}

static inline kerf_shape kerf__blocks_shape(const kerf__blocks *b)
{
    return KERF_SHAPE(kerf__ceil_div_int(b->n, KERF__PANEL_COLUMNS), kerf__blocks_num(b),
                      (int64_t)kerf__blocks_rows(b) * KERF__PANEL_COLUMNS * 4);
}

/* kerf.PackBlocks. */
kerf_status kerf__pack_blocks_infer(kerf_node *n);
int kerf__pack_blocks_fits(const kerf__op_case *c);
kerf_status kerf__pack_blocks_build(const kerf__op_case *c);

#endif
