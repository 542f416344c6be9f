/* plan/use_zeros.c -- convolutions whose weights are mostly 0 become sparse ones.
 *
 *     Conv(src, weights, ...)  ->  kerf.SparsePattern(weights) -> starts, offsets, sources
 *                                  kerf.SparseValues(weights, sources) -> values
 *                                  kerf.SparseConv(src, values, starts, offsets, ...)
 *
 * Pattern and values are ordinary nodes, prepared like the packing of weights (prepare.c): they are
 * made again when the weights have another version.  They have room for all weights, so that a plan
 * stays right whatever is written to the state; how many zeros there were when it was made, in
 * whole percents, decides only what is sparse.
 *
 * On CPU devices the pattern of a window without a stride is made for a tile of pixels, which is
 * chosen here (ops/sparse_places.h).
 *
 * Runs behind fuse.c, so what is fused into the convolution stays fused, and weights may be those
 * that a batch norm is folded into: zeros are counted where they come from.  Sparse convolutions
 * are plain (NCHW), dense ones on CPU devices blocked, so a border between the two costs a reorder:
 * that is counted against the sparse one. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "ops/conv_wide.h"
#include "ops/sparse_conv.h"
#include "ops/sparse_places.h"
#include "plan/shared_weights.h"
#include "plan/sparse_layer.h"
#include "plan/zeros_known.h"

/* Time in multiply-adds of a dense convolution, for what nobody measured on this device, as on Zen
 * 5 under PoCL: one behind a non-zero, one that Winograd's method does, and one element that is
 * reordered. */
#define A_NON_ZERO   3.4
#define A_STRIDED    4.5 /* a non-zero where lines are sorted by their remainder */
#define A_WINOGRAD   0.6
#define A_REORDERING 60.0
/* On GPUs, where none was timed. */
#define A_NON_ZERO_GPU 20.0

typedef struct zeros {
    kerf__planning *p;
    double *density; /* owned; by index of a node: of its weights; 1 if it stays dense for sure */
    kerf__zeros_known *known; /* owned; the same: what was measured of it */
    char *is_sparse;          /* owned; by index of a node */
    size_t num;               /* nodes */
    int is_blocked;           /* dense convolutions are */
} zeros;

/* ---- how many zeros ------------------------------------------------------------------------- */

/* The state, constant or shared weight that weights come from, by way of what keeps zeros where
 * they are; NULL: an input or a result. */
static const kerf_value *origin(const kerf_value *v)
{
    const kerf_shape shape = v->shape;
    while (kerf__node_is(v->producer, "Mul")) {
        kerf_value *const *in = v->producer->inputs;
        v = kerf_shape_equal(in[0]->shape, shape) ? in[0] : in[1];
    }
    const int is_kept =
        v->kind == KERF__VALUE_STATE || v->kind == KERF__VALUE_CONSTANT || kerf__plan_is_shared(v);
    return is_kept && kerf_shape_equal(v->shape, shape) && v->type == KERF_F32 ? v : NULL;
}

/* Up, so that less than that is left; from MOST on all the same. */
int kerf__plan_percent_left(int64_t count, int64_t total)
{
    enum { MOST = 30 };
    const int64_t percent = total > 0 ? (100 * count + total - total / 1000 - 1) / total : 100;
    return percent < MOST ? (int)percent : 100;
}

static void count_constant(const kerf_tensor *t, int64_t *count, int64_t *total)
{
    const float *x = t->data;
    *total = (int64_t)t->num_elements;
    *count = 0;
    for (int64_t i = 0; i < *total; i++)
        *count += x[i] != 0;
}

/* A state's is noted, for kerf_plan_is_stale(). */
static kerf_status read_density(const zeros *z, const kerf_value *v, double *out)
{
    kerf_plan *p = z->p->plan;
    int64_t count, total;
    if (v->kind == KERF__VALUE_CONSTANT)
        count_constant(v->constant, &count, &total);
    else
        KERF__TRY(kerf__plan_count_weights(p, v, &count, &total));
    const int percent = kerf__plan_percent_left(count, total);
    const int is_forced = z->p->options->zeros == KERF_ZEROS_SPARSE && total > 0;
    *out = is_forced ? (double)count / (double)total : percent / 100.0;
    if (v->kind != KERF__VALUE_STATE)
        return KERF_OK;
    return kerf__plan_note_zeros(p, &(kerf__zeros){v->state_id, percent < 100, total, percent, 0});
}

/* Not of few weights, which are no work, nor of what the sparse kernels do not take. */
static int may_be_sparse(const kerf_node *n)
{
    enum { LEAST_WEIGHTS = 1000 };
    if (!kerf__node_is(n, "Conv") || n->inputs[1]->shape.rank != 4 ||
        kerf_shape_num_elements(n->inputs[1]->shape) < LEAST_WEIGHTS || n->outputs[0]->next_of >= 0)
        return 0;
    const kerf__conv v = kerf__conv_of(n);
    return (int64_t)v.h.kernel * v.w.kernel <= KERF__SPARSE_CHANNEL &&
           v.src_channels <= INT32_MAX / KERF__SPARSE_CHANNEL;
}

/* ---- what pays ------------------------------------------------------------------------------ */

static double num_elements(const kerf_value *v)
{
    return (double)kerf_shape_num_elements(v->shape);
}

/* The convolution that makes v, through what does little work; NULL: none. */
static const kerf_node *maker(const kerf_value *v)
{
    const kerf_node *n = v->producer;
    while (n != NULL && !kerf__node_is(n, "Conv") && n->num_inputs > 0 && n->inputs[0] != NULL)
        n = n->inputs[0]->producer;
    return kerf__node_is(n, "Conv") ? n : NULL;
}

/* 1 if a dense convolution reads what n makes. */
static int is_read_dense(const zeros *z, const kerf_node *n)
{
    for (size_t i = 0; i < z->num; i++) {
        const kerf_node *other = n->graph->nodes[i];
        if (kerf__node_is(other, "Conv") && !z->is_sparse[i] && maker(other->inputs[0]) == n)
            return 1;
    }
    return 0;
}

static double dense_cost(const kerf__conv *v)
{
    const double macs = kerf__conv_macs(v);
    return kerf__conv_is_winograd(v) && kerf__conv_winograd_pays(v) ? A_WINOGRAD * macs : macs;
}

static double border_cost(const zeros *z, const kerf_node *n)
{
    const kerf_node *before = maker(n->inputs[0]);
    double elements = 0;
    if (before != NULL && !z->is_sparse[before->index])
        elements += num_elements(n->inputs[0]);
    if (is_read_dense(z, n))
        elements += num_elements(n->outputs[0]);
    return z->is_blocked ? A_REORDERING * elements : 0;
}

/* Up to which density, where nothing was measured; -1: never.  A depth-wise layer has too few
 * weights for each pixel that is loaded. */
static double guess(const zeros *z, const kerf__conv *v, double spare)
{
    const int is_strided = v->h.stride > 1 || v->w.stride > 1;
    const double a_non_zero = !z->is_blocked ? A_NON_ZERO_GPU : is_strided ? A_STRIDED : A_NON_ZERO;
    return kerf__conv_is_depthwise(v) ? -1 : spare / (a_non_zero * kerf__conv_macs(v));
}

static int pays(const zeros *z, const kerf_node *n)
{
    const kerf__conv v = kerf__conv_of(n);
    const double dense = dense_cost(&v), border = border_cost(z, n);
    return dense > 0 &&
           z->density[n->index] <= kerf__zeros_most_density(&z->known[n->index], border / dense,
                                                            guess(z, &v, dense - border));
}

/* At first all that have zeros; then those go, one after the other, that do not pay beside what
 * their neighbours are. */
static void decide(zeros *z)
{
    const kerf_graph *g = z->p->plan->graph;
    int changes = z->p->options->zeros == KERF_ZEROS_AUTO;
    for (size_t i = 0; i < z->num; i++)
        z->is_sparse[i] = z->density[i] < 1;
    while (changes) {
        changes = 0;
        for (size_t i = 0; i < z->num; i++)
            if (z->is_sparse[i] && !pays(z, g->nodes[i])) {
                z->is_sparse[i] = 0;
                changes = 1;
            }
    }
}

/* ---- rewriting ------------------------------------------------------------------------------ */

/* p: the places of a tile that it is made for, or NULL. */
static kerf_status add_pattern(const kerf_node *n, const kerf__sparse_places *p,
                               kerf_node **pattern, kerf_node **values)
{
    kerf_value *weights = n->inputs[1];
    KERF__TRY(kerf__sparse_add_node(n, "kerf.SparsePattern", &weights, 1, 4, pattern));
    KERF__TRY(kerf_node_set_int(*pattern, "capacity", kerf_shape_num_elements(weights->shape)));
    KERF__TRY(kerf_node_set_int(*pattern, "stride_c", KERF__SPARSE_CHANNEL));
    if (p != NULL)
        KERF__TRY(kerf__sparse_set_places(*pattern, p));
    KERF__TRY(kerf__node_infer(*pattern));
    kerf_value *inputs[] = {weights, (*pattern)->outputs[2]};
    KERF__TRY(kerf__sparse_add_node(n, "kerf.SparseValues", inputs, 2, 1, values));
    return kerf__node_infer(*values);
}

/* On CPU devices a pattern is made for a tile. */
static kerf_status set_tile(kerf_node *sparse, const kerf__sparse_places *p)
{
    const int64_t tile[] = {p->tile.vectors, p->tile.cols, p->tile.chunk};
    KERF__TRY(kerf_node_set_ints(sparse, "tile", tile, 3));
    return kerf__sparse_set_places(sparse, p);
}

static kerf_status make_sparse(const zeros *z, kerf_node *n, double density)
{
    kerf_node *pattern, *values, *sparse;
    kerf__sparse_places p;
    const int is_tiled =
        z->is_blocked &&
        kerf__sparse_places_of(n, kerf__sparse_choose_tile(z->p->plan->dev, n, density), &p);
    KERF__TRY(add_pattern(n, is_tiled ? &p : NULL, &pattern, &values));
    kerf_value *inputs[] = {n->inputs[0],
                            values->outputs[0],
                            pattern->outputs[0],
                            pattern->outputs[1],
                            n->num_inputs > 2 ? n->inputs[2] : NULL,
                            n->num_inputs > 3 ? n->inputs[3] : NULL};
    const kerf_shape shape = n->inputs[1]->shape;
    KERF__TRY(kerf__sparse_add_node(n, "kerf.SparseConv", inputs, 2 + n->num_inputs, 1, &sparse));
    KERF__TRY(kerf__node_copy_attributes(sparse, n));
    KERF__TRY(kerf_node_set_ints(sparse, "weights_shape", shape.dims, (size_t)shape.rank));
    KERF__TRY(kerf_node_set_int(sparse, "percent", (int64_t)(density * 100 + 0.5)));
    if (is_tiled)
        KERF__TRY(set_tile(sparse, &p));
    KERF__TRY(kerf__node_infer(sparse));
    kerf__node_take_name(sparse, n);
    kerf__graph_replace_uses(n->graph, n->outputs[0], sparse->outputs[0]);
    return KERF_OK;
}

/* ---- the pass ------------------------------------------------------------------------------- */

static kerf_status look_at(zeros *z, kerf_node *n)
{
    const kerf_value *weights = may_be_sparse(n) ? origin(n->inputs[1]) : NULL;
    double *density = &z->density[n->index];
    *density = 1;
    if (weights != NULL)
        KERF__TRY(read_density(z, weights, density));
    if (*density >= 1)
        return KERF_OK;
    KERF__TRY(kerf__zeros_mark(z->p, n, n, *density));
    return z->p->options->zeros == KERF_ZEROS_AUTO
               ? kerf__zeros_ask(z->p, &n, 1, &z->known[n->index])
               : KERF_OK;
}

static kerf_status find_densities(zeros *z)
{
    kerf_graph *g = z->p->plan->graph;
    for (size_t i = 0; i < z->num; i++)
        KERF__TRY(look_at(z, g->nodes[i]));
    return KERF_OK;
}

static kerf_status rewrite(const zeros *z)
{
    kerf_graph *g = z->p->plan->graph;
    for (size_t i = 0; i < z->num; i++)
        if (z->is_sparse[i])
            KERF__TRY(make_sparse(z, g->nodes[i], z->density[i]));
    KERF__TRY(kerf__graph_sort(g));
    kerf__graph_remove_dead(g);
    return KERF_OK;
}

kerf_status kerf__plan_use_zeros(kerf__planning *p)
{
    zeros z = {.p = p, .num = p->plan->graph->num_nodes};
    if (p->options->zeros == KERF_ZEROS_DENSE || p->plan->mode != KERF_EVALUATE || z.num == 0)
        return KERF_OK;
    z.is_blocked = kerf__plan_lays(p->plan->dev);
    z.density = kerf__alloc(z.num, sizeof *z.density);
    z.known = kerf__alloc(z.num, sizeof *z.known);
    z.is_sparse = kerf__alloc(z.num, 1);
    kerf_status status = z.density != NULL && z.known != NULL && z.is_sparse != NULL
                             ? find_densities(&z)
                             : kerf__fail_memory("plan", z.num * sizeof *z.known);
    if (status == KERF_OK) {
        decide(&z);
        status = rewrite(&z);
    }
    free(z.density);
    free(z.known);
    free(z.is_sparse);
    return status;
}
