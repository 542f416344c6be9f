/* block_mask.cl -- masks of more than single weights: scores of whole blocks, a mask of blocks
 * spread over weights, and the largest few of each group.
 *
 * A weight is seen as rows by columns by taps, each with a stride, and cut into blocks of
 * b_rows by b_columns by b_taps; those at the ends may hold less.  Block (r, c, t) is number
 * (r * blocks_c + c) * blocks_t + t.  An item has `chunk` blocks, or elements, one after the
 * other; sums run over rows, then columns, then taps, so every device adds in this order.
 *
 * Outputs may not lie on inputs, but the mask that block_spread writes may lie on its mask.
 * Limit: reads of single numbers; it runs at pruning events alone.  Host side:
 * lib/ops/block_mask.c. */
#include "mask_key.clh"

#define GEOMETRY                                                                                   \
    uint rows, uint columns, uint taps, uint row_stride, uint column_stride, uint tap_stride,      \
        uint b_rows, uint b_columns, uint b_taps

/* Where block b begins and ends. */
#define BLOCK_OF(b)                                                                                \
    const uint blocks_t = (taps + b_taps - 1u) / b_taps;                                           \
    const uint blocks_c = (columns + b_columns - 1u) / b_columns;                                  \
    const uint t_begin = (b) % blocks_t * b_taps, t_end = min(t_begin + b_taps, taps);             \
    const uint c_begin = (b) / blocks_t % blocks_c * b_columns;                                    \
    const uint c_end = min(c_begin + b_columns, columns);                                          \
    const uint r_begin = (b) / blocks_t / blocks_c * b_rows;                                       \
    const uint r_end = min(r_begin + b_rows, rows);

/* The mean over a whole block of |score| (SIGNED: of the score) where the mask is 1; the mask
 * of a block is 1 where one of its weights' is. */
kernel void block_scores(global const float *score, global const uchar *mask, global float *dst,
                         global uchar *dst_mask, GEOMETRY, uint num, uint chunk)
{
    uint b = min((uint)get_global_id(0) * chunk, num);
    const uint end = min(b + chunk, num);
    for (; b < end; b++) {
        BLOCK_OF(b)
        float sum = 0.0f;
        uint alive = 0;
        for (uint r = r_begin; r < r_end; r++)
            for (uint c = c_begin; c < c_end; c++)
                for (uint t = t_begin; t < t_end; t++) {
                    const uint i = r * row_stride + c * column_stride + t * tap_stride;
                    const float x = SIGNED ? score[i] : fabs(score[i]);
                    sum += mask[i] != 0 ? x : 0.0f;
                    alive |= mask[i];
                }
        dst[b] = sum / (float)(b_rows * b_columns * b_taps);
        dst_mask[b] = (uchar)(alive != 0);
    }
}

/* 1 where both the block's mask and the weight's own are. */
kernel void block_spread(global const uchar *blocks, global const uchar *mask, global uchar *dst,
                         GEOMETRY, uint num, uint chunk)
{
    const uint blocks_t = (taps + b_taps - 1u) / b_taps;
    const uint blocks_c = (columns + b_columns - 1u) / b_columns;
    uint i = min((uint)get_global_id(0) * chunk, num);
    const uint end = min(i + chunk, num);
    for (; i < end; i++) {
        const uint r = i / row_stride % rows / b_rows;
        const uint c = i / column_stride % columns / b_columns;
        const uint t = i / tap_stride % taps / b_taps;
        dst[i] = (uchar)(mask[i] != 0 && blocks[(r * blocks_c + c) * blocks_t + t] != 0);
    }
}

/* Of each block, which is at most 64 columns of a row at a tap, the `keep` weights with the
 * largest keys stay; of equals the later one does. */
kernel void block_rank(global const int *keep, global const float *score, global const uchar *mask,
                       global uchar *dst, GEOMETRY, uint num, uint chunk)
{
    const int most = *keep;
    uint b = min((uint)get_global_id(0) * chunk, num);
    const uint end = min(b + chunk, num);
    for (; b < end; b++) {
        BLOCK_OF(b)
        const uint at = r_begin * row_stride + t_begin * tap_stride;
        for (uint c = c_begin; c < c_end && r_begin < r_end && t_begin < t_end; c++) {
            const uint i = at + c * column_stride;
            const uint key = mask_key_of(score[i], mask[i]);
            int above = 0;
            for (uint k = c_begin; k < c_end; k++) {
                const uint j = at + k * column_stride;
                const uint other = mask_key_of(score[j], mask[j]);
                above += other > key || (other == key && k > c);
            }
            dst[i] = (uchar)(key != 0 && above < most);
        }
    }
}
