/* plan/layout.c -- brings parts of the lowered graph into blocked memory layouts.
 *
 * On a CPU device a convolution is far faster where 16 channels of a pixel lie side by side
 * (ops/layout_common.h).  Each operation says what it could take; this pass decides which nodes
 * are blocked and puts Reorder nodes where neighbours differ:
 *
 *   - who seeks blocks (a convolution) gets them,
 *   - who follows gets them if more of the bytes it reads arrive in blocks than not,
 *   - everyone else, and the graph's inputs, outputs and states, stays plain.
 *
 * A value is reordered once for all its readers.  Reorders of weights that no step changes run
 * once, not in every run (prepare.c). */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "device/quirks.h"
#include "ops/layout_common.h"
#include "plan/plan_internal.h"

typedef struct laying {
    kerf_graph *g;
    size_t num_values;                        /* when the pass began: later ones are reorders */
    kerf__layout *layouts;                    /* owned; by index of the value: as it is made */
    kerf_value *(*others)[KERF__NUM_LAYOUTS]; /* owned; the same value in other layouts, or NULL */
} laying;

/* ---- deciding ------------------------------------------------------------------------- */

static double bytes_of(const kerf_value *v)
{
    return (double)kerf__tensor_bytes(v->type, v->shape);
}

/* 1 if blocked inputs that arrive so outweigh those that would have to be reordered. */
static int is_worth_following(const laying *l, const kerf_node *n, const kerf__layouts *wanted)
{
    double saved = 0;
    for (int i = 0; i < n->num_inputs && i < KERF__MOST_LAID; i++)
        if (n->inputs[i] != NULL && wanted->inputs[i] != KERF__PLAIN)
            saved += l->layouts[n->inputs[i]->index] == wanted->inputs[i] ? bytes_of(n->inputs[i])
                                                                          : -bytes_of(n->inputs[i]);
    return saved > 0;
}

/* 1 if the node becomes blocked.  The next value of a state is plain, as its state is. */
static int is_blocked(const laying *l, const kerf_node *n, kerf__layouts *wanted)
{
    const kerf__op *op = kerf__op_find(n->op);
    *wanted = (kerf__layouts){0};
    if (op->layouts == NULL)
        return 0;
    const kerf__wish wish = op->layouts(n, wanted);
    for (int k = 0; k < n->num_outputs && k < KERF__MOST_LAID; k++)
        if (n->outputs[k]->next_of >= 0 && wanted->outputs[k] != KERF__PLAIN)
            return 0;
    return wish == KERF__SEEKS || (wish == KERF__FOLLOWS && is_worth_following(l, n, wanted));
}

/* ---- reordering ----------------------------------------------------------------------- */

/* Number of channels that a Reorder back has to be told. */
static int64_t num_channels(kerf__layout layout, kerf_shape plain)
{
    return plain.dims[kerf__layout_axis(layout)];
}

/* 1 if images in both layouts are the same bytes: those of one pixel, without pad lanes. */
static int is_same(kerf__layout from, kerf__layout to, kerf_shape plain)
{
    const int is_image =
        from == KERF__PLAIN ? to == KERF__C16 : from == KERF__C16 && to == KERF__PLAIN;
    return is_image && plain.dims[1] % KERF__LANES == 0 &&
           kerf_shape_num_elements(plain) == plain.dims[0] * plain.dims[1];
}

static kerf_status add_view(laying *l, kerf_value *v, kerf_shape shape, kerf__pass pass,
                            kerf_value **out)
{
    kerf_node *n;
    KERF__TRY(kerf_graph_add_node(l->g, "Reshape", NULL, &v, 1, 1, &n));
    KERF__TRY(kerf__node_set_pass(n, pass));
    KERF__TRY(kerf_node_set_ints(n, "shape", shape.dims, (size_t)shape.rank));
    *out = n->outputs[0];
    return kerf__node_infer(n);
}

/* `v`, which is made in layout `from`, in layout `to`. */
static kerf_status add_reorder(laying *l, kerf_value *v, kerf__layout from, kerf__layout to,
                               kerf_shape plain, kerf__pass pass, kerf_value **out)
{
    kerf_node *n;
    kerf__layouts layouts = {.inputs = {from}, .outputs = {to}};
    if (is_same(from, to, plain))
        return add_view(l, v, kerf__layout_shape(to, plain), pass, out);
    KERF__TRY(kerf_graph_add_node(l->g, "kerf.Reorder", NULL, &v, 1, 1, &n));
    KERF__TRY(kerf__node_set_pass(n, pass));
    KERF__TRY(kerf__node_set_layouts(n, &layouts));
    if (from != KERF__PLAIN)
        KERF__TRY(kerf_node_set_int(n, "channels", num_channels(from, plain)));
    *out = n->outputs[0];
    return kerf__node_infer(n);
}

/* The value in that layout; made on the first call. */
static kerf_status in_layout(laying *l, kerf_value *v, kerf_shape plain, kerf__layout to,
                             kerf__pass pass, kerf_value **out)
{
    const kerf__layout from = l->layouts[v->index];
    kerf_value **others = l->others[v->index];
    *out = v;
    if (from == to)
        return KERF_OK;
    if (from != KERF__PLAIN && to != KERF__PLAIN) /* by way of plain */
        KERF__TRY(in_layout(l, v, plain, KERF__PLAIN, pass, &v));
    if (others[to] == NULL)
        KERF__TRY(add_reorder(l, v, v == *out ? from : KERF__PLAIN, to, plain, pass, &others[to]));
    *out = others[to];
    return KERF_OK;
}

/* ---- the nodes ------------------------------------------------------------------------ */

static kerf_status lay_inputs(laying *l, kerf_node *n, const kerf__layouts *wanted,
                              const kerf_shape *plain)
{
    for (int i = 0; i < n->num_inputs; i++) {
        kerf_value *v = n->inputs[i];
        const kerf__layout to = i < KERF__MOST_LAID ? wanted->inputs[i] : KERF__PLAIN;
        if (v == NULL || v->shape.rank < 0)
            continue;
        KERF__TRY(in_layout(l, v, plain[v->index], to, kerf__node_pass(n), &v));
        if (v != n->inputs[i])
            kerf__node_set_input(n, i, v);
    }
    return KERF_OK;
}

static void lay_outputs(laying *l, kerf_node *n, const kerf__layouts *wanted)
{
    for (int k = 0; k < n->num_outputs && k < KERF__MOST_LAID; k++) {
        kerf_value *v = n->outputs[k];
        if (v->shape.rank < 0 || wanted->outputs[k] == KERF__PLAIN)
            continue;
        v->shape = kerf__layout_shape(wanted->outputs[k], v->shape);
        l->layouts[v->index] = wanted->outputs[k];
    }
}

static kerf_status lay_graph_outputs(laying *l, const kerf_shape *plain)
{
    kerf_graph *g = l->g;
    for (size_t i = 0; i < g->num_outputs; i++) {
        kerf_value *v = g->outputs[i];
        KERF__TRY(in_layout(l, v, plain[v->index], KERF__PLAIN, KERF__FORWARD, &g->outputs[i]));
    }
    return KERF_OK;
}

/* Wishes are asked for while shapes are plain, so all decisions come before the first change. */
static kerf_status lay_nodes(laying *l, kerf__layouts *wanted, char *blocked,
                             const kerf_shape *plain)
{
    kerf_graph *g = l->g;
    const size_t num_nodes = g->num_nodes;
    for (size_t i = 0; i < num_nodes; i++) {
        kerf_node *n = g->nodes[i];
        blocked[i] = (char)is_blocked(l, n, &wanted[i]);
        for (int k = 0; k < n->num_outputs && k < KERF__MOST_LAID && blocked[i]; k++)
            l->layouts[n->outputs[k]->index] = wanted[i].outputs[k];
        if (!blocked[i])
            wanted[i] = (kerf__layouts){0};
        else
            KERF__TRY(kerf__node_note_channels(n, &wanted[i]));
    }
    for (size_t i = 0; i < num_nodes; i++)
        lay_outputs(l, g->nodes[i], &wanted[i]);
    for (size_t i = 0; i < num_nodes; i++) {
        KERF__TRY(lay_inputs(l, g->nodes[i], &wanted[i], plain));
        if (blocked[i])
            KERF__TRY(kerf__node_set_layouts(g->nodes[i], &wanted[i]));
    }
    return lay_graph_outputs(l, plain);
}

static kerf_status lay(laying *l)
{
    kerf_graph *g = l->g;
    kerf_shape *plain = kerf__alloc(g->num_values, sizeof *plain);
    kerf__layouts *wanted = kerf__alloc(g->num_nodes, sizeof *wanted);
    char *blocked = kerf__alloc(g->num_nodes, 1);
    kerf_status status = KERF_OK;
    if (plain == NULL || wanted == NULL || blocked == NULL)
        status = kerf__fail_memory("plan", g->num_nodes * sizeof *wanted);
    for (size_t i = 0; i < g->num_values && status == KERF_OK; i++)
        plain[i] = g->values[i]->shape;
    if (status == KERF_OK)
        status = lay_nodes(l, wanted, blocked, plain);
    free(plain);
    free(wanted);
    free(blocked);
    return status;
}

static int seeks_blocks(const kerf_graph *g)
{
    for (size_t i = 0; i < g->num_nodes; i++) {
        const kerf__op *op = kerf__op_find(g->nodes[i]->op);
        kerf__layouts wanted = {0};
        if (op->layouts != NULL && op->layouts(g->nodes[i], &wanted) == KERF__SEEKS)
            return 1;
    }
    return 0;
}

/* Wide kernels that walk a whole batch are too long for loops that end; and tiles of blocks are cut
 * for the local memory that OpenCL promises, whatever the shapes. */
int kerf__plan_lays(const kerf_device *dev)
{
    enum { PROMISED = 32 << 10 };
    const kerf_device_info *info = kerf_device_get_info(dev);
    return info->type == KERF_DEVICE_CPU && info->local_bytes >= PROMISED &&
           !kerf__has_quirk(info, KERF__QUIRK_LONG_LOOPS);
}

kerf_status kerf__plan_lay(kerf_graph *g, const kerf_device *dev)
{
    laying l = {.g = g, .num_values = g->num_values};
    if (!kerf__plan_lays(dev) || !seeks_blocks(g))
        return KERF_OK;
    l.layouts = kerf__alloc(l.num_values, sizeof *l.layouts);
    l.others = kerf__alloc(l.num_values, sizeof *l.others);
    kerf_status status = l.layouts != NULL && l.others != NULL
                             ? lay(&l)
                             : kerf__fail_memory("plan", l.num_values * sizeof *l.others);
    free(l.layouts);
    free(l.others);
    return status == KERF_OK ? kerf__graph_sort(g) : status; /* reorders stand at the end */
}
