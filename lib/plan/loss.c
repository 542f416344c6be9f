/* plan/loss.c -- labels, the loss, and the sums that are read once in a while; or a loss that the
 * graph has itself, without all these.
 *
 * The sums (loss times samples, hits, hits among the first five, samples) lie in the state,
 * so that a checkpoint in the middle of an epoch holds them.  Training and evaluation have
 * each their own: a validation between two training steps must not mix them. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "plan/plan_internal.h"

static const struct {
    const char *op;
    int num_outputs;
} LOSSES[] = {
    [KERF_LOSS_CROSS_ENTROPY] = {"SoftmaxCrossEntropyLoss", 2}, /* the second: log(p) */
    [KERF_LOSS_MSE] = {"kerf.MseLoss", 1},
};

static const char *const METRICS[] = {
    [KERF_EVALUATE] = "kerf.metrics.evaluate",
    [KERF_TRAIN] = "kerf.metrics.train",
};

/* An input under a name that callers know, which a value of the graph may have already. */
static kerf_status add_labels(kerf__planning *p)
{
    kerf_plan *plan = p->plan;
    for (size_t i = 0; i < plan->inputs.num; i++)
        if (strcmp(plan->inputs.items[i].name, "labels") == 0)
            return kerf__fail(KERF_ERR_ARGUMENT, "plan: the graph's input 'labels' must have "
                                                 "another name, the loss has one of that name");
    char *name = kerf__graph_fresh_name(plan->graph, "labels");
    if (name == NULL)
        return kerf__fail_memory("plan", sizeof "labels");
    kerf_status status = kerf_graph_add_input(plan->graph, name, KERF_S32,
                                              KERF_SHAPE(p->target->shape.dims[0]), &p->labels);
    free(name);
    return status == KERF_OK ? kerf__ends_add(&plan->inputs, "labels", p->labels) : status;
}

kerf_status kerf__plan_append(kerf_graph *g, const char *op, const char *base,
                              kerf_value *const *inputs, int num_inputs, int num_outputs,
                              kerf_node **out)
{
    char *name = kerf__graph_fresh_name(g, base);
    if (name == NULL)
        return kerf__fail_memory("plan", 64);
    kerf_status status = kerf_graph_add_node(g, op, name, inputs, num_inputs, num_outputs, out);
    free(name);
    return status;
}

static kerf_status add_metrics(kerf__planning *p)
{
    kerf_plan *plan = p->plan;
    const char *name = METRICS[plan->mode];
    const kerf_state_entry *entry = kerf_state_find(plan->state, name);
    kerf_value *sums;
    kerf_node *node;
    if (entry == NULL)
        KERF__TRY(kerf_state_add(plan->state, name, KERF_ROLE_METRIC, -1, KERF_F32, KERF_SHAPE(4),
                                 &plan->metrics));
    else
        plan->metrics = entry->id;
    KERF__TRY(
        kerf_graph_add_state(plan->graph, NULL, plan->metrics, KERF_F32, KERF_SHAPE(4), &sums));
    KERF__TRY(kerf__plan_append(plan->graph, "kerf.Metrics", "kerf.metrics",
                                (kerf_value *[]){p->loss, p->target, p->labels, sums}, 4, 1,
                                &node));
    KERF__TRY(kerf__node_infer(node));
    node->outputs[0]->next_of = plan->metrics;
    return KERF_OK;
}

/* The graph computes it. */
static kerf_status take_given(kerf__planning *p)
{
    char text[128];
    p->loss = p->target;
    if (p->loss->type == KERF_F32 && kerf_shape_num_elements(p->loss->shape) == 1)
        return KERF_OK;
    return kerf__fail(KERF_ERR_SHAPE, "plan: the given loss '%s' is %s %s, must be one float32",
                      p->loss->name, kerf_type_name(p->loss->type),
                      kerf_shape_text(p->loss->shape, text, sizeof text));
}

/* ---- all of it ----------------------------------------------------------------------------- */

/* How labels' pairs count: as each step says, or the first alone where they are only smoothed. */
static kerf_status add_mix(kerf__planning *p)
{
    kerf_tensor *one;
    if (p->options->mixes) {
        KERF__TRY(kerf__plan_add_input(p->plan->graph, "kerf.mix", KERF_F32, KERF_SHAPE(1),
                                       &p->plan->mix));
        p->mix = p->plan->mix;
        return KERF_OK;
    }
    if (!(p->options->smoothing > 0))
        return KERF_OK;
    KERF__TRY(kerf_tensor_create(&one, NULL, KERF_F32, KERF_SHAPE(1)));
    *(float *)kerf_tensor_data(one) = 1;
    return kerf_graph_add_constant(p->plan->graph, NULL, one, &p->mix);
}

static kerf_status add_labels_loss(kerf__planning *p)
{
    kerf_node *node;
    const int is_soft = p->mix != NULL;
    KERF__TRY(kerf__plan_append(p->plan->graph,
                                is_soft ? "kerf.SoftLabelLoss" : LOSSES[p->options->loss].op,
                                "kerf.loss", (kerf_value *[]){p->target, p->labels, p->mix},
                                is_soft ? 3 : 2, LOSSES[p->options->loss].num_outputs, &node));
    if (is_soft)
        KERF__TRY(kerf_node_set_float(node, "smoothing", p->options->smoothing));
    KERF__TRY(kerf__node_infer(node));
    p->loss = node->outputs[0];
    return KERF_OK;
}

kerf_status kerf__plan_add_loss(kerf__planning *p)
{
    if (p->options->loss == KERF_LOSS_GIVEN)
        return take_given(p);
    if (p->target->shape.rank != 2)
        return kerf__fail(KERF_ERR_SHAPE,
                          "plan: the loss is taken of '%s' with %d dimensions, must have two: "
                          "(batch, classes)",
                          p->target->name, p->target->shape.rank);
    KERF__TRY(add_labels(p));
    KERF__TRY(add_mix(p));
    if (!kerf__plan_taps_take_labels(p))
        KERF__TRY(add_labels_loss(p));
    KERF__TRY(kerf__plan_add_taps(p));
    KERF__TRY(kerf__ends_add(&p->plan->outputs, "kerf.loss", p->loss));
    KERF__TRY(kerf_graph_add_output(p->plan->graph, p->loss));
    return add_metrics(p);
}
