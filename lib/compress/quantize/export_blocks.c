/* compress/quantize/export_blocks.c -- weights of few bits as readers take them that take less.
 *
 *     x --> MatMul --> y          x --> Pad --> MatMul --> y
 *     int4 (300, n) --^           int4 (320, n) --^            blocks of 32
 *
 * OpenVINO and TensorRT refuse a last block that is not whole, and have no integers of 2 bits.  The
 * same numbers fit 4 bits, and what is multiplied by zeros of x may be anything. */
#include <string.h>

#include "base/fail.h"
#include "compress/quantize/export_internal.h"
#include "tensor/tensor_internal.h"

/* ---- 2 bits to 4 ---------------------------------------------------------------------------- */

static int is_of_two_bits(const kerf_node *dq)
{
    return dq != NULL && kerf_type_bits(dq->inputs[0]->type) == 2;
}

static kerf_status widen(kerf_graph *g, kerf_node *dq, int i)
{
    const kerf_value *was = dq->inputs[i];
    const kerf_type type = was->type == KERF_S2 ? KERF_S4 : KERF_U4;
    kerf_tensor *t;
    kerf_value *v;
    KERF__TRY(kerf_tensor_create(&t, NULL, type, was->shape));
    unsigned char *bytes = t->data;
    for (size_t k = 0; k < t->num_elements; k++) {
        const unsigned x = (unsigned)kerf__tensor_int(was->constant, k) & 15u;
        bytes[k / 2] = (unsigned char)(bytes[k / 2] | x << (k % 2 * 4));
    }
    KERF__TRY(kerf__add_constant(g, was->name, "wide", t, &v));
    kerf__node_set_input(dq, i, v);
    return KERF_OK;
}

kerf_status kerf__export_widen(kerf__exporting *x)
{
    for (size_t i = 0; i < x->g->num_nodes; i++) {
        const kerf_node *n = x->g->nodes[i];
        kerf_node *dq = n->num_inputs > 1 ? kerf__stored_by(kerf_node_input(n, 1)) : NULL;
        if (!is_of_two_bits(dq))
            continue;
        KERF__TRY(kerf__export_note(x, n->name, "its weights of 2 bits stored in 4"));
        KERF__TRY(widen(x->g, dq, 0));
        if (kerf_node_input(dq, 2) != NULL)
            KERF__TRY(widen(x->g, dq, 2));
    }
    return KERF_OK;
}

/* ---- whole blocks ---------------------------------------------------------------------------- */

/* How many terms lack to a whole last block of a matrix (terms, channels); 0 for any other. */
static int64_t lacking(const kerf_node *n)
{
    enum { MOST = 65536 }; /* of a block, in a file that is no joke */
    const kerf_node *dq =
        kerf__node_is(n, "MatMul") ? kerf__stored_by(kerf_node_input(n, 1)) : NULL;
    const int64_t block = dq != NULL ? kerf_node_int(dq, "block_size", 0) : 0;
    if (block <= 0 || block > MOST || kerf_node_input(n, 0) == NULL ||
        dq->inputs[0]->shape.rank != 2 || kerf_node_int(dq, "axis", 1) != 0)
        return 0;
    return (block - dq->inputs[0]->shape.dims[0] % block) % block;
}

/* x with that many zeros behind each row. */
static kerf_status pad_input(kerf_graph *g, kerf_node *product, int64_t num)
{
    kerf_tensor *t;
    kerf_value *inputs[4] = {kerf_node_input(product, 0)};
    kerf_node *pad;
    kerf_shape shape = inputs[0]->shape;
    KERF__TRY(kerf_tensor_create(&t, NULL, KERF_S64, KERF_SHAPE(2)));
    ((int64_t *)t->data)[1] = num;
    KERF__TRY(kerf__add_constant(g, product->name, "pads", t, &inputs[1]));
    KERF__TRY(kerf_tensor_create(&t, NULL, KERF_S64, KERF_SHAPE(1)));
    ((int64_t *)t->data)[0] = -1;
    KERF__TRY(kerf__add_constant(g, product->name, "axes", t, &inputs[3]));
    if (shape.rank > 0)
        shape.dims[shape.rank - 1] += num;
    KERF__TRY(kerf__add_node(g, "Pad", product->name, "whole", inputs, 4, KERF_F32, shape, &pad));
    kerf__node_set_input(product, 0, pad->outputs[0]);
    return KERF_OK;
}

/* Rows come last, so what is there keeps its place. */
static kerf_status pad_weights(kerf_graph *g, kerf_node *product, int64_t num)
{
    const kerf_node *dq = kerf__stored_by(kerf_node_input(product, 1));
    const kerf_tensor *was = dq->inputs[0]->constant;
    const int has_zeros = kerf_node_input(dq, 2) != NULL;
    const kerf_shape shape = KERF_SHAPE(was->shape.dims[0] + num, was->shape.dims[1]);
    kerf_tensor *t;
    kerf_value *inputs[3] = {NULL, dq->inputs[1], has_zeros ? dq->inputs[2] : NULL};
    kerf_node *whole;
    KERF__TRY(kerf_tensor_create(&t, NULL, was->type, shape));
    memcpy(t->data, was->data, was->size_bytes);
    KERF__TRY(kerf__add_constant(g, dq->inputs[0]->name, "whole", t, &inputs[0]));
    KERF__TRY(kerf__add_node(g, "DequantizeLinear", dq->name, "whole", inputs, has_zeros ? 3 : 2,
                             KERF_F32, shape, &whole));
    KERF__TRY(kerf__node_copy_attributes(whole, dq));
    kerf__node_set_input(product, 1, whole->outputs[0]);
    return KERF_OK;
}

kerf_status kerf__export_pad(kerf__exporting *x)
{
    const size_t num_nodes = x->g->num_nodes;
    for (size_t i = 0; i < num_nodes; i++) {
        kerf_node *n = x->g->nodes[i];
        const int64_t num = lacking(n);
        if (num == 0)
            continue;
        KERF__TRY(kerf__export_note(
            x, n->name, "zeros put behind its inputs, as its last block was not whole"));
        KERF__TRY(pad_weights(x->g, n, num));
        KERF__TRY(pad_input(x->g, n, num));
    }
    return KERF_OK;
}
