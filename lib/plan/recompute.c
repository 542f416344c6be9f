/* plan/recompute.c -- training in less memory: results of the forward pass are given up and
 * computed once more where the backward pass reads them (Chen et al. 2016, "Training deep nets
 * with sublinear memory cost").
 *
 * A level says what is kept: at 0 everything, at 1 what costs multiplications (convolutions,
 * products), and from 2 on only results at cuts, where nothing else crosses from one part of the
 * network to the next; more or fewer parts of about equal bytes.
 *
 * A node that writes a state's next value (running statistics), or to whose result others add,
 * never runs twice, and what it makes is kept.  The kernels are the same, and so are the bits of
 * the training.  Copies of nodes stand right before their first reader (graph/sort.c), so a part is
 * made again just in time. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "plan/plan_internal.h"

/* Parts by level, from 2 on: the best number lies near the root of the number of layers. */
static const int NUM_PARTS[] = {16, 8, 4, 32};
enum { LEVEL_CHEAP = 1, LEVEL_PARTS = 2 };
const int kerf__recompute_levels = LEVEL_PARTS + sizeof NUM_PARTS / sizeof NUM_PARTS[0];

typedef struct giving_up {
    kerf_graph *g;
    size_t num_nodes, num_values; /* before the pass */
    char *kept;                   /* owned; by index of the value */
    char *wanted;                 /* owned; 1 where the backward pass wants it made again */
    kerf_value **again;           /* owned; the value made again, or NULL */
    int *crossings;               /* owned; by place of the node: values that cross behind it */
} giving_up;

static int is_forward(const kerf_node *n)
{
    return n != NULL && kerf__node_pass(n) == KERF__FORWARD;
}

/* 1 for a result of the forward pass that is given up. */
static int is_given_up(const giving_up *x, const kerf_value *v)
{
    return v != NULL && is_forward(v->producer) && !x->kept[v->index];
}

/* ---- what is kept --------------------------------------------------------------------- */

static int runs_once(const kerf_node *n)
{
    if (kerf__node_is_partial(n)) /* others are asked each time */
        return 1;
    for (int k = 0; k < n->num_outputs; k++)
        if (n->outputs[k]->next_of >= 0)
            return 1;
    return 0;
}

static void keep(giving_up *x, const kerf_node *n)
{
    for (int k = 0; k < n->num_outputs; k++)
        x->kept[n->outputs[k]->index] = 1;
}

/* A value crosses from behind its producer to its last reader of the forward pass. */
static void count_crossings(giving_up *x)
{
    for (size_t i = x->num_nodes; i-- > 0;) {
        const kerf_node *n = x->g->nodes[i];
        for (int k = 0; k < n->num_inputs && is_forward(n); k++) {
            const kerf_value *v = n->inputs[k];
            if (v == NULL || !is_forward(v->producer) || x->wanted[v->index])
                continue;
            x->wanted[v->index] = 1; /* here: counted */
            x->crossings[v->producer->index]++;
            x->crossings[i]--;
        }
    }
    for (size_t i = 1; i < x->num_nodes; i++)
        x->crossings[i] += x->crossings[i - 1];
    for (size_t i = 0; i < x->num_values; i++)
        x->wanted[i] = 0;
}

static double forward_bytes(const kerf_node *n)
{
    double bytes = 0;
    for (int k = 0; k < n->num_outputs && is_forward(n) && !kerf__node_is_view(n); k++) {
        const kerf_value *v = n->outputs[k];
        bytes += v->shape.rank >= 0 ? (double)kerf__tensor_bytes(v->type, v->shape) : 0;
    }
    return bytes;
}

/* Keeps the first cut behind each part. */
static void keep_cuts(giving_up *x, int num_parts)
{
    double total = 0, sum = 0, next;
    count_crossings(x);
    for (size_t i = 0; i < x->num_nodes; i++)
        total += forward_bytes(x->g->nodes[i]);
    next = total / num_parts;
    for (size_t i = 0; i < x->num_nodes; i++) {
        const kerf_node *n = x->g->nodes[i];
        sum += forward_bytes(n);
        if (!is_forward(n) || x->crossings[i] != 1 || sum < next)
            continue;
        keep(x, n);
        next = sum + total / num_parts;
    }
}

static void choose_kept(giving_up *x, int level)
{
    for (size_t i = 0; i < x->num_nodes; i++) {
        const kerf_node *n = x->g->nodes[i];
        const int is_costly = kerf__op_find(n->op)->macs != NULL;
        if (runs_once(n) || (level == LEVEL_CHEAP && is_costly))
            keep(x, n);
    }
    if (level >= LEVEL_PARTS)
        keep_cuts(x, NUM_PARTS[level - LEVEL_PARTS]);
}

/* ---- what is made again ---------------------------------------------------------------- */

/* What the backward pass reads, then what that is made of. */
static void find_wanted(giving_up *x)
{
    for (size_t i = x->num_nodes; i-- > 0;) {
        const kerf_node *n = x->g->nodes[i];
        int wants = !is_forward(n);
        for (int k = 0; k < n->num_outputs && !wants; k++)
            wants = x->wanted[n->outputs[k]->index];
        for (int k = 0; k < n->num_inputs && wants; k++)
            if (is_given_up(x, n->inputs[k]))
                x->wanted[n->inputs[k]->index] = 1;
    }
}

static kerf_value *in_its_place(const giving_up *x, kerf_value *v)
{
    return v != NULL && (size_t)v->index < x->num_values && x->again[v->index] != NULL
               ? x->again[v->index]
               : v;
}

static kerf_status make_again(giving_up *x, const kerf_node *n)
{
    kerf_node *copy;
    KERF__TRY(
        kerf_graph_add_node(x->g, n->op, NULL, n->inputs, n->num_inputs, n->num_outputs, &copy));
    KERF__TRY(kerf__node_copy_attributes(copy, n));
    KERF__TRY(kerf__node_set_pass(copy, KERF__BACKWARD));
    for (int k = 0; k < n->num_inputs; k++)
        kerf__node_set_input(copy, k, in_its_place(x, n->inputs[k]));
    for (int k = 0; k < n->num_outputs; k++) {
        copy->outputs[k]->type = n->outputs[k]->type;
        copy->outputs[k]->shape = n->outputs[k]->shape;
        x->again[n->outputs[k]->index] = copy->outputs[k];
    }
    return KERF_OK;
}

static kerf_status make_all_again(giving_up *x)
{
    for (size_t i = 0; i < x->num_nodes; i++) {
        const kerf_node *n = x->g->nodes[i];
        int wants = 0;
        for (int k = 0; k < n->num_outputs && is_forward(n); k++)
            wants |= x->wanted[n->outputs[k]->index];
        if (wants)
            KERF__TRY(make_again(x, n));
    }
    for (size_t i = 0; i < x->num_nodes; i++) {
        kerf_node *n = x->g->nodes[i];
        for (int k = 0; k < n->num_inputs && !is_forward(n); k++)
            kerf__node_set_input(n, k, in_its_place(x, n->inputs[k]));
    }
    return kerf__graph_sort(x->g);
}

kerf_status kerf__plan_recompute(kerf_graph *g, int level)
{
    giving_up x = {.g = g, .num_nodes = g->num_nodes, .num_values = g->num_values};
    if (level == 0)
        return KERF_OK;
    x.kept = kerf__alloc(x.num_values, 1);
    x.wanted = kerf__alloc(x.num_values, 1);
    x.again = kerf__alloc(x.num_values, sizeof(kerf_value *));
    x.crossings = kerf__alloc(x.num_nodes, sizeof *x.crossings);
    kerf_status status = KERF_OK;
    if (x.kept == NULL || x.wanted == NULL || x.again == NULL || x.crossings == NULL)
        status = kerf__fail_memory("plan", x.num_values * sizeof(kerf_value *));
    if (status == KERF_OK) {
        choose_kept(&x, level);
        find_wanted(&x);
        status = make_all_again(&x);
    }
    free(x.kept);
    free(x.wanted);
    free(x.again);
    free(x.crossings);
    return status;
}
