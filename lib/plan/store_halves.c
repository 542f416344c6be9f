/* plan/store_halves.c -- a plan of precision f16 or mixed: numbers of the lowered graph are stored
 * as float16, in half the bytes, and computed with in floats.
 *
 * An operation says which operands may be halves (kerf__op.halves); of a node that can, all such
 * operands and output 0 are.  What lies between two such nodes, a view or another layout too, is
 * float16; elsewhere a Cast stands.  A Reorder converts on its way, and what a Cast widened is read
 * as it was before: so weights that a file holds as float16 are never floats on the device, and
 * others become halves once, as Casts of states are prepared (prepare.c).
 *
 * In training, what the backward pass reads of the forward pass waits as halves, whoever made it:
 * one Cast stands behind its producer, and others before readers that want floats.  What the loss
 * makes of the network's output, and gradients of weights with all that becomes of them, stay
 * floats.
 *
 * The graph's inputs and outputs stay as they are.  So does what is prepared, but for its results:
 * weights are rounded once, behind all arithmetic that makes them.  And so do nodes that take in a
 * number which is none as a half. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "plan/plan_internal.h"

/* What arrays hold is owned by kerf__plan_store_halves(). */
typedef struct halving {
    kerf_graph *g;
    kerf_device *dev;
    char *is_fixed;         /* by value: made of constants and states alone */
    char *is_prepared;      /* by value: the same, and no run changes it */
    char *is_changed;       /* by value: it was float32, and is float16 */
    char *is_late;          /* by value: the network's output, and what the loss makes of it */
    char *is_sum;           /* by value: a gradient of weights */
    char *is_half;          /* by node */
    kerf_value **others[2]; /* by value: the same number in the other type, or NULL; for the
                             * backward pass and updates one of its own, so that none waits */
    int trains;
} halving;

/* ---- which nodes ------------------------------------------------------------------- */

/* From what is marked to all that is made of it alone. */
static void spread(const kerf_graph *g, char *marks)
{
    for (size_t i = 0; i < g->num_nodes; i++) {
        const kerf_node *n = g->nodes[i];
        int all = 1;
        for (int k = 0; k < n->num_inputs && all; k++)
            all = n->inputs[k] == NULL || marks[n->inputs[k]->index];
        for (int k = 0; k < n->num_outputs; k++)
            marks[n->outputs[k]->index] = (char)all;
    }
}

static int is_written(const kerf_graph *g, const kerf_value *v)
{
    for (size_t i = 0; i < g->num_values && v->state_id >= 0; i++)
        if (g->values[i]->next_of == v->state_id)
            return 1;
    return 0;
}

static void find_prepared(halving *h)
{
    for (size_t i = 0; i < h->g->num_values; i++) {
        const kerf_value *v = h->g->values[i];
        h->is_fixed[i] = v->kind == KERF__VALUE_CONSTANT || v->kind == KERF__VALUE_STATE;
        h->is_prepared[i] = h->is_fixed[i] && !is_written(h->g, v);
    }
    spread(h->g, h->is_fixed);
    spread(h->g, h->is_prepared);
}

/* What reads the network's output in the forward pass, and so on. */
static void find_late(halving *h)
{
    for (size_t i = 0; i < h->g->num_outputs && h->trains; i++)
        h->is_late[h->g->outputs[i]->index] = 1;
    for (size_t i = 0; i < h->g->num_nodes; i++) {
        const kerf_node *n = h->g->nodes[i];
        for (int k = 0; k < n->num_inputs && kerf__node_pass(n) == KERF__FORWARD; k++)
            for (int j = 0; j < n->num_outputs && n->inputs[k] != NULL; j++)
                h->is_late[n->outputs[j]->index] |= h->is_late[n->inputs[k]->index];
    }
}

/* 1 if the node's first result is its input, element by element. */
static int goes_on_as(const kerf_node *n, const kerf_value *v)
{
    return kerf__op_find(n->op)->halves == 0 &&
           kerf_shape_num_elements(n->outputs[0]->shape) == kerf_shape_num_elements(v->shape);
}

/* What updates read, or what is added to a sum, and what that was made of, one to one. */
static void find_sums(halving *h)
{
    for (size_t i = h->g->num_nodes; i-- > 0 && h->trains;) {
        const kerf_node *n = h->g->nodes[i];
        const kerf_value *dst = n->outputs[0];
        for (int k = 0; k < n->num_inputs; k++) {
            const kerf_value *v = n->inputs[k];
            if (v != NULL && (kerf__node_pass(n) == KERF__UPDATE || dst->next_of >= 0 ||
                              (h->is_sum[dst->index] && goes_on_as(n, v))))
                h->is_sum[v->index] = 1;
        }
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
        h->is_sum[n->outputs[0]->index] || !has_half_operands(n))
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

static kerf_status add_cast(halving *h, kerf_type type, kerf__pass pass, kerf_value *v,
                            kerf_value **out)
{
    kerf_node *n;
    KERF__TRY(kerf_graph_add_node(h->g, "Cast", NULL, &v, 1, 1, &n));
    KERF__TRY(kerf_node_set_int(n, "to", kerf__onnx_number(type)));
    KERF__TRY(kerf__node_set_pass(n, pass));
    KERF__TRY(kerf__node_infer(n));
    *out = n->outputs[0];
    return KERF_OK;
}

/* Halves belong to the pass that makes the floats, for all their readers. */
static kerf_status cast(halving *h, kerf_type type, kerf__pass pass, kerf_value **v)
{
    if (type == KERF_F16 && (*v)->producer != NULL)
        pass = kerf__node_pass((*v)->producer);
    kerf_value **other = &h->others[pass != KERF__FORWARD][(*v)->index];
    if (*other == NULL)
        KERF__TRY(add_cast(h, type, pass, *v, other));
    *v = *other;
    return KERF_OK;
}

/* 1 if v waits from the forward to the backward pass, to which n belongs. */
static int waits(const halving *h, const kerf_node *n, const kerf_value *v)
{
    const kerf_node *producer = v->producer;
    return h->trains && v->type == KERF_F32 && producer != NULL && producer->outputs[0] == v &&
           v->next_of < 0 && !h->is_fixed[v->index] && !h->is_late[v->index] &&
           kerf__node_pass(producer) == KERF__FORWARD && kerf__node_pass(n) != KERF__FORWARD;
}

/* What n reads of v, which waits: halves, or floats again that are made for its pass. */
static kerf_status take_waiting(halving *h, const kerf_node *n, int takes_half, kerf_value **v)
{
    kerf_value **again = &h->others[1][(*v)->index], *half = *v;
    KERF__TRY(cast(h, KERF_F16, KERF__FORWARD, &half));
    if (!takes_half && *again == NULL)
        KERF__TRY(add_cast(h, KERF_F32, kerf__node_pass(n), half, again));
    *v = takes_half ? half : *again;
    return KERF_OK;
}

static kerf_status convert_input(halving *h, kerf_node *n, int i)
{
    kerf_value *v = n->inputs[i];
    const int wanted = wants_half(h, n, i);
    if (wanted || is_reorder(n))
        v = narrow(v);
    if (waits(h, n, v))
        KERF__TRY(take_waiting(h, n, wanted || is_reorder(n), &v));
    else if (wanted && v->type == KERF_F32)
        KERF__TRY(cast(h, KERF_F16, kerf__node_pass(n), &v));
    else if (!wanted && !is_reorder(n) && !kerf__node_is_view(n) && h->is_changed[v->index])
        KERF__TRY(cast(h, KERF_F32, kerf__node_pass(n), &v));
    if (v != n->inputs[i])
        kerf__node_set_input(n, i, v);
    return KERF_OK;
}

static size_t put(kerf_node **to, size_t num, kerf_node *n)
{
    to[num] = n;
    n->index = (int)num;
    return num + 1;
}

/* Halves of a result stand behind its producer, so that the floats need not wait; other Casts, at
 * the end, before their first reader. */
static kerf_status place_casts(kerf_graph *g, size_t num_before)
{
    const size_t num_nodes = g->num_nodes;
    kerf_node **old = kerf__alloc(num_nodes, sizeof(kerf_node *));
    size_t num = 0;
    if (old == NULL)
        return kerf__fail_memory("plan", num_nodes * sizeof(kerf_node *));
    memcpy(old, g->nodes, num_nodes * sizeof(kerf_node *));
    for (size_t i = 0; i < num_before; i++) {
        num = put(g->nodes, num, old[i]);
        for (size_t k = num_before; k < num_nodes; k++)
            if (old[k]->outputs[0]->type == KERF_F16 && old[k]->inputs[0]->producer == old[i])
                num = put(g->nodes, num, old[k]);
    }
    for (size_t k = num_before; k < num_nodes; k++)
        if (old[k]->outputs[0]->type != KERF_F16 || old[k]->inputs[0]->producer == NULL)
            num = put(g->nodes, num, old[k]);
    free(old);
    return kerf__graph_sort(g);
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
    KERF__TRY(place_casts(g, num_nodes));
    kerf__graph_remove_dead(g); /* what was widened is read by nobody */
    return KERF_OK;
}

/* ---- the pass ----------------------------------------------------------------------- */

static kerf_status store(halving *h)
{
    find_prepared(h);
    find_late(h);
    find_sums(h);
    for (size_t i = 0; i < h->g->num_nodes; i++)
        h->is_half[i] = (char)can_be_half(h, h->g->nodes[i]);
    set_types(h);
    return convert(h);
}

kerf_status kerf__plan_store_halves(kerf_graph *g, kerf_device *dev, int trains)
{
    enum { FLAGS = 5 };
    const size_t num = g->num_values;
    halving h = {.g = g, .dev = dev, .trains = trains};
    char *flags = kerf__alloc(num, FLAGS);
    h.is_half = kerf__alloc(g->num_nodes, 1);
    h.others[0] = kerf__alloc(2 * num, sizeof(kerf_value *));
    kerf_status status;
    if (flags == NULL || h.is_half == NULL || h.others[0] == NULL) {
        status = kerf__fail_memory("plan", 2 * num * sizeof(kerf_value *));
    } else {
        h.is_prepared = flags;
        h.is_changed = flags + num;
        h.is_late = flags + 2 * num;
        h.is_sum = flags + 3 * num;
        h.is_fixed = flags + 4 * num;
        h.others[1] = h.others[0] + num;
        status = store(&h);
    }
    free(flags);
    free(h.is_half);
    free(h.others[0]);
    return status;
}
