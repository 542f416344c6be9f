/* compress/prune/channel_groups.c -- from sets to groups: channels that lie in the same axes of the
 * same weights.  See channels_internal.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "compress/prune/channels_internal.h"

/* ---- partition: sets that lie in other axes get other numbers -----------------------------------
 */

/* For each axis of each state, the sets in it are parted from those that are not. */
typedef struct parting {
    uint32_t *part;           /* by root: 0 for sets that lie in no state */
    uint32_t *seen, *renamed; /* by root: the turn that saw it; by part: its new number */
    uint32_t *turn_of;        /* by part: the turn in which it was renamed */
    uint32_t num_parts, turn;
} parting;

static void free_parting(parting *p)
{
    free(p->part);
    free(p->seen);
    free(p->renamed);
    free(p->turn_of);
}

/* Each turn makes at most as many parts as it has slots. */
static kerf_status make_parting(parting *p, const kerf_channels *c)
{
    const size_t num = c->num_slots + 1;
    *p = (parting){.part = kerf__alloc(num, sizeof *p->part),
                   .seen = kerf__alloc(num, sizeof *p->seen),
                   .renamed = kerf__alloc(num, sizeof *p->renamed),
                   .turn_of = kerf__alloc(num, sizeof *p->turn_of)};
    return p->part != NULL && p->seen != NULL && p->renamed != NULL && p->turn_of != NULL
               ? KERF_OK
               : kerf__fail_memory("channels", num * sizeof *p->part);
}

static void part_axis(parting *p, const kerf_channels *c, const kerf_value *v, int axis)
{
    p->turn++;
    for (int64_t i = 0; i < v->shape.dims[axis]; i++) {
        const uint32_t root = kerf__channel_root(c, kerf__channel_slot(c, v, axis, i));
        const uint32_t was = p->part[root];
        if (c->why[root] != 0 || p->seen[root] == p->turn)
            continue;
        p->seen[root] = p->turn;
        if (p->turn_of[was] != p->turn) {
            p->turn_of[was] = p->turn;
            p->renamed[was] = ++p->num_parts;
        }
        p->part[root] = p->renamed[was];
    }
}

static int is_weight(const kerf_value *v)
{
    return v->kind == KERF__VALUE_STATE;
}

static void part_all(parting *p, const kerf_channels *c)
{
    for (size_t i = 0; i < c->graph->num_values; i++)
        for (int axis = 0; axis < c->graph->values[i]->shape.rank; axis++)
            if (is_weight(c->graph->values[i]))
                part_axis(p, c, c->graph->values[i], axis);
}

/* ---- groups --------------------------------------------------------------------------------- */

static kerf_status add_group(kerf_channels *c, kerf__channel_group **out)
{
    if (!kerf__grow((void **)&c->groups, &c->group_capacity, c->num_groups, sizeof *c->groups))
        return kerf__fail_memory("channels", c->num_groups * sizeof *c->groups);
    *out = &c->groups[c->num_groups++];
    **out = (kerf__channel_group){0};
    return KERF_OK;
}

static kerf_status add_member(kerf__channel_group *group, const kerf_value *v, int axis,
                              int is_output)
{
    const size_t num = group->told.num_members;
    size_t capacity = group->capacity;
    if (!kerf__grow((void **)&group->members, &group->capacity, num, sizeof *group->members) ||
        !kerf__grow((void **)&group->axes, &capacity, num, sizeof *group->axes))
        return kerf__fail_memory("channels", num * sizeof *group->members);
    group->members[num] = (kerf_channel_member){v->name, axis, is_output};
    group->axes[num] = (kerf__channel_axis){v, axis};
    group->told.num_members++;
    return KERF_OK;
}

/* 1 if that is the axis of a layer's outputs. */
static int makes_channels(const kerf_channels *c, const kerf_value *v, int axis)
{
    int rows, columns;
    for (size_t i = 0; i < c->targets.num; i++)
        if (c->targets.at[i].weight == v)
            return kerf__prune_axes(&c->targets.at[i], &rows, &columns) == KERF_OK && rows == axis;
    return 0;
}

static int holds_part(const parting *p, const kerf_channels *c, const kerf_value *v, int axis,
                      uint32_t part)
{
    for (int64_t i = 0; i < v->shape.dims[axis]; i++) {
        const uint32_t root = kerf__channel_root(c, kerf__channel_slot(c, v, axis, i));
        if (c->why[root] == 0 && p->part[root] == part)
            return 1;
    }
    return 0;
}

static kerf_status add_members(kerf_channels *c, const parting *p, kerf__channel_group *group,
                               uint32_t part)
{
    for (size_t i = 0; i < c->graph->num_values; i++) {
        const kerf_value *v = c->graph->values[i];
        for (int axis = 0; is_weight(v) && axis < v->shape.rank; axis++)
            if (holds_part(p, c, v, axis, part))
                KERF__TRY(add_member(group, v, axis, makes_channels(c, v, axis)));
    }
    return KERF_OK;
}

/* The sets of a part, in the order in which they lie in this axis. */
static kerf_status add_channels(kerf_channels *c, parting *p, kerf__channel_group *group,
                                const kerf_value *v, int axis, uint32_t part)
{
    const int64_t num = v->shape.dims[axis];
    group->roots = kerf__alloc((size_t)num, sizeof *group->roots);
    group->stay = kerf__alloc((size_t)num, 1);
    if (group->roots == NULL || group->stay == NULL)
        return kerf__fail_memory("channels", (size_t)num * sizeof *group->roots);
    p->turn++;
    for (int64_t i = 0; i < num; i++) {
        const uint32_t root = kerf__channel_root(c, kerf__channel_slot(c, v, axis, i));
        if (c->why[root] != 0 || p->part[root] != part || p->seen[root] == p->turn)
            continue;
        p->seen[root] = p->turn;
        group->stay[group->told.num] = 1;
        group->roots[group->told.num++] = root;
    }
    group->told.kept = group->told.num;
    return KERF_OK;
}

/* A layer whose outputs stay, all of them. */
static kerf_status add_fixed(kerf_channels *c, const kerf_value *v, int axis)
{
    kerf__channel_group *group = NULL;
    const uint32_t root = kerf__channel_root(c, kerf__channel_slot(c, v, axis, 0));
    KERF__TRY(add_group(c, &group));
    group->told.num = group->told.kept = v->shape.dims[axis];
    group->told.fixed = c->reasons[c->why[root] - 1].text;
    return add_member(group, v, axis, 1);
}

/* Groups in an axis of a layer's outputs that no layer before has shown. */
static kerf_status add_groups_of(kerf_channels *c, parting *p, char *is_told, const kerf_value *v,
                                 int axis)
{
    kerf__channel_group *group = NULL;
    if (v->shape.dims[axis] > 0 && kerf__channel_is_fixed(c, v, axis))
        return add_fixed(c, v, axis);
    for (int64_t i = 0; i < v->shape.dims[axis]; i++) {
        const uint32_t root = kerf__channel_root(c, kerf__channel_slot(c, v, axis, i));
        const uint32_t part = p->part[root];
        if (c->why[root] != 0 || is_told[part])
            continue;
        is_told[part] = 1;
        KERF__TRY(add_group(c, &group));
        KERF__TRY(add_channels(c, p, group, v, axis, part));
        KERF__TRY(add_members(c, p, group, part));
    }
    return KERF_OK;
}

static kerf_status add_all(kerf_channels *c, parting *p, char *is_told)
{
    int rows, columns;
    for (size_t i = 0; i < c->targets.num; i++) {
        const kerf__prune_target *t = &c->targets.at[i];
        if (kerf__prune_axes(t, &rows, &columns) == KERF_OK)
            KERF__TRY(add_groups_of(c, p, is_told, t->weight, rows));
    }
    for (size_t i = 0; i < c->num_groups; i++)
        c->groups[i].told.members = c->groups[i].members;
    return KERF_OK;
}

kerf_status kerf__channel_find_groups(kerf_channels *c)
{
    parting p;
    char *is_told = NULL;
    kerf_status status = make_parting(&p, c);
    if (status == KERF_OK) {
        part_all(&p, c);
        is_told = kerf__alloc((size_t)p.num_parts + 1, 1);
        status =
            is_told != NULL ? add_all(c, &p, is_told) : kerf__fail_memory("channels", p.num_parts);
    }
    free(is_told);
    free_parting(&p);
    return status;
}

/* ---- life ------------------------------------------------------------------------------------ */

/* Sides that are open are given some length: which channels go together does not depend on it. */
static void bind_sides(kerf_graph *g, int64_t length)
{
    for (size_t i = 0; i < g->num_inputs; i++)
        for (int axis = 1; axis < g->inputs[i]->shape.rank; axis++)
            if (g->inputs[i]->shape.dims[axis] < 0)
                g->inputs[i]->shape.dims[axis] = length;
}

/* The first length with which all shapes fit. */
kerf_status kerf__channel_infer(kerf_graph **out, const kerf_graph *model)
{
    static const int64_t LENGTHS[] = {64, 48, 224, 32};
    kerf_status status = KERF_OK;
    for (size_t i = 0; i < sizeof LENGTHS / sizeof LENGTHS[0]; i++) {
        KERF__TRY(kerf_graph_copy(out, model));
        bind_sides(*out, LENGTHS[i]);
        status = kerf_graph_infer(*out, 1);
        if (status == KERF_OK)
            return KERF_OK;
        kerf_graph_destroy(*out);
        *out = NULL;
    }
    return status;
}

static kerf_status find(kerf_channels *c, const kerf_graph *g, const kerf_state *s)
{
    KERF__TRY(kerf_graph_copy(&c->model, g));
    KERF__TRY(kerf__channel_infer(&c->graph, g));
    KERF__TRY(kerf__prune_find(&c->targets, c->graph, s, 0));
    KERF__TRY(kerf__channel_slots(c));
    KERF__TRY(kerf__channel_walk(c));
    return kerf__channel_find_groups(c);
}

kerf_status kerf_channels_find(kerf_channels **out, const kerf_graph *g, const kerf_state *s)
{
    kerf_channels *c = kerf__alloc(1, sizeof *c);
    *out = NULL;
    if (c == NULL)
        return kerf__fail_memory("channels", sizeof *c);
    kerf_status status = find(c, g, s);
    if (status != KERF_OK) {
        kerf_channels_destroy(c);
        return status;
    }
    *out = c;
    return KERF_OK;
}

void kerf_channels_destroy(kerf_channels *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < c->num_groups; i++) {
        free(c->groups[i].members);
        free(c->groups[i].axes);
        free(c->groups[i].roots);
        free(c->groups[i].scores);
        free(c->groups[i].stay);
    }
    kerf__prune_targets_free(&c->targets);
    kerf_graph_destroy(c->model);
    kerf_graph_destroy(c->graph);
    free(c->first);
    free(c->parent);
    free(c->why);
    free(c->goes);
    free(c->seen);
    free(c->num_seen);
    free(c->reasons);
    free(c->groups);
    free(c);
}

static kerf_status check_group(const kerf_channels *c, int i)
{
    return i >= 0 && (size_t)i < c->num_groups
               ? KERF_OK
               : kerf__fail(KERF_ERR_ARGUMENT, "channels: there is no group %d, there are %zu", i,
                            c->num_groups);
}

int kerf_channels_num_groups(const kerf_channels *c)
{
    return (int)c->num_groups;
}

kerf_status kerf_channels_get_group(const kerf_channels *c, int i, kerf_channel_group *group)
{
    KERF__TRY(check_group(c, i));
    *group = c->groups[i].told;
    return KERF_OK;
}

const double *kerf_channels_scores(const kerf_channels *c, int group)
{
    return check_group(c, group) == KERF_OK ? c->groups[group].scores : NULL;
}

const char *kerf_channels_stay(const kerf_channels *c, int group)
{
    return check_group(c, group) == KERF_OK ? c->groups[group].stay : NULL;
}

kerf_status kerf_channels_read_stay(const kerf_channels *c, const char *weight, int axis,
                                    char *stay, size_t num)
{
    const kerf_value *v = kerf_graph_find(c->graph, weight);
    if (v == NULL || axis < 0 || axis >= v->shape.rank || v->shape.dims[axis] != (int64_t)num)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "channels: there is no axis %d of %zu places of a weight '%s'", axis, num,
                          weight);
    for (size_t i = 0; i < num; i++)
        stay[i] = !c->goes[kerf__channel_root(c, kerf__channel_slot(c, v, axis, (int64_t)i))];
    return KERF_OK;
}
