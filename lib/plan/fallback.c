/* plan/fallback.c -- another kernel for a node whose own was refused when it was to be launched.
 *
 * A driver may build a kernel and still say at its first launch that it lacks the registers.  What
 * was queued before has run (launch.c waits for first launches), so the run goes on from the
 * node's first launch with other launches in place of the old. */
#include "base/fail.h"
#include "device/refusal.h"
#include "plan/plan_internal.h"

static size_t node_of_launch(const kerf_plan *p, size_t launch)
{
    size_t i = 0;
    while (launch >= p->nodes[i].first_launch + p->nodes[i].num_launches)
        i++;
    return i;
}

/* 1 if the node's first launches, which have run, cannot have changed what it reads. */
static int inputs_are_whole(const kerf_plan *p, size_t i, size_t launch)
{
    const kerf_node *n = p->graph->nodes[i];
    if (launch == p->nodes[i].first_launch)
        return 1;
    for (int k = 0; k < n->num_outputs; k++)
        for (int j = 0; j < n->num_inputs; j++)
            if (n->inputs[j] != NULL && n->outputs[k]->shape.rank >= 0 &&
                p->block_of[n->outputs[k]->index] == p->block_of[n->inputs[j]->index])
                return 0;
    return 1;
}

/* `fresh` in the place of the node's launches. */
static kerf_status exchange(kerf_plan *p, size_t i, kerf__steps *fresh)
{
    kerf__planned *node = &p->nodes[i];
    const size_t num = fresh->num;
    kerf__plan_unjoin(p);
    KERF__TRY(kerf__steps_replace(&p->steps, node->first_launch, node->num_launches, fresh));
    for (size_t k = i + 1; k < p->num_nodes; k++)
        p->nodes[k].first_launch += num - node->num_launches; /* may be less: sizes wrap */
    if (i < p->num_prepared)
        p->num_prepared_launches += num - node->num_launches;
    node->num_launches = num;
    return KERF_OK;
}

/* Another option for the node of launch *at; *at is then where to go on. */
static kerf_status fall_back(kerf_plan *p, size_t *at)
{
    const size_t i = node_of_launch(p, *at);
    kerf__steps fresh = {0};
    if (!inputs_are_whole(p, i, *at))
        return KERF_ERR_UNSUPPORTED; /* the message is there */
    KERF__TRY(kerf__plan_choose_next(p, i));
    kerf_status status = kerf_device_finish(p->dev); /* scratch may still be in use */
    if (status == KERF_OK)
        status = kerf__plan_build_node(p, i, &fresh);
    if (status == KERF_OK)
        status = exchange(p, i, &fresh);
    kerf__steps_clear(&fresh);
    if (status == KERF_OK)
        *at = p->nodes[i].first_launch;
    return status;
}

kerf_status kerf__plan_enqueue(kerf_plan *p, size_t first, const size_t *end)
{
    size_t next = first;
    kerf_status status = kerf__steps_enqueue_until(&p->steps, &next, *end);
    if (status != KERF_ERR_UNSUPPORTED)
        return status;
    while (status == KERF_ERR_UNSUPPORTED) {
        status = fall_back(p, &next);
        if (status != KERF_OK)
            break;
        status = kerf__steps_enqueue_until(&p->steps, &next, *end);
    }
    kerf__refusals_settle(p->dev, status == KERF_OK);
    return status;
}
