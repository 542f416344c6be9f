/* ops/dropout.c -- dropout of a plan that trains.
 *
 *     kerf.Dropout(src, step (KERF__STEP_FLOATS)) -> dst
 *
 * An element is dropped with probability `ratio`, the others are multiplied by 1 / (1 - ratio).
 * Which are dropped follows from the attribute "key" (two numbers of 32 bits), the number of the
 * step and the element's place, so the gradient is the same operation on what arrives.  The
 * model's own Dropout means evaluation (shape.c); lib/plan/dropping.c puts this one in its place.
 *
 * Device side: kernels/dropout.cl.  Definition: tests/ref/ref_dropout.c. */
#include <limits.h>

#include "base/fail.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_dropout;

static float ratio_of(const kerf_node *n)
{
    return kerf_node_float(n, "ratio", 0.5f);
}

static kerf_status infer(kerf_node *n)
{
    kerf__ints key;
    KERF__TRY(kerf__node_check_type(n, 0, KERF_F32));
    KERF__TRY(kerf__node_check_type(n, 1, KERF_F32));
    KERF__TRY(kerf__node_check_shape(n, 1, KERF_SHAPE(KERF__STEP_FLOATS)));
    KERF__TRY(kerf__node_get_ints(n, "key", INT_MAX, &key));
    if (key.num != 2)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "key has %zu numbers, must have 2", key.num);
    if (!(ratio_of(n) >= 0 && ratio_of(n) <= 1))
        return kerf__fail_node(KERF_ERR_SHAPE, n, "ratio is %g, must be in [0, 1]",
                               (double)ratio_of(n));
    kerf__set_output(n, 0, KERF_F32, n->inputs[0]->shape);
    return KERF_OK;
}

static kerf_status gradient(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff = kerf__gradient_of(grads, n->outputs[0]);
    kerf_node *node;
    if (diff == NULL || !kerf__gradient_wanted(grads, n->inputs[0]))
        return KERF_OK;
    KERF__TRY(kerf__gradient_add_node(grads, "kerf.Dropout", n, "grad",
                                      (kerf_value *[]){diff, n->inputs[1]}, 2, &node));
    KERF__TRY(kerf__node_copy_attributes(node, n));
    KERF__TRY(kerf__node_infer(node));
    return kerf__gradient_add(grads, n->inputs[0], node->outputs[0]);
}

static kerf_status build(const kerf__op_case *c)
{
    const kerf_node *n = c->node;
    const size_t num = (size_t)kerf__value_elements(n->inputs[0]), groups = kerf__ceil_div(num, 64);
    const double ratio = (double)ratio_of(n), threshold = ratio * 4294967296.0;
    const size_t pieces = kerf__pieces_an_item(c, groups, 10, 64);
    kerf__ints key;
    KERF__TRY(kerf__node_get_ints(n, "key", INT_MAX, &key));
    return kerf__emit(c, &kerf__source_dropout, "dropout", kerf__is_wide(c) ? "-DV=16" : "-DV=1",
                      KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__in(c, 1)), ARG(kerf__out(c, 0)),
                                 ARG(ratio < 1 ? (float)(1 / (1 - ratio)) : 0.0f),
                                 ARG(threshold < 4294967295.0 ? (unsigned)threshold : UINT_MAX),
                                 ARG((unsigned)key.items[0]), ARG((unsigned)key.items[1]),
                                 ARG((unsigned)num), ARG((unsigned)(64 * pieces))),
                      kerf__is_wide(c) ? kerf__grid_wide(kerf__ceil_div(groups, pieces), 1, 1)
                                       : kerf__grid_items(16 * groups));
}

static const kerf__variant VARIANTS[] = {
    KERF__BOTH_STYLES("dropout", .fits = kerf__fits_31_bits, .build = build),
};

extern const kerf__op kerf__ops_dropout[];
const kerf__op kerf__ops_dropout[] = {
    {.op = "kerf.Dropout",
     .min_inputs = 2,
     .max_inputs = 2,
     .num_outputs = 1,
     .infer = infer,
     .gradient = gradient,
     .variants = VARIANTS,
     .num_variants = sizeof VARIANTS / sizeof VARIANTS[0],
     .in_place = 1u},
    {.op = NULL},
};
