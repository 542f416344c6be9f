/* plan/statistics.c -- whose statistics a BatchNormalization takes, and whether trained ranges
 * follow what is seen.
 *
 * Training: those of the batch, whatever the file says, and the running ones in the state move
 * on; they stay what they are, and are taken, where a pattern of `freeze` fits their name or
 * where they are no state.  Where other plans have the rest of the batch (statistics_batch) a node
 * of its own finds this plan's part of them first, to which a run adds the others' (partials.c).
 * Evaluation: the running ones, unless somebody reads what becomes of
 * them: then the node means what ONNX says.
 *
 * A kerf.FollowRange is told by the step how much a batch counts; in an evaluation it writes
 * nothing, and so nobody looks at what it watches. */
#include "base/fail.h"
#include "plan/plan_internal.h"

#include <string.h>

enum { MEAN = 3, VARIANCE = 4, MOMENTS = 5, NEXT_MEAN = 1, NEXT_VARIANCE = 2 };
enum { STEP = 2 }; /* of kerf.FollowRange */

static int is_next_read(const kerf_node *n)
{
    int uses = 0;
    for (int i = NEXT_MEAN; i < n->num_outputs; i++)
        uses += kerf__value_num_uses(n->outputs[i]);
    return uses > 0;
}

static int is_statistic(const kerf__planning *p, const kerf_value *v)
{
    return v->kind == KERF__VALUE_STATE &&
           kerf_state_get(p->plan->state, v->state_id)->role == KERF_ROLE_STATISTIC;
}

static int moves_on(const kerf__planning *p, const kerf_value *v)
{
    return is_statistic(p, v) && !kerf__plan_is_frozen(p->options, v->name);
}

/* One writer a state: the same statistics at two places of a network would be averaged over
 * both, which no node can do alone. */
static kerf_status set_next(kerf_node *n, int output, int input)
{
    const int id = n->inputs[input]->state_id;
    for (size_t i = 0; i < n->graph->num_values; i++)
        if (n->graph->values[i]->next_of == id)
            return kerf__fail(KERF_ERR_UNSUPPORTED,
                              "plan: running statistics '%s' belong to two nodes, must belong to "
                              "one (or be frozen)",
                              n->inputs[input]->name);
    n->outputs[output]->next_of = id;
    return KERF_OK;
}

/* As an input behind the others: what all have. */
static kerf_status look_beyond(const kerf__planning *p, kerf_node *n)
{
    const kerf_shape src = n->inputs[0]->shape;
    const int64_t batch = p->options->statistics_batch;
    int64_t pixels = 1;
    kerf_node *moments;
    if (batch == 0)
        return KERF_OK;
    for (int i = 2; i < src.rank; i++)
        pixels *= src.dims[i];
    KERF__TRY(kerf__plan_add_before(n, "kerf.BatchNormMoments", n->inputs, 1, &moments));
    KERF__TRY(kerf_node_set_int(moments, "channels", src.dims[1]));
    KERF__TRY(kerf_node_set_int(moments, "elements", src.dims[0] * pixels));
    KERF__TRY(kerf__node_infer(moments));
    KERF__TRY(kerf_node_set_int(n, "total", batch * pixels));
    return kerf__node_put_input(n, MOMENTS, moments->outputs[0]);
}

static kerf_status train(const kerf__planning *p, kerf_node *n)
{
    kerf_value *added;
    while (n->num_outputs <= NEXT_VARIANCE)
        KERF__TRY(kerf__graph_add_output_value(n->graph, n, NULL, &added));
    KERF__TRY(set_next(n, NEXT_MEAN, MEAN));
    KERF__TRY(set_next(n, NEXT_VARIANCE, VARIANCE));
    KERF__TRY(kerf_node_set_int(n, "training_mode", 1));
    KERF__TRY(kerf_node_set_int(n, "unbiased", 1));
    KERF__TRY(look_beyond(p, n));
    return kerf__node_infer(n);
}

static kerf_status set_norm(const kerf__planning *p, kerf_node *n)
{
    if (p->plan->mode == KERF_TRAIN && moves_on(p, n->inputs[MEAN]) &&
        moves_on(p, n->inputs[VARIANCE]))
        return train(p, n);
    if (p->plan->mode == KERF_TRAIN || !is_next_read(n))
        return kerf_node_set_int(n, "training_mode", 0);
    return KERF_OK;
}

static kerf_status set_range(const kerf__planning *p, kerf_node *n)
{
    if (p->plan->mode == KERF_TRAIN)
        return kerf__node_put_input(n, STEP, p->plan->step);
    n->outputs[0]->next_of = -1;
    return KERF_OK;
}

kerf_status kerf__plan_set_statistics(const kerf__planning *p)
{
    kerf_graph *g = p->plan->graph;
    const size_t num = g->num_nodes;
    for (size_t i = 0; i < num; i++) {
        if (strcmp(g->nodes[i]->op, "BatchNormalization") == 0)
            KERF__TRY(set_norm(p, g->nodes[i]));
        if (strcmp(g->nodes[i]->op, "kerf.FollowRange") == 0)
            KERF__TRY(set_range(p, g->nodes[i]));
    }
    return g->num_nodes > num ? kerf__graph_sort(g) : KERF_OK; /* new ones stand at the end */
}
