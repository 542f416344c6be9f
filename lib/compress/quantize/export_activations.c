/* compress/quantize/export_activations.c -- types and zero points that readers take.
 *
 * Pairs between which numbers are only moved must keep one scale and one zero point, so they are
 * one class, and change together.  Biases follow: export_biases.c.
 *
 *   ONNX Runtime  uint8: int8 it turns into uint8 in some places and leaves in others.  Behind a
 *                 bound at 0 the zero point is 0, so that the bound is an end of the integers
 *   TensorRT      int8 with zero point 0 */
#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "compress/quantize/export_internal.h"
#include "tensor/tensor_internal.h"

enum { NO_CLASS = -1 };

/* A pair with one scale, by the index of its QuantizeLinear. */
typedef struct member {
    int parent; /* up to the class's first; NO_CLASS: no such node */
    kerf__scaling was;
    int is_moved; /* all its numbers come out of the class, too */
    int is_open;  /* of a first: some numbers of the class are made, and by no bound at 0 */
} member;

typedef struct rewriting {
    kerf__exporting *x;
    member *at; /* owned; by index of the node */
    size_t num;
} rewriting;

/* ---- classes ------------------------------------------------------------------------------ */

static int find(const rewriting *r, int i)
{
    while (r->at[i].parent != i)
        i = r->at[i].parent;
    return i;
}

/* 1 if nobody but DequantizeLinear with the same numbers reads what q makes. */
static int is_pair(const kerf_node *q, kerf__scaling scaling)
{
    const kerf_value *v = q->outputs[0];
    kerf__scaling back;
    int num = 0;
    for (size_t i = 0; i < v->graph->num_nodes; i++) {
        const kerf_node *n = v->graph->nodes[i];
        num += kerf__node_is(n, "DequantizeLinear") && kerf_node_input(n, 0) == v &&
               kerf__scaling_of(&back, n) && kerf__scaling_equal(back, scaling);
    }
    return num == kerf__value_num_uses(v);
}

static void find_members(rewriting *r)
{
    for (size_t i = 0; i < r->num; i++) {
        const kerf_node *n = r->x->g->nodes[i];
        kerf__scaling *was = &r->at[i].was;
        const int is_member = kerf__node_is(n, "QuantizeLinear") && kerf_node_input(n, 0) != NULL &&
                              kerf__scaling_of(was, n) && kerf_type_bits(was->type) == 8 &&
                              is_pair(n, *was);
        r->at[i].parent = is_member ? (int)i : NO_CLASS;
    }
}

/* The member whose DequantizeLinear makes v; NO_CLASS. */
static int member_in_front(const rewriting *r, const kerf_value *v)
{
    const kerf_node *dq = kerf__rounded_by(v), *q = dq != NULL ? dq->inputs[0]->producer : NULL;
    return kerf__node_is(q, "QuantizeLinear")
               ? r->at[q->index].parent == NO_CLASS ? NO_CLASS : q->index
               : NO_CLASS;
}

/* Member i and what was only moved to it are one class.  What comes of one float, too, is made
 * here. */
static void join(rewriting *r, int i)
{
    const kerf_node *maker = r->x->g->nodes[i]->inputs[0]->producer;
    const int joins = kerf__node_is(maker, "Concat");
    if (maker == NULL || (!joins && !kerf__is_move(maker)))
        return;
    r->at[i].is_moved = 1;
    for (int k = 0; k < (joins ? maker->num_inputs : 1); k++) {
        const int from = member_in_front(r, kerf_node_input(maker, k));
        if (from != NO_CLASS && kerf__scaling_equal(r->at[from].was, r->at[i].was))
            r->at[find(r, i)].parent = find(r, from);
        else
            r->at[i].is_moved = 0;
    }
}

static int is_bound_at_zero(const kerf_node *n)
{
    const kerf_value *low = kerf__node_is(n, "Clip") ? kerf_node_input(n, 1) : NULL;
    return kerf__node_is(n, "Relu") ||
           (low != NULL && low->kind == KERF__VALUE_CONSTANT && low->type == KERF_F32 &&
            low->constant->num_elements == 1 && *(const float *)low->constant->data >= 0);
}

static void find_classes(rewriting *r)
{
    find_members(r);
    for (size_t i = 0; i < r->num; i++)
        if (r->at[i].parent != NO_CLASS)
            join(r, (int)i);
    for (size_t i = 0; i < r->num; i++)
        if (r->at[i].parent != NO_CLASS && !r->at[i].is_moved &&
            !is_bound_at_zero(r->x->g->nodes[i]->inputs[0]->producer))
            r->at[find(r, (int)i)].is_open = 1;
}

/* ---- what a class becomes ------------------------------------------------------------------- */

static kerf__scaling for_ort(kerf__scaling x, int is_open)
{
    enum { HALF = 128, MOST = 255 };
    if (x.type == KERF_S8) {
        x.type = KERF_U8;
        x.zero += HALF;
    }
    if (!is_open && x.zero != 0 && x.zero != MOST) { /* what is below 0 never comes */
        x.scale = (double)(float)(x.scale * (double)(MOST - x.zero) / MOST);
        x.zero = 0;
    }
    return x;
}

static kerf__scaling for_trt(kerf__scaling x, int is_open)
{
    const double high = (double)(kerf__highest(x.type) - x.zero) * x.scale;
    const double low = is_open || high <= 0 ? (double)(kerf__lowest(x.type) - x.zero) * x.scale : 0;
    if (x.type == KERF_S8 && x.zero == 0)
        return x;
    return (kerf__scaling){.scale = (double)(float)fmax(low / (double)kerf__lowest(KERF_S8),
                                                        high / (double)kerf__highest(KERF_S8)),
                           .type = KERF_S8};
}

static kerf__scaling wanted(const rewriting *r, int first)
{
    const member *c = &r->at[first];
    return r->x->profile == KERF_PROFILE_TRT ? for_trt(c->was, c->is_open)
                                             : for_ort(c->was, c->is_open);
}

/* ---- writing it down ------------------------------------------------------------------------ */

static kerf_status set_numbers(kerf_node *n, kerf_value *scale, kerf_value *zero)
{
    kerf__node_remove_attribute(n, "output_dtype"); /* the zero point says it */
    kerf__node_set_input(n, 1, scale);
    return kerf__node_put_input(n, 2, zero);
}

static kerf_status rewrite_pair(rewriting *r, kerf_node *q, kerf__scaling to)
{
    kerf_graph *g = r->x->g;
    kerf_tensor *t;
    kerf_value *scale, *zero;
    KERF__TRY(kerf_tensor_create(&t, NULL, KERF_F32, KERF_SCALAR));
    *(float *)t->data = (float)to.scale;
    KERF__TRY(kerf__add_constant(g, kerf_node_input(q, 0)->name, "scale", t, &scale));
    KERF__TRY(kerf_tensor_create(&t, NULL, to.type, KERF_SCALAR));
    *(unsigned char *)t->data = (unsigned char)to.zero;
    KERF__TRY(kerf__add_constant(g, kerf_node_input(q, 0)->name, "zero", t, &zero));
    KERF__TRY(set_numbers(q, scale, zero));
    q->outputs[0]->type = to.type;
    for (size_t i = 0; i < g->num_nodes; i++)
        if (kerf__node_is(g->nodes[i], "DequantizeLinear") &&
            kerf_node_input(g->nodes[i], 0) == q->outputs[0])
            KERF__TRY(set_numbers(g->nodes[i], scale, zero));
    return KERF_OK;
}

static kerf_status rewrite_classes(rewriting *r)
{
    for (size_t i = 0; i < r->num; i++) {
        if (r->at[i].parent == NO_CLASS)
            continue;
        kerf_node *q = r->x->g->nodes[i];
        const kerf__scaling to = wanted(r, find(r, (int)i));
        if (kerf__scaling_equal(to, r->at[i].was))
            continue;
        KERF__TRY(kerf__export_note(r->x, kerf_node_input(q, 0)->name,
                                    to.type == KERF_S8 ? "rounded to int8 with zero point 0"
                                    : to.zero == 0     ? "rounded to uint8 with zero point 0"
                                                   : "rounded to uint8, the numbers as they were"));
        KERF__TRY(rewrite_pair(r, q, to));
    }
    return KERF_OK;
}

kerf_status kerf__export_activations(kerf__exporting *x)
{
    rewriting r = {.x = x, .num = x->g->num_nodes};
    r.at = kerf__alloc(r.num, sizeof *r.at);
    if (r.at == NULL)
        return kerf__fail_memory("export", r.num * sizeof *r.at);
    find_classes(&r);
    const kerf_status status = rewrite_classes(&r);
    free(r.at);
    return status;
}
