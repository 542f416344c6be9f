/* plan/partials.c -- results of a run that are of its own batch alone, and must be of other plans'
 * batches, too, before the run goes on: what batch normalisation takes its statistics of, and its
 * gradient's sums (kerf_plan_options.statistics_batch).
 *
 *     launches ... | moments | complete | BatchNormalization ...      forward
 *     launches ... | sums    | complete | BatchNormGrad ...           backward
 *
 * A run stops behind each node that makes one, and whoever trains gives the tensor what all have,
 * in its place.  Who they are and how that comes about is not known here.  Nobody who completes:
 * the batch stands for all. */
#include "plan/plan_internal.h"

/* Which output, and whether it holds moments. */
static const struct maker {
    const char *op;
    int output, has_moments;
} MAKERS[] = {
    {"kerf.BatchNormMoments", 0, 1},
    {"kerf.BatchNormSums", 2, 0},
};

static const struct maker *maker_of(const kerf_node *n)
{
    for (size_t i = 0; i < sizeof MAKERS / sizeof MAKERS[0]; i++)
        if (kerf__node_is(n, MAKERS[i].op))
            return &MAKERS[i];
    return NULL;
}

/* Not where nobody reads it: the gradient of what no weight stands before. */
int kerf__node_is_partial(const kerf_node *n)
{
    const struct maker *maker = maker_of(n);
    return maker != NULL && kerf__value_num_uses(n->outputs[maker->output]) > 0;
}

size_t kerf__plan_next_partial(const kerf_plan *p, size_t first, size_t end)
{
    while (first < end && !kerf__node_is_partial(p->graph->nodes[first]))
        first++;
    return first;
}

void kerf__plan_complete_by(kerf_plan *p, kerf__completer complete, void *context)
{
    p->complete = complete;
    p->completer = context;
}

kerf_status kerf__plan_complete(const kerf_plan *p, size_t node)
{
    const kerf_node *n = p->graph->nodes[node];
    const struct maker *maker = maker_of(n);
    const kerf__partial part = {.tensor = p->tensors[n->outputs[maker->output]->index],
                                .has_moments = maker->has_moments,
                                .elements = kerf_node_int(n, "elements", 0)};
    return p->complete(p->completer, &part);
}
