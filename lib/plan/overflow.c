/* plan/overflow.c -- which layer of a plan of halves gave a number that is none as a half.
 *
 * A result beyond 65504 becomes infinite, and nobody notices while it runs: looking at every
 * number would cost what halves gain.  But infinity seldom ends as a number, so only outputs are
 * looked at, and if one of them is none the plan runs once more, node by node, to find who was
 * first.  Infinity that comes in, or that a layer of floats makes (a mask of -inf, a logarithm of
 * 0), is no fault of halves.  Who stores them: store_halves.c. */
#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "plan/plan_internal.h"

/* ---- numbers ----------------------------------------------------------------------------- */

static int are_halves_finite(const uint16_t *x, size_t num)
{
    for (size_t i = 0; i < num; i++)
        if ((x[i] & 0x7C00u) == 0x7C00u)
            return 0;
    return 1;
}

static int are_floats_finite(const float *x, size_t num)
{
    for (size_t i = 0; i < num; i++)
        if (!isfinite(x[i]))
            return 0;
    return 1;
}

/* 1 in *is_finite also for what is no float; waits. */
static kerf_status look(const kerf_tensor *t, char *is_finite)
{
    *is_finite = 1;
    if (t == NULL || (t->type != KERF_F32 && t->type != KERF_F16))
        return KERF_OK;
    void *bytes = kerf__alloc(t->size_bytes + 1, 1);
    if (bytes == NULL)
        return kerf__fail_memory("plan", t->size_bytes);
    kerf_status status = kerf_tensor_read(t, bytes);
    if (status == KERF_OK)
        *is_finite = (char)(t->type == KERF_F16 ? are_halves_finite(bytes, t->num_elements)
                                                : are_floats_finite(bytes, t->num_elements));
    free(bytes);
    return status;
}

/* ---- who was first ------------------------------------------------------------------------ */

/* What a Cast, a Reorder or a view only passes on is somebody else's. */
static const char *name_of(const kerf_value *v)
{
    const kerf_node *n = v->producer;
    while (n != NULL && (kerf__node_is_view(n) || kerf__node_is(n, "Cast") ||
                         kerf__node_is(n, "kerf.Reorder"))) {
        v = n->inputs[0];
        n = v->producer;
    }
    return n != NULL ? n->name : v->name;
}

static kerf_status blame(const kerf_value *v)
{
    return kerf__fail(KERF_ERR_ARGUMENT,
                      "plan: %s: has a number beyond 65504, the largest that float16 holds: "
                      "precision must be f32 or auto",
                      name_of(v));
}

/* Numbers come in and none goes out.  What no node makes is looked at when it is read first. */
static kerf_status judge_node(const kerf_plan *p, const kerf_node *n, char *is_known,
                              char *is_finite)
{
    int all = 1;
    for (int k = 0; k < n->num_inputs; k++) {
        const kerf_value *v = n->inputs[k];
        if (v == NULL)
            continue;
        if (!is_known[v->index])
            KERF__TRY(look(p->tensors[v->index], &is_finite[v->index]));
        is_known[v->index] = 1;
        all &= is_finite[v->index];
    }
    for (int k = 0; k < n->num_outputs; k++) {
        const kerf_value *v = n->outputs[k];
        KERF__TRY(look(p->tensors[v->index], &is_finite[v->index]));
        is_known[v->index] = 1;
        if (all && v->type == KERF_F16 && !is_finite[v->index])
            return blame(v);
    }
    return KERF_OK;
}

/* A result is looked at before another takes its place in the arena. */
static kerf_status find_first(kerf_plan *p)
{
    const kerf_graph *g = p->graph;
    char *known = kerf__alloc(g->num_values, 2);
    if (known == NULL)
        return kerf__fail_memory("plan", 2 * g->num_values);
    kerf_status status = KERF_OK;
    for (size_t i = 0; status == KERF_OK && i < g->num_nodes; i++) {
        status = kerf__steps_enqueue(&p->steps, p->nodes[i].first_launch, p->nodes[i].num_launches);
        if (status == KERF_OK)
            status = judge_node(p, g->nodes[i], known, known + g->num_values);
    }
    free(known);
    return status;
}

/* ---- whether ------------------------------------------------------------------------------ */

int kerf__plan_makes_halves(const kerf_plan *p)
{
    for (size_t i = 0; i < p->graph->num_nodes; i++)
        if (p->graph->nodes[i]->num_outputs > 0 && p->graph->nodes[i]->outputs[0]->type == KERF_F16)
            return 1;
    return 0;
}

kerf_status kerf_plan_check_halves(kerf_plan *p)
{
    char is_finite = 1;
    if (p->mode != KERF_EVALUATE || !kerf__plan_makes_halves(p))
        return KERF_OK;
    for (size_t i = 0; i < p->outputs.num && is_finite; i++)
        KERF__TRY(look(p->tensors[p->outputs.items[i].value->index], &is_finite));
    return is_finite ? KERF_OK : find_first(p);
}
