/* compress/quantize/quantize_dynamic.c -- integers whose range is found in each run.
 *
 *     x --> DynamicQuantizeLinear --> MatMulInteger --> Cast --> Mul --> Add --> y
 *                        weights s8 --^               x_scale * weight_scale   bias
 *
 * Weights are stored as integers, everything else is as the run finds it: no samples are needed. */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "compress/quantize/quantize_internal.h"
#include "tensor/tensor_internal.h"

/* Outputs of a DynamicQuantizeLinear. */
enum { INTEGERS, SCALE, ZERO_POINT, NUM_OUTPUTS };

/* One for all layers that read x. */
static kerf_status quantized(kerf_graph *g, kerf_value *x, const kerf_node **out)
{
    for (size_t i = 0; i < g->num_nodes; i++) {
        *out = g->nodes[i];
        if (strcmp((*out)->op, "DynamicQuantizeLinear") == 0 && (*out)->inputs[0] == x)
            return KERF_OK;
    }
    kerf_node *n;
    kerf_value *added;
    KERF__TRY(
        kerf__add_node(g, "DynamicQuantizeLinear", x->name, "q", &x, 1, KERF_U8, x->shape, &n));
    while (n->num_outputs < NUM_OUTPUTS)
        KERF__TRY(kerf__graph_add_output_value(g, n, NULL, &added));
    n->outputs[SCALE]->type = KERF_F32;
    n->outputs[ZERO_POINT]->type = KERF_U8;
    n->outputs[SCALE]->shape = n->outputs[ZERO_POINT]->shape = KERF_SCALAR;
    *out = n;
    return KERF_OK;
}

typedef struct stored {
    kerf_value *integers, *scale, *zero; /* zero NULL: there is none */
} stored;

static kerf_status store_weights(stored *out, kerf_graph *g, const kerf_state *s,
                                 const kerf_quantize_options *options,
                                 const kerf__quantize_layer *l)
{
    const kerf__rounding how = {.type = KERF_S8,
                                .symmetric = !options->asymmetric,
                                .axis = options->per == KERF_PER_TENSOR ? -1 : 1};
    kerf__rounded r;
    *out = (stored){0};
    KERF__TRY(kerf__layer_round_matrix(&r, s, options, l, how));
    kerf_status status = kerf__add_constant(g, l->weight->name, "q", r.integers, &out->integers);
    r.integers = NULL;
    if (status == KERF_OK) {
        status = kerf__add_constant(g, l->weight->name, "scale", r.scales, &out->scale);
        r.scales = NULL;
    }
    if (status == KERF_OK && options->asymmetric) {
        status = kerf__add_constant(g, l->weight->name, "zero", r.zeros, &out->zero);
        r.zeros = NULL;
    }
    kerf__rounded_free(&r);
    return status;
}

static kerf_status rewrite_layer(kerf_graph *g, const kerf_state *s,
                                 const kerf_quantize_options *options,
                                 const kerf__quantize_layer *l)
{
    enum { FLOAT = 1 };
    const char *name = l->node->name;
    const kerf_shape shape = l->node->outputs[0]->shape;
    const kerf_node *x;
    stored w;
    kerf_node *product, *floats, *scale, *scaled;
    KERF__TRY(quantized(g, l->node->inputs[0], &x));
    KERF__TRY(store_weights(&w, g, s, options, l));
    kerf_value *const factors[] = {x->outputs[INTEGERS], w.integers, x->outputs[ZERO_POINT],
                                   w.zero};
    KERF__TRY(kerf__add_node(g, "MatMulInteger", name, "product", factors, w.zero != NULL ? 4 : 3,
                             KERF_S32, shape, &product));
    KERF__TRY(
        kerf__add_node(g, "Cast", name, "floats", product->outputs, 1, KERF_F32, shape, &floats));
    KERF__TRY(kerf_node_set_int(floats, "to", FLOAT));
    KERF__TRY(kerf__add_node(g, "Mul", name, "scale", (kerf_value *[]){x->outputs[SCALE], w.scale},
                             2, KERF_F32, w.scale->shape, &scale));
    KERF__TRY(kerf__add_node(g, "Mul", name, "scaled",
                             (kerf_value *[]){floats->outputs[0], scale->outputs[0]}, 2, KERF_F32,
                             shape, &scaled));
    return kerf__finish_matmul(g, l, scaled->outputs[0]);
}

kerf_status kerf__quantize_dynamic(kerf_graph *g, const kerf_state *s,
                                   const kerf_quantize_options *options,
                                   const kerf__quantize_layers *layers)
{
    for (size_t i = 0; i < layers->num; i++)
        if (layers->at[i].mode == KERF_QUANTIZE_DYNAMIC)
            KERF__TRY(rewrite_layer(g, s, options, &layers->at[i]));
    return KERF_OK;
}
