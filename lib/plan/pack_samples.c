/* plan/pack_samples.c -- images of a training step with 16 samples side by side.
 *
 *     (N, C, H, W)  ->  (N / 16, C, H, W, 16)
 *
 * Then a pixel is one vector, so a tap of a sparse convolution is an aligned load wherever it lies,
 * and its gradient needs no border.  Convolutions want it (sparse_train.c); what lies between them
 * follows if the larger part of what it reads is packed anyway: a batch norm and what is
 * element-wise take the shape as it is, a pooling window takes it for blocks of 16 channels
 * (ops/layout_common.h), which are computed alike.  So a network is packed and unpacked at the
 * ends of its sparse part alone.
 *
 * As in layout.c all is decided while shapes are those of the model; a value is packed, or
 * unpacked, once for all its readers. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "ops/layout_common.h"
#include "plan/plan_internal.h"

enum { LANES = 16 };

typedef struct packing {
    kerf_graph *g;
    unsigned *images;     /* borrowed; see kerf__plan_pack_samples() */
    size_t num_nodes;     /* when the pass began */
    char *is_made;        /* owned; by index of a value: its maker packs it */
    char *is_read;        /* owned; the same: a packed node reads it */
    kerf_value **others;  /* owned; the same: the other form of it, or NULL */
    kerf_shape *unpacked; /* owned; the same: as the model has it */
} packing;

int kerf__plan_can_pack(kerf_shape shape)
{
    return shape.rank == 4 && kerf_shape_num_elements(shape) > 0 && shape.dims[0] % LANES == 0;
}

static kerf_shape packed_shape(kerf_shape s)
{
    return KERF_SHAPE(s.dims[0] / LANES, s.dims[1], s.dims[2], s.dims[3], LANES);
}

/* ---- who follows ----------------------------------------------------------------------------- */

typedef enum kind { FLAT, WINDOW, SUM, STATISTICS } kind;

/* inputs: bits of those that are images. */
static const struct follower {
    const char *op;
    unsigned inputs;
    kind kind;
} FOLLOWERS[] = {
    {"Add", 3, FLAT},
    {"AveragePool", 1, WINDOW},
    {"BatchNormalization", 1, FLAT},
    {"GlobalAveragePool", 1, WINDOW},
    {"MaxPool", 1, WINDOW},
    {"ReduceSum", 1, SUM},
    {"Relu", 1, FLAT},
    {"kerf.BatchNormGrad", 3, FLAT},
    {"kerf.BatchNormMoments", 1, STATISTICS},
    {"kerf.BatchNormSums", 3, STATISTICS},
    {"kerf.MaxPoolGrad", 3, WINDOW},
    {"kerf.ReluGrad", 3, FLAT},
};

static const struct follower *follower_of(const kerf_node *n)
{
    for (size_t i = 0; i < sizeof FOLLOWERS / sizeof FOLLOWERS[0]; i++)
        if (kerf__node_is(n, FOLLOWERS[i].op))
            return &FOLLOWERS[i];
    return NULL;
}

/* The sum over all but channels: a bias's gradient. */
static int sums_channels(const kerf_node *n)
{
    static const int64_t AXES[] = {0, 2, 3};
    size_t num;
    const int64_t *axes = kerf_node_ints(n, "axes", &num);
    return axes != NULL && num == 3 && memcmp(axes, AXES, sizeof AXES) == 0 && n->num_inputs == 1 &&
           kerf_node_int(n, "keepdims", 1) == 0;
}

static int can_follow(const kerf_node *n, const struct follower *f)
{
    kerf__layouts wanted = {0};
    for (int i = 0; i < n->num_inputs; i++)
        if ((f->inputs >> i & 1u) != 0 &&
            (n->inputs[i]->type != KERF_F32 || !kerf__plan_can_pack(n->inputs[i]->shape) ||
             (f->kind == FLAT && !kerf_shape_equal(n->inputs[i]->shape, n->outputs[0]->shape))))
            return 0;
    if (n->outputs[0]->next_of >= 0)
        return 0;
    if (f->kind == WINDOW)
        return kerf__op_find(n->op)->layouts(n, &wanted) == KERF__FOLLOWS;
    return f->kind != SUM || sums_channels(n);
}

static int arrives(const packing *p, const kerf_value *v)
{
    return p->is_made[v->index] || p->is_read[v->index];
}

/* Packed inputs that outweigh those that would have to be packed, or are as many. */
static int is_worth_following(const packing *p, const kerf_node *n, unsigned inputs)
{
    double saved = 0;
    int any = 0;
    for (int i = 0; i < n->num_inputs; i++) {
        if ((inputs >> i & 1u) == 0)
            continue;
        const double size = (double)kerf_shape_num_elements(n->inputs[i]->shape);
        const int is_there = arrives(p, n->inputs[i]);
        saved += is_there ? size : -size;
        any |= is_there;
    }
    return any && saved >= 0;
}

static void note(packing *p, const kerf_node *n)
{
    const unsigned images = p->images[n->index];
    for (int i = 0; i < n->num_inputs && i < 16; i++)
        if ((images >> i & 1u) != 0)
            p->is_read[n->inputs[i]->index] = 1;
    if ((images & KERF__MAKES_IMAGE) != 0)
        p->is_made[n->outputs[0]->index] = 1;
}

static void decide(packing *p)
{
    for (size_t i = 0; i < p->num_nodes; i++)
        note(p, p->g->nodes[i]);
    for (size_t i = 0; i < p->num_nodes; i++) {
        const kerf_node *n = p->g->nodes[i];
        const struct follower *f = follower_of(n);
        if (p->images[i] != 0 || f == NULL || !can_follow(n, f) ||
            !is_worth_following(p, n, f->inputs))
            continue;
        p->images[i] = f->inputs | (f->kind == FLAT || f->kind == WINDOW ? KERF__MAKES_IMAGE : 0);
        note(p, n);
    }
}

/* ---- packing --------------------------------------------------------------------------------- */

static kerf_status add_node(const kerf_node *reader, const char *op, const char *key,
                            kerf_shape list, kerf_value *v, kerf_value **out)
{
    kerf_node *n;
    KERF__TRY(kerf_graph_add_node(reader->graph, op, NULL, &v, 1, 1, &n));
    KERF__TRY(kerf__node_set_pass(n, kerf__node_pass(reader)));
    KERF__TRY(kerf_node_set_ints(n, key, list.dims, (size_t)list.rank));
    *out = n->outputs[0];
    return kerf__node_infer(n);
}

static kerf_status pack(const kerf_node *reader, kerf_value *v, kerf_shape s, kerf_value **out)
{
    const kerf_shape apart = KERF_SHAPE(s.dims[0] / LANES, LANES, s.dims[1], s.dims[2], s.dims[3]);
    KERF__TRY(add_node(reader, "Reshape", "shape", apart, v, &v));
    return add_node(reader, "Transpose", "perm", KERF_SHAPE(0, 2, 3, 4, 1), v, out);
}

static kerf_status unpack(const kerf_node *reader, kerf_value *v, kerf_shape s, kerf_value **out)
{
    KERF__TRY(add_node(reader, "Transpose", "perm", KERF_SHAPE(0, 4, 1, 2, 3), v, &v));
    return add_node(reader, "Reshape", "shape", s, v, out);
}

/* The form that the reader asks for. */
static kerf_status in_form(packing *p, const kerf_node *reader, kerf_value *v, int packed,
                           kerf_value **out)
{
    const int index = v->index;
    *out = v;
    if (p->is_made[index] == packed)
        return KERF_OK;
    if (p->others[index] == NULL)
        KERF__TRY((packed ? pack : unpack)(reader, v, p->unpacked[index], &p->others[index]));
    *out = p->others[index];
    return KERF_OK;
}

static kerf_status set_inputs(packing *p, kerf_node *n)
{
    const unsigned images = p->images[n->index];
    for (int i = 0; i < n->num_inputs; i++) {
        kerf_value *v = n->inputs[i];
        if (v == NULL)
            continue;
        KERF__TRY(in_form(p, n, v, i < 16 && (images >> i & 1u) != 0, &v));
        if (v != n->inputs[i])
            kerf__node_set_input(n, i, v);
    }
    return KERF_OK;
}

/* The samples are channels to it, in blocks. */
static kerf_status set_window(kerf_node *n, const struct follower *f)
{
    kerf__layouts layouts = {.outputs = {KERF__C16}};
    int64_t channels[2] = {0};
    for (int i = 0; i < n->num_inputs; i++)
        if ((f->inputs >> i & 1u) != 0) {
            layouts.inputs[i] = KERF__C16;
            channels[i] = n->inputs[i]->shape.dims[1] * LANES;
        }
    KERF__TRY(kerf__node_set_layouts(n, &layouts));
    return kerf_node_set_ints(n, "laid_channels", channels, (size_t)n->num_inputs);
}

/* A follower in its new form. */
static kerf_status adapt(kerf_node *n)
{
    static const int64_t AXES[] = {0, 2, 3, 4};
    const struct follower *f = follower_of(n);
    if (f == NULL)
        return KERF_OK;
    if (f->kind == WINDOW)
        KERF__TRY(set_window(n, f));
    if (f->kind == SUM)
        KERF__TRY(kerf_node_set_ints(n, "axes", AXES, 4));
    return kerf__node_infer(n);
}

static kerf_status pack_graph(packing *p)
{
    kerf_graph *g = p->g;
    decide(p);
    for (size_t i = 0; i < p->num_nodes; i++)
        if ((p->images[i] & KERF__MAKES_IMAGE) != 0)
            g->nodes[i]->outputs[0]->shape = packed_shape(g->nodes[i]->outputs[0]->shape);
    for (size_t i = 0; i < p->num_nodes; i++) {
        KERF__TRY(set_inputs(p, g->nodes[i]));
        if (p->images[i] != 0)
            KERF__TRY(adapt(g->nodes[i]));
    }
    for (size_t i = 0; i < g->num_outputs; i++) {
        kerf_value *v = g->outputs[i];
        if (v->producer != NULL)
            KERF__TRY(in_form(p, v->producer, v, 0, &g->outputs[i]));
    }
    return KERF_OK;
}

kerf_status kerf__plan_pack_samples(kerf_graph *g, unsigned *images)
{
    const size_t num = g->num_values;
    packing p = {.g = g, .images = images, .num_nodes = g->num_nodes};
    p.is_made = kerf__alloc(num, 1);
    p.is_read = kerf__alloc(num, 1);
    p.others = kerf__alloc(num, sizeof(kerf_value *));
    p.unpacked = kerf__alloc(num, sizeof(kerf_shape));
    const int has_memory =
        p.is_made != NULL && p.is_read != NULL && p.others != NULL && p.unpacked != NULL;
    for (size_t i = 0; has_memory && i < num; i++)
        p.unpacked[i] = g->values[i]->shape;
    kerf_status status =
        has_memory ? pack_graph(&p) : kerf__fail_memory("plan", num * sizeof(kerf_shape));
    free(p.is_made);
    free(p.is_read);
    free(p.others);
    free(p.unpacked);
    return status;
}
