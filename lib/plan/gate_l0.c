/* plan/gate_l0.c -- hard concrete gates: the number of weights that are not 0, in expectation, as a
 * part of the loss.
 *
 * A gate z in [0, 1] multiplies a weight, or all of a group.  With l from the logistic distribution
 * and a the parameter ("log alpha")
 *
 *     z = clip(sigmoid((a + l) / BETA) (ZETA - GAMMA) + GAMMA, 0, 1)
 *     P(z > 0) = sigmoid(a - BETA log(-GAMMA / ZETA))
 *     settled: clip(sigmoid(a) (ZETA - GAMMA) + GAMMA, 0, 1)
 *
 * so whole gates are exactly 0 or 1 for some time, and a gradient leads through the others.
 *
 * Louizos, Welling and Kingma 2018, "Learning sparse neural networks through L0 regularization",
 * equations 10 to 13; the constants are theirs.  A gate begins open, as weights may have been
 * trained before: settled it is 0.98. */
#include "base/fail.h"
#include "ops/op.h"
#include "plan/formula.h"
#include "plan/gates.h"

static const float BETA = 2.0f / 3.0f, GAMMA = -0.1f, ZETA = 1.1f;
/* BETA log(-GAMMA / ZETA) */
static const float SHIFT = -1.59859685f;

static kerf_status add_clipped(const kerf__gate *gate, kerf_value *logit, kerf_value **out)
{
    kerf_value *share, *wide, *moved;
    kerf_node *clip;
    KERF__TRY(kerf__formula(gate->g, "Sigmoid", logit, NULL, &share));
    KERF__TRY(kerf__formula_with(gate->g, "Mul", share, ZETA - GAMMA, &wide));
    KERF__TRY(kerf__formula_with(gate->g, "Add", wide, GAMMA, &moved));
    KERF__TRY(kerf_graph_add_node(gate->g, "Clip", NULL, &moved, 1, 1, &clip));
    KERF__TRY(kerf_node_set_float(clip, "min", 0));
    KERF__TRY(kerf_node_set_float(clip, "max", 1));
    KERF__TRY(kerf__node_infer(clip));
    return kerf__formula(gate->g, "Mul", gate->weight, clip->outputs[0], out);
}

static kerf_status add_sampled(const kerf__gate *gate, kerf_value **out)
{
    kerf_value *sum, *logit;
    KERF__TRY(kerf__formula(gate->g, "Add", gate->parameter, gate->noise, &sum));
    KERF__TRY(kerf__formula_with(gate->g, "Mul", sum, 1 / BETA, &logit));
    return add_clipped(gate, logit, out);
}

static kerf_status add_settled(const kerf__gate *gate, kerf_value **out)
{
    return add_clipped(gate, gate->parameter, out);
}

/* Of a group each member counts. */
static kerf_status add_cost(const kerf__gate *gate, kerf_value **out)
{
    const int64_t members = kerf_shape_num_elements(gate->weight->shape) /
                            kerf_shape_num_elements(gate->parameter->shape);
    kerf_value *shifted, *open;
    KERF__TRY(kerf__formula_with(gate->g, "Sub", gate->parameter, SHIFT, &shifted));
    KERF__TRY(kerf__formula(gate->g, "Sigmoid", shifted, NULL, &open));
    return kerf__formula_with(gate->g, "Mul", open, (float)members, out);
}

const kerf__gate_kind kerf__gate_l0 = {.name = "l0",
                                       .noise = "logistic",
                                       .begin = 2.2f,
                                       .add_sampled = add_sampled,
                                       .add_settled = add_settled,
                                       .add_cost = add_cost};
