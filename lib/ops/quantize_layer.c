/* ops/quantize_layer.c -- what a layer needs to be rounded while it is trained, computed anew in
 * each step from its weights and bias.
 *
 *     kerf.QuantizeLayer (most)                 -> weight_scale
 *     kerf.QuantizeLayer (most, x_scale, bias)  -> weight_scale, integers, bias_scale
 *
 * `most` has the largest |weight|, one for all or one a channel; attribute `largest` the largest
 * integer of a weight.  The bias becomes int32 in units of x_scale * weight_scale, and widens a
 * scale that is too small for it: as lib/compress/quantize does on the host, bit for bit.
 *
 * The gradient of the integers is the bias's ("straight through"); scales have none.
 *
 * Device side: kernels/quantize_layer.cl.  Definition: tests/ref/ref_quantize_layer.c. */
#include <stdint.h>

#include "base/fail.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_quantize_layer;

enum { MOST, X_SCALE, BIAS, NUM_INPUTS };
enum { WEIGHT_SCALE, INTEGERS, BIAS_SCALE, NUM_OUTPUTS };

static int has_bias(const kerf_node *n)
{
    return n->num_inputs == NUM_INPUTS;
}

/* ---- shapes and gradients -------------------------------------------------------------------- */

static kerf_status check_bias(const kerf_node *n)
{
    const int64_t scales = kerf__value_elements(n->inputs[MOST]);
    KERF__TRY(kerf__node_check_type(n, X_SCALE, KERF_F32));
    KERF__TRY(kerf__node_check_shape(n, X_SCALE, KERF_SCALAR));
    KERF__TRY(kerf__node_check_type(n, BIAS, KERF_F32));
    if (scales == 1 || scales == kerf__value_elements(n->inputs[BIAS]))
        return KERF_OK;
    return kerf__fail_node(KERF_ERR_SHAPE, n,
                           "there are %lld scales for a bias of %lld channels, "
                           "must be one, or one a channel",
                           (long long)scales, (long long)kerf__value_elements(n->inputs[BIAS]));
}

static kerf_status infer(kerf_node *n)
{
    const kerf_shape scales = n->inputs[MOST]->shape;
    KERF__TRY(kerf__node_check_type(n, MOST, KERF_F32));
    if (kerf_node_int(n, "largest", 0) < 1 || kerf_node_int(n, "largest", 0) > INT32_MAX)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "largest is %lld, must be 1 or more",
                               (long long)kerf_node_int(n, "largest", 0));
    if (n->num_outputs != (has_bias(n) ? NUM_OUTPUTS : 1) || n->num_inputs == X_SCALE + 1)
        return kerf__fail_node(KERF_ERR_SHAPE, n,
                               "it has %d inputs and %d outputs, must have 3 and "
                               "3, or 1 and 1",
                               n->num_inputs, n->num_outputs);
    kerf__set_output(n, WEIGHT_SCALE, KERF_F32, scales);
    if (!has_bias(n))
        return KERF_OK;
    KERF__TRY(check_bias(n));
    kerf__set_output(n, INTEGERS, KERF_S32, KERF_SHAPE(kerf__value_elements(n->inputs[BIAS])));
    kerf__set_output(n, BIAS_SCALE, KERF_F32, scales);
    return KERF_OK;
}

static kerf_status pass_bias(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff = has_bias(n) ? kerf__gradient_of(grads, n->outputs[INTEGERS]) : NULL;
    if (diff == NULL || !kerf__gradient_wanted(grads, n->inputs[BIAS]))
        return KERF_OK;
    KERF__TRY(kerf__gradient_reshape(grads, n, diff, n->inputs[BIAS]->shape, &diff));
    return kerf__gradient_add(grads, n->inputs[BIAS], diff);
}

/* ---- launches -------------------------------------------------------------------------------- */

static kerf_status build(const kerf__op_case *c)
{
    const kerf_node *n = c->node;
    const int more = has_bias(n);
    const size_t num = (size_t)kerf__value_elements(n->inputs[MOST]);
    const size_t channels = more ? (size_t)kerf__value_elements(n->inputs[BIAS]) : num;
    if (num == 0)
        return KERF_OK;
    const size_t chunk = kerf__is_wide(c) ? kerf__pieces_an_item(c, num, channels / num, 256) : 1;
    const size_t items = kerf__ceil_div(num, chunk);
    /* What is not there is never touched. */
    return kerf__emit(
        c, &kerf__source_quantize_layer, "quantize_layer", "",
        KERF__ARGS(ARG(kerf__in(c, MOST)), ARG(kerf__in(c, more ? X_SCALE : MOST)),
                   ARG(kerf__in(c, more ? BIAS : MOST)), ARG(kerf__out(c, WEIGHT_SCALE)),
                   ARG(kerf__out(c, more ? INTEGERS : WEIGHT_SCALE)),
                   ARG(kerf__out(c, more ? BIAS_SCALE : WEIGHT_SCALE)),
                   ARG((int)kerf_node_int(n, "largest", 0)), ARG((unsigned)num),
                   ARG((unsigned)channels), ARG((unsigned)more), ARG((unsigned)chunk)),
        kerf__is_wide(c) ? kerf__grid_wide(items, 1, 1) : kerf__grid_items(items));
}

static const kerf__variant VARIANTS[] = {
    KERF__BOTH_STYLES("quantize_layer", .fits = kerf__fits_31_bits, .build = build),
};

extern const kerf__op kerf__ops_quantize_layer[];
const kerf__op kerf__ops_quantize_layer[] = {
    {.op = "kerf.QuantizeLayer",
     .min_inputs = 1,
     .max_inputs = NUM_INPUTS,
     .num_outputs = -1,
     .infer = infer,
     .gradient = pass_bias,
     .variants = VARIANTS,
     .num_variants = sizeof VARIANTS / sizeof VARIANTS[0]},
    {.op = NULL},
};
