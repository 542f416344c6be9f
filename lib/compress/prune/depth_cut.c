/* compress/prune/depth_cut.c -- taking blocks out of graph and state. */
#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "compress/prune/depth_internal.h"

void kerf__depth_bypass(const kerf__depth_block *block, kerf_graph *g)
{
    kerf__graph_replace_uses(g, kerf_graph_find(g, block->out->name),
                             kerf_graph_find(g, block->in->name));
}

/* What a shortcut leads to may itself be bypassed, so the last block first. */
static void cut_graph(const kerf_depth *d, kerf_graph *g)
{
    for (size_t i = d->num_blocks; i-- > 0;)
        if (!d->blocks[i].told.stays)
            kerf__depth_bypass(&d->blocks[i], g);
    kerf__graph_remove_dead(g);
}

kerf_status kerf__depth_cut_copy(kerf_graph **out, const kerf_depth *d)
{
    kerf_graph *g;
    *out = NULL;
    KERF__TRY(kerf_graph_copy(&g, d->model));
    cut_graph(d, g);
    kerf_status status = kerf__channel_infer(out, g);
    kerf_graph_destroy(g);
    return status;
}

kerf_status kerf_depth_macs(const kerf_depth *d, double *before, double *after)
{
    kerf_graph *g;
    *before = kerf__channel_graph_macs(d->graph);
    *after = NAN;
    KERF__TRY(kerf__depth_cut_copy(&g, d));
    *after = kerf__channel_graph_macs(g);
    kerf_graph_destroy(g);
    return KERF_OK;
}

/* Marks what the graph reads of the state. */
static void mark_states(const kerf_graph *g, char *is_there, char mark)
{
    for (size_t i = 0; i < g->num_values; i++)
        if (g->values[i]->kind == KERF__VALUE_STATE)
            is_there[g->values[i]->state_id] = mark;
}

kerf_status kerf_depth_remove(const kerf_depth *d, kerf_graph *g, kerf_state *s)
{
    kerf_graph *proof;
    const int num = kerf_state_num_ids(s);
    KERF__TRY(kerf__depth_cut_copy(&proof, d));
    kerf_graph_destroy(proof);
    char *goes = kerf__alloc((size_t)num + 1, 1);
    if (goes == NULL)
        return kerf__fail_memory("depth", (size_t)num);
    mark_states(g, goes, 1);
    cut_graph(d, g);
    mark_states(g, goes, 0);
    for (int id = 0; id < num; id++)
        if (goes[id] && kerf_state_get(s, id) != NULL)
            kerf_state_drop(s, id);
    free(goes);
    return KERF_OK;
}
