/* compress/prune/channel_sets.c -- slots and the sets that they are joined into (Tarjan 1975);
 * see channels_internal.h. */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "compress/prune/channels_internal.h"

/* Five times what large networks have; a file may claim any size. */
static const size_t MOST_SLOTS = (size_t)1 << 23;

kerf_status kerf__channel_slots(kerf_channels *c)
{
    const kerf_graph *g = c->graph;
    c->first = kerf__alloc(g->num_values + 1, sizeof *c->first);
    if (c->first == NULL)
        return kerf__fail_memory("channels", g->num_values * sizeof *c->first);
    for (size_t i = 0; i < g->num_values; i++) {
        c->first[i] = c->num_slots;
        for (int axis = 0; axis < g->values[i]->shape.rank; axis++)
            c->num_slots += (size_t)g->values[i]->shape.dims[axis];
        if (c->num_slots > MOST_SLOTS)
            return kerf__fail(KERF_ERR_UNSUPPORTED,
                              "channels: all axes of all values are longer than %zu together",
                              MOST_SLOTS);
    }
    c->parent = kerf__alloc(c->num_slots, sizeof *c->parent);
    c->why = kerf__alloc(c->num_slots, sizeof *c->why);
    c->goes = kerf__alloc(c->num_slots, 1);
    if (c->parent == NULL || c->why == NULL || c->goes == NULL)
        return kerf__fail_memory("channels", c->num_slots * sizeof *c->parent);
    for (size_t i = 0; i < c->num_slots; i++)
        c->parent[i] = (uint32_t)i;
    return KERF_OK;
}

size_t kerf__channel_slot(const kerf_channels *c, const kerf_value *v, int axis, int64_t i)
{
    size_t slot = c->first[v->index] + (size_t)i;
    for (int k = 0; k < axis; k++)
        slot += (size_t)v->shape.dims[k];
    return slot;
}

/* Paths are halved on the way, which changes no set. */
uint32_t kerf__channel_root(const kerf_channels *c, size_t slot)
{
    uint32_t at = (uint32_t)slot;
    while (c->parent[at] != at) {
        c->parent[at] = c->parent[c->parent[at]];
        at = c->parent[at];
    }
    return at;
}

/* The lower slot leads, so that what comes out does not depend on the order of joining. */
void kerf__channel_join(kerf_channels *c, size_t a, size_t b)
{
    const uint32_t x = kerf__channel_root(c, a), y = kerf__channel_root(c, b);
    const uint32_t low = x < y ? x : y, high = x < y ? y : x;
    c->parent[high] = low;
    if (c->why[low] == 0 || (c->why[high] != 0 && c->why[high] < c->why[low]))
        c->why[low] = c->why[high];
}

void kerf__channel_join_axes(kerf_channels *c, const kerf_value *a, int axis_a, const kerf_value *b,
                             int axis_b)
{
    const size_t x = kerf__channel_slot(c, a, axis_a, 0), y = kerf__channel_slot(c, b, axis_b, 0);
    for (int64_t i = 0; i < a->shape.dims[axis_a]; i++)
        kerf__channel_join(c, x + (size_t)i, y + (size_t)i);
}

kerf_status kerf__channel_add_reason(kerf_channels *c, const kerf_node *n, const char *text,
                                     uint32_t *out)
{
    if (!kerf__grow((void **)&c->reasons, &c->reason_capacity, c->num_reasons, sizeof *c->reasons))
        return kerf__fail_memory("channels", c->num_reasons * sizeof *c->reasons);
    char *to = c->reasons[c->num_reasons].text;
    const size_t room = sizeof c->reasons[0].text;
    if (n == NULL)
        snprintf(to, room, "%s", text);
    else
        snprintf(to, room, "%.40s '%.100s' %s", n->op, n->name, text);
    *out = (uint32_t)++c->num_reasons;
    return KERF_OK;
}

void kerf__channel_fix(kerf_channels *c, const kerf_value *v, int axis, uint32_t reason)
{
    const size_t first = kerf__channel_slot(c, v, axis, 0);
    for (int64_t i = 0; i < v->shape.dims[axis]; i++) {
        const uint32_t root = kerf__channel_root(c, first + (size_t)i);
        if (c->why[root] == 0 || reason < c->why[root])
            c->why[root] = reason;
    }
}

void kerf__channel_fix_all(kerf_channels *c, const kerf_value *v, uint32_t reason)
{
    for (int axis = 0; axis < v->shape.rank; axis++)
        kerf__channel_fix(c, v, axis, reason);
}

int kerf__channel_is_fixed(const kerf_channels *c, const kerf_value *v, int axis)
{
    const size_t first = kerf__channel_slot(c, v, axis, 0);
    for (int64_t i = 0; i < v->shape.dims[axis]; i++)
        if (c->why[kerf__channel_root(c, first + (size_t)i)] == 0)
            return 0;
    return 1;
}

int64_t kerf__channel_left(const kerf_channels *c, const kerf_value *v, int axis)
{
    const size_t first = kerf__channel_slot(c, v, axis, 0);
    int64_t left = 0;
    for (int64_t i = 0; i < v->shape.dims[axis]; i++)
        left += !c->goes[kerf__channel_root(c, first + (size_t)i)];
    return left;
}
