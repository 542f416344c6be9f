/* plan/store_halves.c -- a plan of precision f16: numbers of the lowered graph are stored as
 * float16, in half the bytes, and computed with in floats.
 *
 * An operation says which operands may be halves (kerf__op.halves); of a node that can, all such
 * operands and output 0 are.  What lies between two such nodes, a view or another layout too, is
 * float16; elsewhere a Cast stands.  A Reorder converts on its way, and what a Cast widened is read
 * as it was before: so weights that a file holds as float16 are never floats on the device, and
 * others become halves once, as Casts of states are prepared (prepare.c).
 *
 * The graph's inputs and outputs stay as they are.  So does what is prepared, but for its results:
 * weights are rounded once, behind all arithmetic that makes them.  And so do nodes that take in a
 * number which is none as a half. */
#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "plan/plan_internal.h"

typedef struct halving {
    kerf_graph *g;
    kerf_device *dev;
    char *is_prepared;   /* owned; by value: no run changes it */
    char *is_changed;    /* owned; by value: it was float32, and is float16 */
    char *is_half;       /* owned; by node */
    kerf_value **others; /* owned; by value: the same number in the other type, or NULL */
} halving;

/* ---- which nodes ------------------------------------------------------------------- */

static void find_prepared(halving *h)
{
    for (size_t i = 0; i < h->g->num_values; i++)
        h->is_prepared[i] = h->g->values[i]->kind == KERF__VALUE_CONSTANT ||
                            h->g->values[i]->kind == KERF__VALUE_STATE;
    for (size_t i = 0; i < h->g->num_nodes; i++) {
        const kerf_node *n = h->g->nodes[i];
        int all = 1;
        for (int k = 0; k < n->num_inputs && all; k++)
            all = n->inputs[k] == NULL || h->is_prepared[n->inputs[k]->index];
        for (int k = 0; k < n->num_outputs; k++)
            h->is_prepared[n->outputs[k]->index] = (char)all;
    }
}

/* 1 if halves hold v as well as floats do, so far as is known: nothing too large, and a single
 * number, the epsilon of a norm say, not too small. */
static int is_usual(const kerf_value *v)
{
    const kerf_tensor *t = v->constant;
    const int is_single = kerf_shape_num_elements(v->shape) == 1;
    if (is_single && v->kind == KERF__VALUE_STATE)
        return 0;
    for (size_t i = 0; t != NULL && i < t->num_elements; i++) {
        const float size = fabsf(((const float *)t->data)[i]);
        if (!(size < 65520.0f) || (is_single && size > 0 && size < 0x1p-14f))
            return 0;
    }
    return 1;
}

static int has_half_operands(const kerf_node *n)
{
    for (int i = 0; i < n->num_inputs; i++) {
        const kerf_value *v = n->inputs[i];
        if (v != NULL && kerf__is_half_input(n, i) && (v->type != KERF_F32 || !is_usual(v)))
            return 0;
    }
    return n->outputs[0]->type == KERF_F32 && n->outputs[0]->next_of < 0;
}

/* 1 if a kernel of this device computes it as halves. */
static int can_be_half(const halving *h, kerf_node *n)
{
    kerf__op_case c = {.dev = h->dev, .node = n};
    if (kerf__op_find(n->op)->halves == 0 || h->is_prepared[n->outputs[0]->index] ||
        !has_half_operands(n))
        return 0;
    n->outputs[0]->type = KERF_F16;
    const int can = kerf__option_at(&c, 0, &c.option);
    n->outputs[0]->type = KERF_F32;
    return can;
}

/* ---- which values ------------------------------------------------------------------ */

static int is_reorder(const kerf_node *n)
{
    return kerf__node_is(n, "kerf.Reorder");
}

static int wants_half(const halving *h, const kerf_node *n, int input)
{
    return h->is_half[n->index] && kerf__is_half_input(n, input);
}

static int is_output(const kerf_graph *g, const kerf_value *v)
{
    for (size_t i = 0; i < g->num_outputs; i++)
        if (g->outputs[i] == v)
            return 1;
    return 0;
}

/* 1 if whoever reads v, and somebody does, wants halves. */
static int is_wanted(const halving *h, const kerf_value *v)
{
    int num = 0;
    for (size_t i = 0; i < h->g->num_nodes; i++)
        for (int k = 0; k < h->g->nodes[i]->num_inputs; k++) {
            if (h->g->nodes[i]->inputs[k] != v)
                continue;
            if (!wants_half(h, h->g->nodes[i], k))
                return 0;
            num++;
        }
    return num > 0 && !is_output(h->g, v);
}

static void become_half(halving *h, kerf_value *v)
{
    v->type = KERF_F16;
    h->is_changed[v->index] = 1;
}

/* Views are what they show; nodes are in the order in which they run. */
static void set_types(halving *h)
{
    for (size_t i = 0; i < h->g->num_nodes; i++) {
        const kerf_node *n = h->g->nodes[i];
        kerf_value *v = n->outputs[0];
        const int passes = is_reorder(n) ? !is_output(h->g, v) : kerf__node_is_view(n);
        if (h->is_half[i] || (passes && h->is_changed[n->inputs[0]->index]) ||
            (is_reorder(n) && v->type == KERF_F32 && is_wanted(h, v)))
            become_half(h, v);
    }
}

/* ---- where types differ ------------------------------------------------------------- */

/* What a Cast widened, or v. */
static kerf_value *narrow(kerf_value *v)
{
    return kerf__node_is(v->producer, "Cast") && v->producer->inputs[0]->type == KERF_F16
               ? v->producer->inputs[0]
               : v;
}

static kerf_status cast(halving *h, kerf_type type, kerf__pass pass, kerf_value **v)
{
    kerf_value **other = &h->others[(*v)->index];
    kerf_node *n;
    if (*other == NULL) {
        KERF__TRY(kerf_graph_add_node(h->g, "Cast", NULL, v, 1, 1, &n));
        KERF__TRY(kerf_node_set_int(n, "to", kerf__onnx_number(type)));
        KERF__TRY(kerf__node_set_pass(n, pass));
        KERF__TRY(kerf__node_infer(n));
        *other = n->outputs[0];
    }
    *v = *other;
    return KERF_OK;
}

static kerf_status convert_input(halving *h, kerf_node *n, int i)
{
    kerf_value *v = n->inputs[i];
    const int wanted = wants_half(h, n, i);
    if (wanted || is_reorder(n))
        v = narrow(v);
    if (wanted && v->type == KERF_F32)
        KERF__TRY(cast(h, KERF_F16, kerf__node_pass(n), &v));
    else if (!wanted && !is_reorder(n) && !kerf__node_is_view(n) && h->is_changed[v->index])
        KERF__TRY(cast(h, KERF_F32, kerf__node_pass(n), &v));
    if (v != n->inputs[i])
        kerf__node_set_input(n, i, v);
    return KERF_OK;
}

static kerf_status convert(halving *h)
{
    kerf_graph *g = h->g;
    const size_t num_nodes = g->num_nodes;
    for (size_t i = 0; i < num_nodes; i++)
        for (int k = 0; k < g->nodes[i]->num_inputs; k++)
            if (g->nodes[i]->inputs[k] != NULL)
                KERF__TRY(convert_input(h, g->nodes[i], k));
    for (size_t i = 0; i < g->num_outputs; i++)
        if (h->is_changed[g->outputs[i]->index])
            KERF__TRY(cast(h, KERF_F32, KERF__FORWARD, &g->outputs[i]));
    KERF__TRY(kerf__graph_sort(g)); /* Casts stand at the end */
    kerf__graph_remove_dead(g);     /* what was widened is read by nobody */
    return KERF_OK;
}

/* ---- the pass ----------------------------------------------------------------------- */

static kerf_status store(halving *h)
{
    find_prepared(h);
    for (size_t i = 0; i < h->g->num_nodes; i++)
        h->is_half[i] = (char)can_be_half(h, h->g->nodes[i]);
    set_types(h);
    return convert(h);
}

kerf_status kerf__plan_store_halves(kerf_graph *g, kerf_device *dev)
{
    halving h = {.g = g, .dev = dev};
    h.is_prepared = kerf__alloc(g->num_values, 1);
    h.is_changed = kerf__alloc(g->num_values, 1);
    h.is_half = kerf__alloc(g->num_nodes, 1);
    h.others = kerf__alloc(g->num_values, sizeof *h.others);
    const kerf_status status =
        h.is_prepared == NULL || h.is_changed == NULL || h.is_half == NULL || h.others == NULL
            ? kerf__fail_memory("plan", g->num_values * sizeof *h.others)
            : store(&h);
    free(h.is_prepared);
    free(h.is_changed);
    free(h.is_half);
    free(h.others);
    return status;
}
