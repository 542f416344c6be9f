/* matmul_blocks_pack.cl -- weights of BITS bits with their scales and zero points, in the order in
 * which matmul_blocks.cl reads them (lib/ops/matmul_blocks_common.h).
 *
 * b(p, j) lies at p * k_step + j * n_step; the scale of a block is at block * block_step +
 * j * scale_step, its zero point at the same with zero_step.  An item makes a word; done once, not
 * in a run.  Host side: lib/ops/matmul_blocks_pack.c. */
#include "common.clh"
#include "packed.clh"

#define COLUMNS 16
#define PER     (32 / BITS) /* steps to a word */

/* The number above the lowest of its type. */
static inline int above_lowest(global const packed *src, size_t at)
{
    return packed_load_one(src, at) - PACKED_LOW;
}

kernel void matmul_blocks_pack(global const packed *b, global const float *scale,
                               global const packed *zero, global uint *dst, int k, int n,
                               int k_step, int n_step, int size, int blocks, int rows, int has_zero,
                               int block_step, int scale_step, int zero_step, uint num)
{
    const uint at = (uint)get_global_id(0);
    if (at >= num)
        return;
    const int row = (int)(at / COLUMNS) % rows, chunk = (int)(at / COLUMNS) / rows;
    const int block = chunk % blocks, j = chunk / blocks * COLUMNS + (int)(at % COLUMNS);
    const size_t first = (size_t)block * (size_t)block_step;
    uint word = 0;
    if (j < n && row == 0)
        word = as_uint(scale[first + (size_t)j * (size_t)scale_step]);
    else if (j < n && row == has_zero)
        word = as_uint((float)above_lowest(zero, first + (size_t)j * (size_t)zero_step));
    else if (j < n)
        for (int s = 0; s < PER; s++) {
            const int p = block * size + (row - 1 - has_zero) * PER + s;
            if (p < k)
                word |=
                    (uint)above_lowest(b, (size_t)p * (size_t)k_step + (size_t)j * (size_t)n_step)
                    << s * BITS;
        }
    dst[at] = word;
}
