/* compress/quantize/quantize_weight_only.c -- weights of few bits, activations as they are.
 *
 *     x --> Gemm --> y            x --> MatMul --> Add --> y
 *     weights --^                 integers --> DequantizeLinear --^
 *
 * A Gemm becomes MatMul and Add, its weights (terms, channels): so readers with kernels for
 * packed weights find them, and blocks lie along the terms of a sum.  Weights of float16 are
 * quantize_half.c's. */
#include "base/fail.h"
#include "compress/quantize/quantize_internal.h"

static kerf_status rewrite_conv(kerf_graph *g, const kerf_state *s,
                                const kerf_quantize_options *options, const kerf__quantize_layer *l)
{
    const kerf__rounding how = kerf__layer_rounding(options, l);
    kerf__rounded rounded;
    kerf_value *v;
    KERF__TRY(kerf__layer_round(&rounded, s, options, l, how));
    kerf_status status = kerf__add_dequantized(g, l->weight->name, &rounded, how.axis, 0, &v);
    kerf__rounded_free(&rounded);
    if (status == KERF_OK)
        kerf__node_set_input(l->node, 1, v);
    return status;
}

static kerf_status rewrite_matrix(kerf_graph *g, const kerf_state *s,
                                  const kerf_quantize_options *options,
                                  const kerf__quantize_layer *l, const kerf__rounding *how)
{
    kerf__rounded rounded;
    kerf_value *v;
    kerf_node *n;
    KERF__TRY(kerf__layer_round_matrix(&rounded, s, options, l, *how));
    kerf_status status =
        kerf__add_dequantized(g, l->weight->name, &rounded, how->axis, how->block, &v);
    kerf__rounded_free(&rounded);
    KERF__TRY(status);
    KERF__TRY(kerf__add_node(g, "MatMul", l->node->name, "product",
                             (kerf_value *[]){l->node->inputs[0], v}, 2, KERF_F32,
                             l->node->outputs[0]->shape, &n));
    return kerf__finish_matmul(g, l, n->outputs[0]);
}

kerf_status kerf__quantize_weight_only(kerf_graph *g, const kerf_state *s,
                                       const kerf_quantize_options *options,
                                       const kerf__quantize_layers *layers)
{
    static const int AXES[] = {
        [KERF_PER_TENSOR] = -1, [KERF_PER_CHANNEL] = 1, [KERF_PER_BLOCK] = 0};
    kerf__rounding how = {.symmetric = !options->asymmetric,
                          .axis = AXES[options->per],
                          .block = options->per == KERF_PER_BLOCK ? options->block : 0};
    for (size_t i = 0; i < layers->num; i++) {
        const kerf__quantize_layer *l = &layers->at[i];
        if (l->mode != KERF_QUANTIZE_WEIGHT_ONLY)
            continue;
        how.type = l->weights;
        how.ends = kerf__layer_rounding(options, l).ends;
        if (l->weights == KERF_F16)
            KERF__TRY(kerf__quantize_half(g, s, l));
        else if (kerf__layer_is_conv(l))
            KERF__TRY(rewrite_conv(g, s, options, l));
        else
            KERF__TRY(rewrite_matrix(g, s, options, l, &how));
    }
    return KERF_OK;
}
