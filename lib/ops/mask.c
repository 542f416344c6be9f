/* ops/mask.c -- what pruning puts behind a weight, and masks chosen by a threshold.
 *
 *     kerf.Mask(weight, mask bool) -> weight, exactly +0 where mask is 0; attribute hard (1): 0
 *         lets the gradient pass straight through, so that what is masked is trained on
 *     kerf.ThresholdMask(threshold (), weight, mask) -> mask: stays 1 where |weight| is above
 *
 * Device side: kernels/mask.cl.  Definition: tests/ref/ref_mask.c. */
#include "base/fail.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_mask;

static kerf_status infer_mask(kerf_node *n)
{
    KERF__TRY(kerf__node_check_type(n, 0, KERF_F32));
    KERF__TRY(kerf__node_check_type(n, 1, KERF_BOOL));
    KERF__TRY(kerf__node_check_shape(n, 1, n->inputs[0]->shape));
    kerf__set_output(n, 0, KERF_F32, n->inputs[0]->shape);
    return KERF_OK;
}

static kerf_status infer_threshold(kerf_node *n)
{
    KERF__TRY(kerf__node_check_type(n, 0, KERF_F32));
    KERF__TRY(kerf__node_check_type(n, 1, KERF_F32));
    KERF__TRY(kerf__node_check_type(n, 2, KERF_BOOL));
    if (kerf__value_elements(n->inputs[0]) != 1)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "threshold has %lld elements, must have 1",
                               (long long)kerf__value_elements(n->inputs[0]));
    KERF__TRY(kerf__node_check_shape(n, 2, n->inputs[1]->shape));
    kerf__set_output(n, 0, KERF_BOOL, n->inputs[1]->shape);
    return KERF_OK;
}

static kerf_status gradient(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff = kerf__gradient_of(grads, n->outputs[0]);
    kerf_node *node;
    if (diff == NULL || !kerf__gradient_wanted(grads, n->inputs[0]))
        return KERF_OK;
    if (kerf_node_int(n, "hard", 1) == 0)
        return kerf__gradient_add(grads, n->inputs[0], diff);
    KERF__TRY(kerf__gradient_node(grads, "kerf.Mask", n, "grad",
                                  (kerf_value *[]){diff, n->inputs[1]}, 2, &node));
    return kerf__gradient_add(grads, n->inputs[0], node->outputs[0]);
}

/* ---- launches ------------------------------------------------------------------------------ */

static kerf_status build(const kerf__op_case *c)
{
    const size_t num = (size_t)kerf__value_elements(c->node->outputs[0]);
    const int by_threshold = c->node->num_inputs == 3;
    kerf__arg args[6];
    int num_args = 0;
    unsigned chunk;
    const kerf__grid grid = kerf__grid_flat(c, num, &chunk);
    for (int i = 0; i < c->node->num_inputs; i++)
        args[num_args++] = ARG(kerf__in(c, i));
    args[num_args++] = ARG(kerf__out(c, 0));
    args[num_args++] = ARG((unsigned)num);
    args[num_args++] = ARG(chunk);
    return kerf__emit(c, &kerf__source_mask, by_threshold ? "mask_threshold" : "mask_apply",
                      kerf__is_wide(c) ? "-DV=16" : "-DV=4", args, num_args, grid);
}

static const kerf__variant VARIANTS[] = {
    KERF__BOTH_STYLES("mask", .fits = kerf__fits_31_bits, .build = build),
};

extern const kerf__op kerf__ops_mask[];
const kerf__op kerf__ops_mask[] = {
    {.op = "kerf.Mask",
     .min_inputs = 2,
     .max_inputs = 2,
     .num_outputs = 1,
     .infer = infer_mask,
     .gradient = gradient,
     .variants = VARIANTS,
     .num_variants = 2,
     .in_place = 1},
    {.op = "kerf.ThresholdMask",
     .min_inputs = 3,
     .max_inputs = 3,
     .num_outputs = 1,
     .infer = infer_threshold,
     .variants = VARIANTS,
     .num_variants = 2,
     .in_place = 4},
    {.op = NULL},
};
