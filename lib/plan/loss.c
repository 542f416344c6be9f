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

static kerf_status add_node(kerf_graph *g, const char *op, const char *base,
                            kerf_value *const *inputs, int num_inputs, int num_outputs,
                            kerf_node **out)
{
    char *name = kerf__graph_fresh_name(g, base);
    if (name == NULL)
        return kerf__fail_memory("plan", 64);
    kerf_status status = kerf_graph_add_node(g, op, name, inputs, num_inputs, num_outputs, out);
    free(name);
    return status == KERF_OK ? kerf__node_infer(*out) : status;
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
    KERF__TRY(add_node(plan->graph, "kerf.Metrics", "kerf.metrics",
                       (kerf_value *[]){p->loss, p->target, p->labels, sums}, 4, 1, &node));
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

/* ---- teachers ------------------------------------------------------------------------------ */

static kerf_status check_teacher(const kerf__planning *p, const kerf_tensor *teacher)
{
    char is[128], must[128];
    if (teacher->dev == p->plan->dev && teacher->type == KERF_F32 &&
        kerf_shape_equal(teacher->shape, p->target->shape))
        return KERF_OK;
    return kerf__fail(KERF_ERR_SHAPE,
                      "plan: the teacher's output is %s %s, must be float32 %s on "
                      "the student's device, like '%s'",
                      kerf_type_name(teacher->type), kerf_shape_text(teacher->shape, is, sizeof is),
                      kerf_shape_text(p->target->shape, must, sizeof must), p->target->name);
}

static kerf_status add_teacher(kerf__planning *p, const kerf_tensor *teacher, kerf_value **out)
{
    kerf_plan *plan = p->plan;
    KERF__TRY(check_teacher(p, teacher));
    char *name = kerf__graph_fresh_name(plan->graph, "kerf.teacher");
    if (name == NULL)
        return kerf__fail_memory("plan", sizeof "kerf.teacher");
    kerf_status status =
        kerf_graph_add_input(plan->graph, name, teacher->type, teacher->shape, out);
    free(name);
    KERF__TRY(status);
    plan->taps[plan->num_taps++] = (kerf__tapped){*out, teacher};
    return KERF_OK;
}

/* Soft targets and, with the first, labels; all of them added. */
static kerf_status add_taps(kerf__planning *p)
{
    for (size_t i = 0; i < p->options->num_taps; i++) {
        kerf_value *teacher;
        kerf_node *node;
        KERF__TRY(add_teacher(p, p->options->taps[i].teacher, &teacher));
        KERF__TRY(add_node(p->plan->graph, "kerf.DistillationLoss", "kerf.loss",
                           (kerf_value *[]){p->target, teacher, p->labels, p->plan->step}, 4, 2,
                           &node));
        KERF__TRY(
            kerf_node_set_int(node, "at", KERF__STEP_TAPS + (int64_t)i * KERF__STEP_TAP_FLOATS));
        KERF__TRY(kerf__node_infer(node));
        if (i == 0) {
            p->loss = node->outputs[0];
            continue;
        }
        KERF__TRY(add_node(p->plan->graph, "Add", "kerf.loss",
                           (kerf_value *[]){p->loss, node->outputs[0]}, 2, 1, &node));
        p->loss = node->outputs[0];
    }
    return KERF_OK;
}

/* ---- all of it ----------------------------------------------------------------------------- */

static kerf_status add_labels_loss(kerf__planning *p)
{
    kerf_node *node;
    KERF__TRY(add_node(p->plan->graph, LOSSES[p->options->loss].op, "kerf.loss",
                       (kerf_value *[]){p->target, p->labels}, 2,
                       LOSSES[p->options->loss].num_outputs, &node));
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
    KERF__TRY(p->options->num_taps > 0 ? add_taps(p) : add_labels_loss(p));
    KERF__TRY(kerf__ends_add(&p->plan->outputs, "kerf.loss", p->loss));
    KERF__TRY(kerf_graph_add_output(p->plan->graph, p->loss));
    return add_metrics(p);
}
