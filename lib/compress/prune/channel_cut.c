/* compress/prune/channel_cut.c -- taking channels out of graph and state.
 *
 * Weights and constants lose the indices that go, and what is written down about sizes (the groups
 * of a Conv, the sizes of a Reshape, the parts of a Split) is written anew; shapes of results
 * follow from the operations' rules. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "compress/prune/channels_internal.h"

/* ---- what stays of an axis
 * ----------------------------------------------------------------------- */

/* Indices that stay, ascending; the caller frees them. */
static kerf_status kept(const kerf_channels *c, const kerf_value *v, int axis, int64_t **out,
                        size_t *num)
{
    *num = 0;
    *out = kerf__alloc((size_t)v->shape.dims[axis], sizeof **out);
    if (*out == NULL)
        return kerf__fail_memory("channels", (size_t)v->shape.dims[axis] * sizeof **out);
    for (int64_t i = 0; i < v->shape.dims[axis]; i++)
        if (!c->goes[kerf__channel_root(c, kerf__channel_slot(c, v, axis, i))])
            (*out)[(*num)++] = i;
    return KERF_OK;
}

/* The value of the inferred graph that is called so; NULL: none any more. */
static const kerf_value *bound(const kerf_channels *c, const kerf_value *v)
{
    const kerf_value *found = kerf_graph_find(c->graph, v->name);
    return found != NULL && found->shape.rank == v->shape.rank ? found : NULL;
}

static int loses(const kerf_channels *c, const kerf_value *v, int axis)
{
    return v != NULL && kerf__channel_left(c, v, axis) < v->shape.dims[axis];
}

static void set_shape(const kerf_channels *c, kerf_value *v)
{
    const kerf_value *known = bound(c, v);
    for (int axis = 0; known != NULL && axis < v->shape.rank; axis++)
        if (v->shape.dims[axis] >= 0)
            v->shape.dims[axis] = kerf__channel_left(c, known, axis);
    if (known == NULL && v->kind == KERF__VALUE_RESULT)
        v->shape.rank = -1;
}

/* ---- constants ---------------------------------------------------------------------------------
 */

static kerf_status slice_bytes(kerf_tensor **out, const kerf_tensor *t, int axis,
                               const int64_t *keep, size_t num)
{
    const kerf__channel_extent e = kerf__channel_extent_of(t->shape, axis);
    kerf_shape shape = t->shape;
    shape.dims[axis] = (int64_t)num;
    KERF__TRY(kerf_tensor_create(out, NULL, t->type, shape));
    const size_t row = t->num_elements > 0 ? t->size_bytes / t->num_elements * e.inner : 0;
    for (size_t o = 0; o < e.outer; o++)
        for (size_t i = 0; i < num; i++)
            memcpy((char *)(*out)->data + (o * num + i) * row,
                   (const char *)t->data + (o * e.num + (size_t)keep[i]) * row, row);
    return KERF_OK;
}

static kerf_status slice_constant(const kerf_channels *c, kerf_value *v, const kerf_value *known,
                                  int axis)
{
    int64_t *keep;
    size_t num;
    kerf_tensor *t = NULL;
    if (kerf_type_bits(v->type) < 8)
        return kerf__fail(KERF_ERR_UNSUPPORTED,
                          "channels: the constant '%s' has elements of less than a byte, which "
                          "cannot be cut",
                          v->name);
    kerf_status status = kept(c, known, axis, &keep, &num);
    if (status == KERF_OK)
        status = slice_bytes(&t, v->constant, axis, keep, num);
    free(keep);
    KERF__TRY(status);
    kerf_tensor_destroy(v->constant);
    v->constant = t;
    v->shape = t->shape;
    return KERF_OK;
}

static kerf_status cut_constants(const kerf_channels *c, kerf_graph *g)
{
    for (size_t i = 0; i < g->num_values; i++) {
        kerf_value *v = g->values[i];
        const kerf_value *known = v->kind == KERF__VALUE_CONSTANT ? bound(c, v) : NULL;
        for (int axis = 0; known != NULL && axis < v->shape.rank; axis++)
            if (loses(c, known, axis))
                KERF__TRY(slice_constant(c, v, known, axis));
    }
    return KERF_OK;
}

/* ---- sizes that are written down
 * ------------------------------------------------------------------ */

/* Others may read the same list, so this node gets one of its own. */
static kerf_status write_number(kerf_graph *g, kerf__channel_number where, int64_t x)
{
    const kerf_tensor *was = where.reader->inputs[where.input]->constant;
    kerf_tensor *t;
    kerf_value *v;
    KERF__TRY(kerf_tensor_create(&t, NULL, KERF_S64, was->shape));
    for (size_t i = 0; i < was->num_elements; i++)
        ((int64_t *)t->data)[i] = i == where.at ? x : kerf__tensor_int(was, i);
    KERF__TRY(kerf_graph_add_constant(g, NULL, t, &v));
    kerf__node_set_input(where.reader, where.input, v);
    return KERF_OK;
}

/* A size that is written as a number; 0 and below mean what the input has, or what is left. */
static kerf_status write_sizes(const kerf_channels *c, kerf_graph *g, kerf_node *n, int input)
{
    const kerf_value *out = kerf_graph_find(c->graph, n->outputs[0]->name);
    kerf__channel_number where;
    for (int axis = 0; out != NULL && axis < out->shape.rank; axis++) {
        if (!loses(c, out, axis) || !kerf__channel_find_number(n, input, axis, &where) ||
            kerf__tensor_int(where.reader->inputs[where.input]->constant, where.at) <= 0)
            continue;
        KERF__TRY(write_number(g, where, kerf__channel_left(c, out, axis)));
    }
    return KERF_OK;
}

static kerf_status write_parts(const kerf_channels *c, kerf_graph *g, kerf_node *n)
{
    kerf_tensor *t;
    kerf_value *v;
    int axis;
    const kerf_value *in = kerf_graph_find(c->graph, n->inputs[0]->name);
    if (in == NULL)
        return KERF_OK;
    const int64_t at = kerf_node_int(n, "axis", 0);
    axis = (int)(at < 0 ? at + in->shape.rank : at);
    if (!loses(c, in, axis))
        return KERF_OK;
    KERF__TRY(kerf_tensor_create(&t, NULL, KERF_S64, KERF_SHAPE(n->num_outputs)));
    for (int i = 0; i < n->num_outputs; i++) {
        const kerf_value *part = kerf_graph_find(c->graph, n->outputs[i]->name);
        ((int64_t *)t->data)[i] = part != NULL ? kerf__channel_left(c, part, axis) : 0;
    }
    KERF__TRY(kerf_graph_add_constant(g, NULL, t, &v));
    kerf__node_remove_attribute(n, "split");
    kerf__node_remove_attribute(n, "num_outputs");
    return kerf__node_put_input(n, 1, v);
}

/* A depth-wise layer has as many groups as channels. */
static kerf_status write_groups(const kerf_channels *c, kerf_graph *g, kerf_node *n)
{
    const kerf_value *x = kerf_graph_find(c->graph, n->inputs[0]->name),
                     *w = kerf_graph_find(c->graph, n->inputs[1]->name);
    (void)g;
    if (x == NULL || w == NULL || kerf_node_int(n, "group", 1) == 1 || w->shape.dims[1] != 1)
        return KERF_OK;
    return kerf_node_set_int(n, "group", kerf__channel_left(c, x, 1));
}

static kerf_status write_shape(const kerf_channels *c, kerf_graph *g, kerf_node *n)
{
    return write_sizes(c, g, n, 1);
}

static kerf_status write_resized(const kerf_channels *c, kerf_graph *g, kerf_node *n)
{
    return write_sizes(c, g, n, 3);
}

static kerf_status write_node(const kerf_channels *c, kerf_graph *g, kerf_node *n)
{
    static const struct {
        const char *op;
        kerf_status (*write)(const kerf_channels *c, kerf_graph *g, kerf_node *n);
    } WRITES[] = {{"Conv", write_groups},
                  {"Expand", write_shape},
                  {"Reshape", write_shape},
                  {"Resize", write_resized},
                  {"Split", write_parts}};
    for (size_t i = 0; i < sizeof WRITES / sizeof WRITES[0]; i++)
        if (strcmp(n->op, WRITES[i].op) == 0)
            return WRITES[i].write(c, g, n);
    return KERF_OK;
}

static kerf_status cut_graph(const kerf_channels *c, kerf_graph *g)
{
    for (size_t i = 0; i < g->num_nodes; i++)
        KERF__TRY(write_node(c, g, g->nodes[i]));
    KERF__TRY(cut_constants(c, g));
    for (size_t i = 0; i < g->num_values; i++)
        if (g->values[i]->kind != KERF__VALUE_CONSTANT)
            set_shape(c, g->values[i]);
    kerf__graph_remove_dead(g);
    return KERF_OK;
}

/* ---- state
 * --------------------------------------------------------------------------------------- */

/* What belongs to a weight goes along with it. */
static int goes_along(const kerf_channels *c, const kerf_state *s, const kerf_value *v)
{
    const kerf_state_entry *e = kerf_state_get(s, v->state_id), *owner;
    if (e == NULL || e->owner < 0)
        return 0;
    owner = kerf_state_get(s, e->owner);
    const kerf_value *of = owner != NULL ? kerf_graph_find(c->graph, owner->name) : NULL;
    return of != NULL && of->state_id == owner->id && kerf_shape_equal(owner->shape, e->shape);
}

static kerf_status slice_state(const kerf_channels *c, kerf_state *s, const kerf_value *v, int axis)
{
    int64_t *keep;
    size_t num;
    kerf_status status = kept(c, v, axis, &keep, &num);
    if (status == KERF_OK)
        status = kerf_state_slice(s, v->state_id, axis, keep, num);
    free(keep);
    return status;
}

static kerf_status cut_state(const kerf_channels *c, kerf_state *s)
{
    char *follows = kerf__alloc(c->graph->num_values + 1, 1);
    kerf_status status = follows != NULL ? KERF_OK : kerf__fail_memory("channels", 1);
    for (size_t i = 0; status == KERF_OK && i < c->graph->num_values; i++)
        follows[i] = (char)(c->graph->values[i]->kind != KERF__VALUE_STATE ||
                            goes_along(c, s, c->graph->values[i]));
    for (size_t i = 0; status == KERF_OK && i < c->graph->num_values; i++)
        for (int axis = 0; status == KERF_OK && axis < c->graph->values[i]->shape.rank; axis++)
            if (!follows[i] && loses(c, c->graph->values[i], axis))
                status = slice_state(c, s, c->graph->values[i], axis);
    free(follows);
    return status;
}

kerf_status kerf__channel_cut_copy(kerf_graph **out, const kerf_channels *c)
{
    kerf_graph *g;
    *out = NULL;
    KERF__TRY(kerf_graph_copy(&g, c->model));
    kerf_status status = cut_graph(c, g);
    if (status == KERF_OK)
        status = kerf__channel_infer(out, g);
    kerf_graph_destroy(g);
    return status;
}

kerf_status kerf_channels_remove(const kerf_channels *c, kerf_graph *g, kerf_state *s)
{
    kerf_graph *proof;
    KERF__TRY(kerf__channel_cut_copy(&proof, c));
    kerf_graph_destroy(proof);
    KERF__TRY(cut_graph(c, g));
    return cut_state(c, s);
}
