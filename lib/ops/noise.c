/* ops/noise.c -- random numbers of a step, for gates that are sampled while they are trained
 * (plan/gates.c).
 *
 *     kerf.Noise(like, step (KERF__STEP_FLOATS)) -> dst, of the shape of like
 *
 * `value` says of which distribution: "logistic" (0, 1), or "normal" (0, 1).  As with kerf.Dropout
 * a number follows from the attribute "key" (two numbers of 32 bits), the number of the step and
 * the element's place, whatever ran before.  No gradient leads through it.
 *
 * Device side: kernels/noise.cl.  Definition: tests/ref/ref_noise.c. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_noise;

static int is_normal(const kerf_node *n)
{
    return strcmp(kerf_node_string(n, "value", ""), "normal") == 0;
}

static kerf_status infer(kerf_node *n)
{
    const char *value = kerf_node_string(n, "value", "");
    kerf__ints key;
    KERF__TRY(kerf__node_check_type(n, 0, KERF_F32));
    KERF__TRY(kerf__node_check_type(n, 1, KERF_F32));
    KERF__TRY(kerf__node_check_shape(n, 1, KERF_SHAPE(KERF__STEP_FLOATS)));
    KERF__TRY(kerf__node_get_ints(n, "key", INT_MAX, &key));
    if (key.num != 2)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "key has %zu numbers, must have 2", key.num);
    if (!is_normal(n) && strcmp(value, "logistic") != 0)
        return kerf__fail_node(KERF_ERR_ARGUMENT, n, "value is '%s', must be logistic or normal",
                               value);
    kerf__set_output(n, 0, KERF_F32, n->inputs[0]->shape);
    return KERF_OK;
}

static kerf_status build(const kerf__op_case *c)
{
    const kerf_node *n = c->node;
    const size_t num = (size_t)kerf__value_elements(n->inputs[0]), groups = kerf__ceil_div(num, 64);
    const size_t pieces = kerf__pieces_an_item(c, groups, 10, 64);
    char options[32];
    kerf__ints key;
    snprintf(options, sizeof options, "-DV=%d -DNORMAL=%d", kerf__is_wide(c) ? 16 : 1,
             is_normal(n));
    KERF__TRY(kerf__node_get_ints(n, "key", INT_MAX, &key));
    return kerf__emit(c, &kerf__source_noise, "noise", options,
                      KERF__ARGS(ARG(kerf__in(c, 1)), ARG(kerf__out(c, 0)),
                                 ARG((unsigned)key.items[0]), ARG((unsigned)key.items[1]),
                                 ARG((unsigned)num), ARG((unsigned)(64 * pieces))),
                      kerf__is_wide(c) ? kerf__grid_wide(kerf__ceil_div(groups, pieces), 1, 1)
                                       : kerf__grid_items(16 * groups));
}

static const kerf__variant VARIANTS[] = {
    KERF__BOTH_STYLES("noise", .fits = kerf__fits_31_bits, .build = build),
};

extern const kerf__op kerf__ops_noise[];
const kerf__op kerf__ops_noise[] = {
    {.op = "kerf.Noise",
     .min_inputs = 2,
     .max_inputs = 2,
     .num_outputs = 1,
     .infer = infer,
     .variants = VARIANTS,
     .num_variants = sizeof VARIANTS / sizeof VARIANTS[0]},
    {.op = NULL},
};
