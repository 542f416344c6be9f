/* ops/score.c -- what a pruning method remembers of each weight while it is trained.
 *
 *     kerf.ScoreUpdate(score, weight, grad) -> next score
 *         keep * score + take * value;  attributes keep, take, and value, one of
 *         "gradient": g,  "taylor": |w g|,  "fisher": g^2,  "movement": -w g
 *
 * It reads the weight of the step that the gradient is of, so before that is updated.
 * Device side: kernels/score.cl.  Definition: tests/ref/ref_score.c. */
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_score;

static const char *const VALUES[] = {"gradient", "taylor", "fisher", "movement"};
enum { NUM_VALUES = sizeof VALUES / sizeof VALUES[0] };

static int is_known(const char *value)
{
    int known = 0;
    for (size_t i = 0; i < NUM_VALUES; i++)
        known |= strcmp(VALUES[i], value) == 0;
    return known;
}

static kerf_status infer(kerf_node *n)
{
    for (int i = 0; i < 3; i++) {
        KERF__TRY(kerf__node_check_type(n, i, KERF_F32));
        KERF__TRY(kerf__node_check_shape(n, i, n->inputs[0]->shape));
    }
    if (!is_known(kerf_node_string(n, "value", "")))
        return kerf__fail_node(KERF_ERR_ARGUMENT, n,
                               "value is '%s', must be gradient, taylor, fisher or movement",
                               kerf_node_string(n, "value", ""));
    kerf__set_output(n, 0, KERF_F32, n->inputs[0]->shape);
    return KERF_OK;
}

static kerf_status build(const kerf__op_case *c)
{
    const kerf_node *n = c->node;
    const size_t num = (size_t)kerf__value_elements(n->inputs[0]);
    char options[64];
    unsigned chunk;
    const kerf__grid grid = kerf__grid_flat(c, num, &chunk);
    snprintf(options, sizeof options, "-DV=%d -DVALUE=value_%s", kerf__is_wide(c) ? 16 : 4,
             kerf_node_string(n, "value", ""));
    return kerf__emit(c, &kerf__source_score, "score_update", options,
                      KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__in(c, 1)), ARG(kerf__in(c, 2)),
                                 ARG(kerf__out(c, 0)), ARG(kerf_node_float(n, "keep", 0)),
                                 ARG(kerf_node_float(n, "take", 1)), ARG((unsigned)num),
                                 ARG(chunk)),
                      grid);
}

static const kerf__variant VARIANTS[] = {
    KERF__BOTH_STYLES("score", .fits = kerf__fits_31_bits, .build = build),
};

extern const kerf__op kerf__ops_score[];
const kerf__op kerf__ops_score[] = {
    {.op = "kerf.ScoreUpdate",
     .min_inputs = 3,
     .max_inputs = 3,
     .num_outputs = 1,
     .infer = infer,
     .variants = VARIANTS,
     .num_variants = 2,
     .in_place = 1},
    {.op = NULL},
};
