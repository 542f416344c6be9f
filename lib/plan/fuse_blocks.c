/* plan/fuse_blocks.c -- a product by weights of few bits reads them as they are, and makes floats
 * of them in registers.
 *
 *     DequantizeLinear(weights) -> Gemm or MatMul [-> Relu]
 *
 * becomes kerf.MatMulBlocks behind a kerf.PackBlocks, which is prepared (prepare.c), where rows are
 * few: they are bound by reading weights.  Of more rows the DequantizeLinear is what is prepared:
 * a product by floats is then as fast or faster.  On two cores of Zen 4 by PoCL, int4 in blocks of
 * 32, 4096x4096, floats take 1.2 times as long for 16 rows and as long for 32.
 *
 * Gradients read the floats, too, and then all stays.  Other halves: fuse.c, which has the order of
 * rules; lib/ops/matmul_blocks.c. */
#include <string.h>

#include "base/fail.h"
#include "ops/matmul_blocks_common.h"
#include "plan/plan_internal.h"

enum { MOST_ROWS = 16 };

/* What becomes one product. */
typedef struct pattern {
    kerf_node *product, *dequantize;
    int is_turned; /* weights are (N, K) */
    int64_t n, block_size;
} pattern;

static int is_settled(const kerf_value *v)
{
    return v == NULL || v->kind == KERF__VALUE_CONSTANT || v->kind == KERF__VALUE_STATE;
}

static int is_of_few_bits(const kerf_value *v)
{
    static const unsigned TYPES = 1u << KERF_U8 | 1u << KERF_S8 | 1u << KERF_U4 | 1u << KERF_S4 |
                                  1u << KERF_U2 | 1u << KERF_S2;
    return (TYPES >> v->type & 1u) != 0 && v->shape.rank == 2 && is_settled(v) &&
           kerf__value_elements(v) > 0;
}

/* One scale for all, one a column, or one for so many steps of a sum. */
static int has_column_scales(const pattern *p)
{
    const kerf_node *d = p->dequantize;
    const int64_t given = kerf_node_int(d, "axis", 1), axis = given < 0 ? given + 2 : given;
    const int k_axis = p->is_turned ? 1 : 0, bits = (int)kerf_type_bits(d->inputs[0]->type);
    if (!is_settled(d->inputs[1]) || !is_settled(kerf_node_input(d, 2)))
        return 0;
    if (p->block_size > 0)
        return axis == k_axis && kerf__blocks_hold_words(bits, p->block_size);
    return kerf__value_elements(d->inputs[1]) == 1 || axis != k_axis;
}

int kerf__plan_is_plain_product(const kerf_node *n, int64_t columns)
{
    const kerf_value *bias = kerf_node_input(n, 2);
    const char *activation = kerf_node_string(n, "activation", "relu");
    return kerf_node_float(n, "alpha", 1) == 1 && kerf_node_float(n, "beta", 1) == 1 &&
           kerf_node_int(n, "transA", 0) == 0 && strcmp(activation, "relu") == 0 &&
           (bias == NULL || kerf_shape_equal(bias->shape, KERF_SHAPE(columns)));
}

int64_t kerf__plan_num_rows(const kerf_value *a)
{
    return a->shape.rank > 0 ? kerf__value_elements(a) / a->shape.dims[a->shape.rank - 1] : 0;
}

static int match(kerf_node *n, pattern *p)
{
    const kerf_value *weights = n->inputs[1];
    kerf_node *d = weights->producer;
    if (!kerf__node_is(d, "DequantizeLinear") || !kerf__plan_is_read_once(weights) ||
        n->outputs[0]->next_of >= 0 || !is_of_few_bits(d->inputs[0]))
        return 0;
    const int is_turned = kerf_node_int(n, "transB", 0) != 0;
    *p = (pattern){n, d, is_turned, weights->shape.dims[is_turned ? 0 : 1],
                   kerf_node_int(d, "block_size", 0)};
    return has_column_scales(p) && kerf__plan_is_plain_product(n, p->n) &&
           weights->shape.dims[is_turned ? 1 : 0] <= KERF__MOST_ITERATIONS &&
           kerf__plan_num_rows(n->inputs[0]) <= MOST_ROWS;
}

/* ---- the two nodes ------------------------------------------------------------------------- */

static kerf_status set_block_size(kerf_node *n, const pattern *p)
{
    return p->block_size > 0 ? kerf_node_set_int(n, "block_size", p->block_size) : KERF_OK;
}

static kerf_status add_packing(kerf_graph *g, const pattern *p, kerf_node **out)
{
    KERF__TRY(kerf_graph_add_node(g, "kerf.PackBlocks", NULL, p->dequantize->inputs,
                                  p->dequantize->num_inputs, 1, out));
    KERF__TRY(kerf_node_set_int(*out, "transB", p->is_turned));
    KERF__TRY(set_block_size(*out, p));
    KERF__TRY(kerf__node_set_pass(*out, kerf__node_pass(p->product)));
    return kerf__node_infer(*out);
}

/* Packed integers have no sign: without zero points theirs is half their range. */
static kerf_status set_numbers(kerf_node *n, const pattern *p)
{
    const kerf_type type = p->dequantize->inputs[0]->type;
    const int bits = (int)kerf_type_bits(type);
    const int has_sign = type == KERF_S8 || type == KERF_S4 || type == KERF_S2;
    KERF__TRY(kerf_node_set_int(n, "bits", bits));
    KERF__TRY(kerf_node_set_int(n, "columns", p->n));
    KERF__TRY(kerf_node_set_int(n, "zero", has_sign ? 1 << (bits - 1) : 0));
    return set_block_size(n, p);
}

kerf_status kerf__plan_take_product(kerf_graph *g, kerf_node *n, const kerf_node *product)
{
    if (kerf__node_attribute(product, "activation") != NULL)
        KERF__TRY(kerf_node_set_string(n, "activation", "relu"));
    KERF__TRY(kerf__node_set_pass(n, kerf__node_pass(product)));
    KERF__TRY(kerf__node_infer(n));
    kerf__graph_replace_uses(g, product->outputs[0], n->outputs[0]);
    return KERF_OK;
}

static kerf_status replace(kerf_graph *g, const pattern *p)
{
    kerf_node *packing, *n;
    KERF__TRY(add_packing(g, p, &packing));
    kerf_value *inputs[] = {p->product->inputs[0], packing->outputs[0],
                            kerf_node_input(p->product, 2)};
    KERF__TRY(kerf_graph_add_node(g, "kerf.MatMulBlocks", NULL, inputs, inputs[2] != NULL ? 3 : 2,
                                  1, &n));
    kerf__node_take_name(n, p->product);
    KERF__TRY(set_numbers(n, p));
    return kerf__plan_take_product(g, n, p->product);
}

kerf_status kerf__plan_fuse_blocks(kerf_graph *g, kerf_node *product)
{
    pattern p;
    return match(product, &p) ? replace(g, &p) : KERF_OK;
}
