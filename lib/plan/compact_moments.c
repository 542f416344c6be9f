/* plan/compact_moments.c -- moments of layers that are trained by their non-zeros alone have no
 * more elements than these.
 *
 * The update of a pattern's entries (sparse_layer.c) reads and writes moments in the pattern's
 * order; here the state is told to keep them so, or whole where this plan updates whole weights
 * (state/compact.h): before a plan allocates, so that both forms of all moments never lie side by
 * side.  Behind patterns that were made again entries have other places, and moments go there. What
 * stays in the mask keeps its moment, what is new begins with 0, as behind a mask of a dense
 * update.
 *
 * A plan is bound to the tensors that it found.  Another plan may have the state lay them out anew,
 * so each run asks whether they are still there. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "plan/sparse_layer.h"
#include "state/compact.h"

static int is_moment(const kerf_plan *p, const kerf_value *v)
{
    return v != NULL && v->state_id >= 0 &&
           kerf_state_get(p->state, v->state_id)->role == KERF_ROLE_MOMENT;
}

/* Sources of its pattern are an update's last input. */
static kerf_status lay_moment(const kerf_plan *p, const kerf_node *n, const kerf_value *v)
{
    const kerf_node *pattern = n->inputs[n->num_inputs - 1]->producer;
    if (kerf_shape_equal(v->shape, kerf_state_get(p->state, v->state_id)->shape))
        return kerf__state_unpack(p->state, v->state_id);
    return kerf__state_pack(p->state, v->state_id, v->shape.dims[0],
                            kerf_node_int(pattern, "transposed", 0) ? KERF__BY_COLUMNS
                                                                    : KERF__BY_ROWS);
}

kerf_status kerf__plan_lay_moments(const kerf_plan *p)
{
    for (size_t i = 0; i < p->graph->num_nodes; i++) {
        const kerf_node *n = p->graph->nodes[i];
        for (int k = 0; k < n->num_inputs; k++)
            if (is_moment(p, n->inputs[k]))
                KERF__TRY(lay_moment(p, n, n->inputs[k]));
    }
    return KERF_OK;
}

/* ---- behind patterns that were made again -----------------------------------------------------
 */

static kerf_status read_places(const kerf_plan *p, const kerf_node *pattern, int32_t **places)
{
    kerf_tensor *sources = p->tensors[pattern->outputs[2]->index];
    *places = kerf__alloc(kerf_tensor_num_elements(sources), sizeof **places);
    if (*places == NULL)
        return kerf__fail_memory("plan", kerf_tensor_size_bytes(sources));
    return kerf_tensor_read(sources, *places);
}

static int lags(const kerf_plan *p, const kerf_value *v)
{
    return is_moment(p, v) && kerf__state_lags(p->state, v->state_id);
}

/* All moments of an update have the same places. */
static kerf_status follow(const kerf_plan *p, const kerf_node *n)
{
    const kerf_value *sources = n->inputs[n->num_inputs - 1];
    int32_t *places = NULL;
    kerf_status status = KERF_OK;
    for (int k = 0; k < n->num_inputs && status == KERF_OK; k++) {
        if (!lags(p, n->inputs[k]))
            continue;
        if (places == NULL)
            status = read_places(p, sources->producer, &places);
        if (status == KERF_OK)
            status = kerf__state_follow(p->state, n->inputs[k]->state_id, places,
                                        (size_t)p->nodes[sources->producer->index].num_entries);
    }
    free(places);
    return status;
}

kerf_status kerf__plan_follow_patterns(const kerf_plan *p)
{
    for (size_t i = p->num_prepared; i < p->graph->num_nodes; i++)
        if (kerf__sparse_is_update(p->graph->nodes[i]))
            KERF__TRY(follow(p, p->graph->nodes[i]));
    return KERF_OK;
}

/* ---- plans beside each other ------------------------------------------------------------------
 */

const kerf_state_entry *kerf__plan_find_moved(kerf_plan *p)
{
    const uint64_t now = kerf__state_layouts(p->state);
    for (size_t i = 0; i < p->num_blocks && now != p->checked_layouts; i++) {
        const kerf_state_entry *e = p->blocks[i].kind == KERF__BLOCK_STATE
                                        ? kerf_state_get(p->state, p->blocks[i].state_id)
                                        : NULL;
        if (e != NULL && e->layout > p->layouts)
            return e;
    }
    p->checked_layouts = now;
    return NULL;
}
