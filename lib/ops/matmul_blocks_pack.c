/* ops/matmul_blocks_pack.c -- kerf.PackBlocks: the weights of a DequantizeLinear in the order in
 * which kerf.MatMulBlocks reads them (matmul_blocks_common.h).
 *
 *     kerf.PackBlocks(b, scale, zero_point?) -> packed
 *
 * b is (K, N), or (N, K) with transB, of 2, 4 or 8 bits.  Scales are one number, one a column or,
 * with block_size, one for so many steps of k, in b's own order; zero points are like them.
 *
 * Once and for all runs, as the weights are constants.  Device side:
 * kernels/matmul_blocks_pack.cl. */
#include <stdio.h>

#include "base/fail.h"
#include "ops/matmul_blocks_common.h"

extern const kerf__source kerf__source_matmul_blocks_pack;

static int is_transposed(const kerf_node *n)
{
    return kerf_node_int(n, "transB", 0) != 0;
}

static kerf__blocks blocks_of(const kerf_node *n)
{
    const kerf_shape b = n->inputs[0]->shape;
    const int is_turned = is_transposed(n), size = (int)kerf_node_int(n, "block_size", 0);
    const int k = (int)b.dims[is_turned ? 1 : 0];
    return (kerf__blocks){.k = k,
                          .n = (int)b.dims[is_turned ? 0 : 1],
                          .bits = (int)kerf_type_bits(n->inputs[0]->type),
                          .size = size > 0 ? size : k,
                          .has_zero = kerf_node_input(n, 2) != NULL};
}

/* ---- shapes -------------------------------------------------------------------------------- */

static kerf_status check_weights(const kerf_node *n)
{
    const kerf_value *b = n->inputs[0];
    const int bits = (int)kerf_type_bits(b->type);
    const int64_t size = kerf_node_int(n, "block_size", 0), num = kerf__value_elements(b);
    if (bits > 8 || b->type == KERF_BOOL)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "%s is %s, must be of 2, 4 or 8 bits",
                               b->name, kerf_type_name(b->type));
    if (b->shape.rank != 2 || num == 0 || num > INT32_MAX)
        return kerf__fail_node(KERF_ERR_SHAPE, n,
                               "%s must be a matrix of at least 1 and less than 2^31 elements",
                               b->name);
    if (kerf__blocks_hold_words(bits, size) && size <= INT32_MAX)
        return KERF_OK;
    return kerf__fail_node(KERF_ERR_UNSUPPORTED, n,
                           "block_size is %lld, must be a multiple of %d, for words of 32 bits",
                           (long long)size, KERF__PANEL_WORD_BITS / bits);
}

/* One number, one a column, or one a block. */
static kerf_status check_numbers(const kerf_node *n, int i, kerf_type type)
{
    const kerf__blocks b = blocks_of(n);
    const int is_blocked = kerf_node_int(n, "block_size", 0) > 0;
    if (kerf_node_input(n, i) == NULL)
        return KERF_OK;
    KERF__TRY(kerf__node_check_type(n, i, type));
    if (!is_blocked && kerf__value_elements(n->inputs[i]) == 1)
        return KERF_OK;
    return kerf__node_check_shape(n, i,
                                  !is_blocked        ? KERF_SHAPE(b.n)
                                  : is_transposed(n) ? KERF_SHAPE(b.n, kerf__blocks_num(&b))
                                                     : KERF_SHAPE(kerf__blocks_num(&b), b.n));
}

kerf_status kerf__pack_blocks_infer(kerf_node *n)
{
    KERF__TRY(check_weights(n));
    KERF__TRY(check_numbers(n, 1, KERF_F32));
    KERF__TRY(check_numbers(n, 2, n->inputs[0]->type));
    const kerf__blocks b = blocks_of(n);
    kerf__set_output(n, 0, KERF_U8, kerf__blocks_shape(&b));
    return KERF_OK;
}

/* ---- the launch ---------------------------------------------------------------------------- */

int kerf__pack_blocks_fits(const kerf__op_case *c)
{
    return kerf__fits_31_bits(c);
}

kerf_status kerf__pack_blocks_build(const kerf__op_case *c)
{
    const kerf_node *n = c->node;
    const kerf__blocks b = blocks_of(n);
    const int is_turned = is_transposed(n), blocks = kerf__blocks_num(&b);
    const int is_blocked = kerf_node_int(n, "block_size", 0) > 0;
    const int has_columns = !is_blocked && kerf__value_elements(n->inputs[1]) > 1;
    const int has_zero_columns = b.has_zero && kerf__value_elements(n->inputs[2]) > 1;
    const int block_step = !is_blocked ? 0 : is_turned ? 1 : b.n;
    const int block_column = is_turned ? blocks : 1;
    const unsigned num = (unsigned)(kerf__value_elements(n->outputs[0]) / 4);
    char options[48];
    snprintf(options, sizeof options, "-DV=4 -DBITS=%d -DSIGNED=%d", b.bits,
             kerf__type_has_sign(n->inputs[0]->type));
    return kerf__emit(
        c, &kerf__source_matmul_blocks_pack, "matmul_blocks_pack", options,
        KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__in(c, 1)), ARG(kerf__in(c, b.has_zero ? 2 : 0)),
                   ARG(kerf__out(c, 0)), ARG(b.k), ARG(b.n), ARG(is_turned ? 1 : b.n),
                   ARG(is_turned ? b.k : 1), ARG(b.size), ARG(blocks), ARG(kerf__blocks_rows(&b)),
                   ARG(b.has_zero), ARG(block_step), ARG(is_blocked ? block_column : has_columns),
                   ARG(is_blocked ? block_column : has_zero_columns), ARG(num)),
        kerf__grid_items(num));
}
