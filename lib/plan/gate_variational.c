/* plan/gate_variational.c -- variational dropout: each weight learns how much noise it bears; one
 * that bears much says nothing and goes.
 *
 * With e from the normal distribution and s the parameter, the logarithm of the noise's variance,
 *
 *     sampled: w + exp(s / 2) e
 *     log alpha = s - log(w^2);  settled: w where that is below 3, else 0
 *
 * and the loss counts what separates the weight's distribution from the log-uniform prior, by the
 * approximation softplus(-log alpha) / 2 + K1 sigmoid(-K2 - K3 log alpha), which is 0 for pure
 * noise.
 *
 * Molchanov, Ashukha and Vetrov 2017, "Variational dropout sparsifies deep neural networks",
 * equations 11 to 14 and the threshold of section 5.  Theirs draws what a layer gives, for each
 * sample; here weights are drawn, once a step, which any layer has: gradients are noisier. */
#include "base/fail.h"
#include "ops/op.h"
#include "plan/formula.h"
#include "plan/gates.h"

static const float K1 = 0.63576f, K2 = 1.87320f, K3 = 1.48695f;
static const float MOST_LOG_ALPHA = 3, END = 8; /* END: where slopes are 0 */
static const float TINY = 1e-8f;                /* beside w^2, as log(0) is no number */

static kerf_status add_sampled(const kerf__gate *gate, kerf_value **out)
{
    kerf_value *half, *deviation, *noise;
    KERF__TRY(kerf__formula_with(gate->g, "Mul", gate->parameter, 0.5f, &half));
    KERF__TRY(kerf__formula(gate->g, "Exp", half, NULL, &deviation));
    KERF__TRY(kerf__formula(gate->g, "Mul", deviation, gate->noise, &noise));
    if (gate->mask != NULL)
        KERF__TRY(kerf__formula(gate->g, "kerf.Mask", noise, gate->mask, &noise));
    return kerf__formula(gate->g, "Add", gate->weight, noise, out);
}

static kerf_status add_log_alpha(const kerf__gate *gate, kerf_value **out)
{
    kerf_value *square, *size, *log_size;
    KERF__TRY(kerf__formula(gate->g, "Mul", gate->weight, gate->weight, &square));
    KERF__TRY(kerf__formula_with(gate->g, "Add", square, TINY, &size));
    KERF__TRY(kerf__formula(gate->g, "Log", size, NULL, &log_size));
    return kerf__formula(gate->g, "Sub", gate->parameter, log_size, out);
}

static kerf_status add_settled(const kerf__gate *gate, kerf_value **out)
{
    kerf_value *log_alpha, *says, *zero;
    kerf_node *chosen;
    KERF__TRY(add_log_alpha(gate, &log_alpha));
    KERF__TRY(kerf__formula_with(gate->g, "Less", log_alpha, MOST_LOG_ALPHA, &says));
    KERF__TRY(kerf__formula_number(gate->g, 0, &zero));
    KERF__TRY(kerf_graph_add_node(gate->g, "Where", NULL,
                                  (kerf_value *[]){says, gate->weight, zero}, 3, 1, &chosen));
    *out = chosen->outputs[0];
    return kerf__node_infer(chosen);
}

static kerf_status add_cost(const kerf__gate *gate, kerf_value **out)
{
    kerf_value *log_alpha, *negative, *soft, *half, *slope, *at, *share, *part;
    kerf_node *clip;
    KERF__TRY(add_log_alpha(gate, &log_alpha));
    KERF__TRY(kerf_graph_add_node(gate->g, "Clip", NULL, &log_alpha, 1, 1, &clip));
    KERF__TRY(kerf_node_set_float(clip, "min", -END));
    KERF__TRY(kerf_node_set_float(clip, "max", END));
    KERF__TRY(kerf__node_infer(clip));
    KERF__TRY(kerf__formula(gate->g, "Neg", clip->outputs[0], NULL, &negative));
    KERF__TRY(kerf__formula(gate->g, "Softplus", negative, NULL, &soft));
    KERF__TRY(kerf__formula_with(gate->g, "Mul", soft, 0.5f, &half));
    KERF__TRY(kerf__formula_with(gate->g, "Mul", negative, K3, &slope));
    KERF__TRY(kerf__formula_with(gate->g, "Sub", slope, K2, &at));
    KERF__TRY(kerf__formula(gate->g, "Sigmoid", at, NULL, &share));
    KERF__TRY(kerf__formula_with(gate->g, "Mul", share, K1, &part));
    return kerf__formula(gate->g, "Add", half, part, out);
}

const kerf__gate_kind kerf__gate_variational = {.name = "variational",
                                                .noise = "normal",
                                                .begin = -10,
                                                .add_sampled = add_sampled,
                                                .add_settled = add_settled,
                                                .add_cost = add_cost};
