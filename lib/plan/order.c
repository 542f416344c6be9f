/* plan/order.c -- the order in which nodes run.
 *
 * (1) A node follows the producers of what it reads.
 * (2) The node that writes a state's next value follows all readers of the old value, as it
 *     writes over it.
 * (3) Such nodes run as soon as (2) lets them: a gradient dies early, while it is still in
 *     the cache.
 *
 * (4) Where updates are to be last, no node of KERF__UPDATE runs before all others have.
 *
 * Else nodes keep their order.  Readers count through views: a Reshape of a weight is the
 * weight's bytes.  Where (2) leaves no order (two states that swap), or where the writer
 * reads the old value and cannot work in place, its result is put aside and copied over the
 * state later, by an Identity. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "plan/plan_internal.h"

typedef struct ordering {
    kerf_graph *g;
    int *sources;   /* owned; by value: the state whose bytes it is, or -1 */
    int *waiting;   /* owned; by state id: readers that have not run */
    char *placed;   /* owned; by old place of the node */
    kerf_node **to; /* owned; the new order */
    size_t num_states, num;
    size_t num_before; /* nodes that updates wait for, and that have not run */
} ordering;

static int is_writer(const kerf_node *n)
{
    for (int i = 0; i < n->num_outputs; i++)
        if (n->outputs[i]->next_of >= 0)
            return 1;
    return 0;
}

static int source(const ordering *o, const kerf_value *v)
{
    return v != NULL ? o->sources[v->index] : -1;
}

static void find_sources(ordering *o)
{
    const kerf_graph *g = o->g;
    for (size_t i = 0; i < g->num_values; i++)
        o->sources[i] = g->values[i]->state_id;
    for (size_t i = 0; i < g->num_nodes; i++) {
        const kerf_node *n = g->nodes[i];
        if (kerf__node_is_view(n))
            o->sources[n->outputs[0]->index] = source(o, n->inputs[0]);
        for (int k = 0; k < n->num_inputs; k++)
            if (source(o, n->inputs[k]) >= 0)
                o->waiting[source(o, n->inputs[k])]++;
    }
}

/* Readers of state `id` besides `n` itself that have not run. */
static int others_waiting(const ordering *o, const kerf_node *n, int id)
{
    int num = o->waiting[id];
    for (int i = 0; i < n->num_inputs; i++)
        num -= source(o, n->inputs[i]) == id;
    return num;
}

static int is_ready(const ordering *o, const kerf_node *n)
{
    if (o->num_before > 0 && kerf__node_pass(n) == KERF__UPDATE)
        return 0;
    for (int i = 0; i < n->num_inputs; i++)
        if (n->inputs[i] != NULL && n->inputs[i]->producer != NULL &&
            !o->placed[n->inputs[i]->producer->index])
            return 0;
    for (int i = 0; i < n->num_outputs; i++) {
        const int id = n->outputs[i]->next_of;
        if (id >= 0 && others_waiting(o, n, id) > 0)
            return 0;
    }
    return 1;
}

static void place(ordering *o, kerf_node *n)
{
    o->placed[n->index] = 1;
    o->to[o->num++] = n;
    o->num_before -= o->num_before > 0 && kerf__node_pass(n) != KERF__UPDATE;
    for (int i = 0; i < n->num_inputs; i++)
        if (source(o, n->inputs[i]) >= 0)
            o->waiting[source(o, n->inputs[i])]--;
}

/* The first ready node from `from` on; writers only if `writers`. */
static kerf_node *next_ready(const ordering *o, size_t from, int writers)
{
    for (size_t i = from; i < o->g->num_nodes; i++) {
        kerf_node *n = o->g->nodes[i];
        if (!o->placed[i] && is_writer(n) == writers && is_ready(o, n))
            return n;
    }
    return NULL;
}

/* Fills in `to`; NULL, or the first node that only (2) holds back while nothing is ready. */
static kerf_node *order(ordering *o)
{
    kerf_graph *g = o->g;
    size_t first = 0;
    while (o->num < g->num_nodes) {
        while (o->placed[first])
            first++;
        kerf_node *n = next_ready(o, first, 1);
        if (n == NULL)
            n = next_ready(o, first, 0);
        if (n == NULL) /* producers stand before their readers: its own are placed */
            return g->nodes[first];
        place(o, n);
    }
    for (size_t i = 0; i < g->num_nodes; i++) { /* there may be none, and no array then */
        g->nodes[i] = o->to[i];
        g->nodes[i]->index = (int)i;
    }
    return NULL;
}

/* From now on the node's results lie elsewhere, and Identities write the states. */
static kerf_status put_aside(kerf_graph *g, kerf_node *writer)
{
    if (kerf__node_copies(writer))
        KERF__TRY(kerf_node_set_int(writer, "kerf.copy", 1));
    for (int i = 0; i < writer->num_outputs; i++) {
        kerf_value *v = writer->outputs[i];
        kerf_node *n;
        if (v->next_of < 0)
            continue;
        KERF__TRY(kerf_graph_add_node(g, "Identity", NULL, &v, 1, 1, &n));
        KERF__TRY(kerf__node_set_pass(n, kerf__node_pass(writer)));
        KERF__TRY(kerf__node_infer(n));
        n->outputs[0]->next_of = v->next_of;
        v->next_of = -1;
    }
    return KERF_OK;
}

static size_t count_states(const kerf_graph *g)
{
    int most = -1;
    for (size_t i = 0; i < g->num_values; i++) {
        most = g->values[i]->state_id > most ? g->values[i]->state_id : most;
        most = g->values[i]->next_of > most ? g->values[i]->next_of : most;
    }
    return (size_t)most + 1;
}

/* 1 if the node would write over an input that it still reads. */
static int harms_itself(const ordering *o, const kerf_node *n)
{
    for (int k = 0; k < n->num_outputs; k++)
        for (int i = 0; i < n->num_inputs; i++)
            if (n->outputs[k]->next_of >= 0 && source(o, n->inputs[i]) == n->outputs[k]->next_of &&
                !kerf__node_may_overwrite(n, i, k))
                return 1;
    return 0;
}

static kerf_node *find_harm(const ordering *o)
{
    for (size_t i = 0; i < o->g->num_nodes; i++)
        if (harms_itself(o, o->g->nodes[i]))
            return o->g->nodes[i];
    return NULL;
}

static size_t count_before_updates(const kerf_graph *g)
{
    size_t num = 0;
    for (size_t i = 0; i < g->num_nodes; i++)
        num += kerf__node_pass(g->nodes[i]) != KERF__UPDATE;
    return num;
}

static kerf_status try_order(kerf_graph *g, int updates_last, kerf_node **stuck)
{
    ordering o = {.g = g,
                  .num_states = count_states(g),
                  .num_before = updates_last ? count_before_updates(g) : 0};
    o.sources = kerf__alloc(g->num_values, sizeof *o.sources);
    o.waiting = kerf__alloc(o.num_states, sizeof *o.waiting);
    o.placed = kerf__alloc(g->num_nodes, 1);
    o.to = kerf__alloc(g->num_nodes, sizeof(kerf_node *));
    kerf_status status = KERF_OK;
    if (o.sources == NULL || o.waiting == NULL || o.placed == NULL || o.to == NULL)
        status = kerf__fail_memory("plan", g->num_nodes * sizeof(kerf_node *));
    if (status == KERF_OK) {
        find_sources(&o);
        *stuck = find_harm(&o);
        if (*stuck == NULL)
            *stuck = order(&o);
    }
    free(o.sources);
    free(o.waiting);
    free(o.placed);
    free(o.to);
    return status;
}

kerf_status kerf__plan_order(kerf_graph *g, int updates_last)
{
    kerf_node *stuck;
    KERF__TRY(try_order(g, updates_last, &stuck));
    while (stuck != NULL) { /* ends: each time there is one writer less that computes */
        KERF__TRY(put_aside(g, stuck));
        KERF__TRY(try_order(g, updates_last, &stuck));
    }
    return KERF_OK;
}
