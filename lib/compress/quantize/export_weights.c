/* compress/quantize/export_weights.c -- products whose weights alone are integers.
 *
 *     x --> Gemm --> Relu --> y          x --> MatMul --> Add --> Max(0) --> y
 *     s8 --> DQ --^                      s8 --> DQ --^
 *
 * ONNX Runtime packs the weights of a MatMul (MatMulNBits), and blocks of a MatMul are made whole
 * for other readers (export_blocks.c).  But ONNX Runtime fuses a Relu or Clip that is
 * next to the product before it looks for them, and then dequantizes all weights in each run; Max
 * and Min say the same and are left alone. */
#include <string.h>

#include "base/fail.h"
#include "compress/quantize/export_internal.h"
#include "plan/plan_internal.h"
#include "tensor/tensor_internal.h"

/* ---- Gemm to MatMul --------------------------------------------------------------------- */

/* Element i of a tensor of 2 to 32 bits, moved to element k of one that was zeroed. */
static void move_element(const kerf_tensor *src, size_t i, kerf_tensor *dst, size_t k)
{
    const size_t bits = kerf_type_bits(src->type), bytes = bits / 8;
    const unsigned char *from = (const unsigned char *)src->data + i * bits / 8;
    unsigned char *to = (unsigned char *)dst->data + k * bits / 8;
    if (bits >= 8)
        memcpy(to, from, bytes);
    else
        *to = (unsigned char)(*to | ((unsigned)*from >> (i * bits % 8) & ((1u << bits) - 1))
                                        << (k * bits % 8));
}

/* A matrix with rows and columns exchanged; what is no matrix, as it is. */
static kerf_status transpose(kerf_tensor **out, const kerf_tensor *src, int exchange)
{
    kerf_shape shape = src->shape;
    exchange = exchange && shape.rank == 2;
    if (exchange)
        shape = KERF_SHAPE(shape.dims[1], shape.dims[0]);
    KERF__TRY(kerf_tensor_create(out, NULL, src->type, shape));
    const size_t columns = exchange ? (size_t)src->shape.dims[1] : 1;
    const size_t rows = src->num_elements / (columns > 0 ? columns : 1);
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++)
            move_element(src, r * columns + c, *out, exchange ? c * rows + r : r);
    return KERF_OK;
}

static int is_plain_gemm(const kerf_node *n)
{
    return kerf__node_is(n, "Gemm") && kerf__export_form(n) == KERF__FORM_STORED &&
           kerf_node_input(n, 1)->producer->inputs[0]->shape.rank == 2 &&
           kerf_node_int(n, "transA", 0) == 0 && kerf_node_float(n, "alpha", 1) == 1 &&
           (kerf_node_input(n, 2) == NULL || kerf_node_float(n, "beta", 1) == 1);
}

static kerf_status split(kerf_graph *g, kerf_node *gemm)
{
    const kerf_node *dq = kerf__stored_by(kerf_node_input(gemm, 1));
    const int exchange = kerf_node_int(gemm, "transB", 0) != 0;
    int64_t axis = kerf_node_int(dq, "axis", 1);
    kerf_value *weights;
    kerf_node *product;
    kerf__rounded r = {0};
    kerf_status status = transpose(&r.integers, dq->inputs[0]->constant, exchange);
    if (status == KERF_OK)
        status = transpose(&r.scales, dq->inputs[1]->constant, exchange);
    if (status == KERF_OK && kerf_node_input(dq, 2) != NULL)
        status = transpose(&r.zeros, dq->inputs[2]->constant, exchange);
    axis += axis < 0 ? 2 : 0;
    if (status == KERF_OK)
        status = kerf__add_dequantized(g, kerf_node_input(gemm, 1)->name, &r,
                                       (int)(exchange ? 1 - axis : axis),
                                       kerf_node_int(dq, "block_size", 0), &weights);
    kerf__rounded_free(&r);
    KERF__TRY(status);
    KERF__TRY(kerf__add_node(g, "MatMul", gemm->name, "product",
                             (kerf_value *[]){kerf_node_input(gemm, 0), weights}, 2, KERF_F32,
                             gemm->outputs[0]->shape, &product));
    return kerf__finish_matmul(g, &(kerf__quantize_layer){.node = gemm}, product->outputs[0]);
}

kerf_status kerf__export_split_gemm(kerf__exporting *x)
{
    const size_t num = x->g->num_nodes;
    for (size_t i = 0; i < num; i++) {
        kerf_node *n = x->g->nodes[i];
        if (!is_plain_gemm(n))
            continue;
        KERF__TRY(kerf__export_note(x, n->name, "Gemm written as MatMul and Add"));
        KERF__TRY(split(x->g, n));
    }
    return KERF_OK;
}

/* ---- bounds ------------------------------------------------------------------------------ */

/* op(v, limit), where there is a limit. */
static kerf_status add_end(kerf_graph *g, const kerf_node *bound, const char *op, kerf_value **v,
                           kerf_value *limit)
{
    kerf_node *n;
    if (limit == NULL)
        return KERF_OK;
    KERF__TRY(kerf__add_node(g, op, bound->name, op, (kerf_value *[]){*v, limit}, 2, KERF_F32,
                             bound->outputs[0]->shape, &n));
    *v = n->outputs[0];
    return KERF_OK;
}

static kerf_status replace_bound(kerf_graph *g, kerf_node *bound)
{
    kerf_value *v = kerf_node_input(bound, 0), *low = kerf_node_input(bound, 1);
    if (kerf__node_is(bound, "Relu")) {
        kerf_tensor *zero;
        KERF__TRY(kerf_tensor_create(&zero, NULL, KERF_F32, KERF_SCALAR));
        KERF__TRY(kerf__add_constant(g, bound->name, "low", zero, &low));
    }
    KERF__TRY(add_end(g, bound, "Max", &v, low));
    KERF__TRY(add_end(g, bound, "Min", &v, kerf_node_input(bound, 2)));
    return kerf__plan_replace(g, bound->outputs[0], v);
}

kerf_status kerf__export_unbind(kerf__exporting *x)
{
    for (size_t i = 0; i < x->g->num_nodes; i++) { /* those that are split came last */
        const kerf_node *n = x->g->nodes[i];
        if (!kerf__node_is(n, "MatMul") || kerf__export_form(n) != KERF__FORM_STORED)
            continue;
        kerf_node *bound = kerf__bound_behind(kerf__with_bias(n));
        if (bound == NULL)
            continue;
        KERF__TRY(kerf__export_note(x, bound->name, "written as Max and Min, which are not fused"));
        KERF__TRY(replace_bound(x->g, bound));
    }
    return KERF_OK;
}
