/* plan/sparse_train.c -- convolutions of which little is left become sparse in training, in all
 * directions.
 *
 *     y = Conv(x, W, b)                  SparseConv(x, values of W, pattern, b)
 *     dx = ConvGradInput(dy, W)          SparseConv(dy, values of W, pattern transposed, turned),
 *                                        with a stride SparseConvGradInput
 *     dW = ConvGradWeights(x, dy)        of the entries alone: SparseConvGrad(x, dy, pattern)
 *     Update(W, dW, mask)                of the entries alone: Update(W, values, pattern)
 *
 * Images have 16 samples side by side there on CPU devices, and where nothing but what follows lies
 * between such convolutions (pack_samples.c).  Patterns, their room and when they are made anew: as
 * of linear layers (sparse_linear.c).
 *
 * Runs behind fuse.c, so that bias, residual and relu are parts of the convolution. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "ops/sparse_conv.h"
#include "plan/sparse_layer.h"
#include "plan/zeros_known.h"

/* Where nothing was measured: up to this density all directions together are faster, on Zen 5 under
 * PoCL, in ResNet-18's layers of 4x4 pixels, which gain least (docs/sparse.md).  No GPU was timed:
 * unless it was tuned they stay dense, and nothing is packed for their kernels. */
#define MOST_DENSITY         0.16
#define MOST_DENSITY_STRIDED 0.1
#define NEVER                (-1.0)
enum { LEAST_WEIGHTS = 4096 };

typedef struct layer {
    kerf_node *forward;                         /* the dense convolution */
    kerf_value *weights, *mask;                 /* mask: what the pattern is made of */
    kerf_node *to_source, *to_weights, *update; /* its gradients; NULL: none */
    kerf__conv v;
    int64_t capacity;
    kerf_node *pattern;
} layer;

/* ---- which layers ---------------------------------------------------------------------------- */

static int is_candidate(const kerf__planning *p, const kerf_node *n)
{
    if (!kerf__node_is(n, "Conv") || kerf__node_pass(n) != KERF__FORWARD ||
        n->outputs[0]->next_of >= 0 || n->inputs[1]->state_id < 0 ||
        n->inputs[1]->shape.rank != 4 ||
        (kerf__plan_lays(p->plan->dev) && !kerf__plan_can_pack(n->inputs[0]->shape)) ||
        kerf_shape_num_elements(n->inputs[1]->shape) < LEAST_WEIGHTS)
        return 0;
    const kerf__conv v = kerf__conv_of(n);
    return v.groups == 1 && (int64_t)v.h.kernel * v.w.kernel <= KERF__SPARSE_CHANNEL &&
           v.src_channels <= INT32_MAX / KERF__SPARSE_CHANNEL &&
           v.dst_channels <= INT32_MAX / KERF__SPARSE_CHANNEL;
}

/* The gradient of the weights alone, if it is this layer's and nothing more. */
static kerf_node *find_to_weights(const layer *l)
{
    kerf_node *n = l->update->inputs[1]->producer;
    return kerf__node_is(n, "kerf.ConvGradWeights") && kerf__plan_is_read_once(n->outputs[0])
               ? n
               : NULL;
}

static kerf_node *find_to_source(const layer *l)
{
    const kerf_graph *g = l->forward->graph;
    for (size_t i = 0; i < g->num_nodes; i++)
        if (kerf__node_is(g->nodes[i], "kerf.ConvGradInput") &&
            g->nodes[i]->inputs[1] == l->weights)
            return g->nodes[i];
    return NULL;
}

/* What the layer's pattern is made of and how it is trained; mask NULL if it cannot be sparse. */
static kerf_status look_at(const kerf__planning *p, kerf_node *n, layer *l)
{
    *l = (layer){.forward = n, .weights = n->inputs[1], .v = kerf__conv_of(n)};
    l->update = kerf__sparse_find_update(n->graph, l->weights);
    l->to_source = find_to_source(l);
    if (l->update != NULL && kerf__sparse_is_update(l->update))
        l->to_weights = find_to_weights(l);
    return l->update != NULL && l->to_weights == NULL
               ? KERF_OK
               : kerf__sparse_find_pattern(p, l->weights, l->update, &l->mask);
}

static int has_stride(const kerf__conv *v)
{
    return v->h.stride > 1 || v->w.stride > 1;
}

static double guess(const kerf__planning *p, const kerf__conv *v)
{
    if (!kerf__plan_lays(p->plan->dev))
        return NEVER;
    return has_stride(v) ? MOST_DENSITY_STRIDED : MOST_DENSITY;
}

static kerf_status choose(const kerf__planning *p, kerf_node *n, layer *l, int *is_sparse)
{
    *is_sparse = 0;
    if (!is_candidate(p, n))
        return KERF_OK;
    KERF__TRY(look_at(p, n, l));
    if (l->mask == NULL)
        return KERF_OK;
    const kerf__sparse_question q = {
        {n, l->to_source, l->to_weights}, l->update, l->mask, guess(p, &l->v)};
    return kerf__sparse_decide(p, &q, &l->capacity, is_sparse);
}

/* ---- rewriting ------------------------------------------------------------------------------- */

/* Rows are channels of the result, or of the source, for whose gradient the window is turned. */
static kerf_status add_pattern(const layer *l, int by_source, kerf_node **pattern,
                               kerf_value **values)
{
    const kerf_node *like = by_source ? l->to_source : l->forward;
    const int width = l->v.w.kernel, taps = l->v.h.kernel * width;
    const int is_turned = by_source && !has_stride(&l->v);
    kerf_value *mask = l->mask;
    kerf_node *gather;
    KERF__TRY(kerf__sparse_add_node(l->forward, "kerf.SparsePattern", &mask, 1, 4, pattern));
    KERF__TRY(kerf_node_set_int(*pattern, "capacity", l->capacity));
    KERF__TRY(kerf_node_set_int(*pattern, "transposed", by_source));
    KERF__TRY(kerf_node_set_int(*pattern, "stride_c", KERF__SPARSE_CHANNEL));
    KERF__TRY(kerf_node_set_int(*pattern, "origin", is_turned ? taps - 1 : 0));
    KERF__TRY(kerf_node_set_int(*pattern, "stride_r", is_turned ? -width : width));
    KERF__TRY(kerf_node_set_int(*pattern, "stride_s", is_turned ? -1 : 1));
    KERF__TRY(kerf__node_infer(*pattern));
    KERF__TRY(kerf__sparse_add_node(like, "kerf.SparseValues",
                                    (kerf_value *[]){l->weights, (*pattern)->outputs[2]}, 2, 1,
                                    &gather));
    *values = gather->outputs[0];
    KERF__TRY(kerf__zeros_copy_mark(gather, like));
    return kerf__node_infer(gather);
}

/* n is computed by `sparse` from now on, whose attributes are set. */
static kerf_status replace(const layer *l, kerf_node *n, kerf_node *sparse, kerf_shape weights)
{
    const int64_t num = kerf_shape_num_elements(weights);
    KERF__TRY(kerf_node_set_ints(sparse, "weights_shape", weights.dims, 4));
    KERF__TRY(kerf_node_set_int(sparse, "percent", (100 * l->capacity + num - 1) / num));
    KERF__TRY(kerf__node_infer(sparse));
    kerf__sparse_take_place(sparse, n);
    kerf__graph_replace_uses(n->graph, n->outputs[0], sparse->outputs[0]);
    return KERF_OK;
}

static kerf_status make_forward(layer *l)
{
    kerf_node *n = l->forward, *sparse;
    kerf_value *values;
    KERF__TRY(add_pattern(l, 0, &l->pattern, &values));
    kerf_value *inputs[] = {n->inputs[0],
                            values,
                            l->pattern->outputs[0],
                            l->pattern->outputs[1],
                            n->num_inputs > 2 ? n->inputs[2] : NULL,
                            n->num_inputs > 3 ? n->inputs[3] : NULL};
    KERF__TRY(kerf__sparse_add_node(n, "kerf.SparseConv", inputs, 2 + n->num_inputs, 1, &sparse));
    KERF__TRY(kerf__node_copy_attributes(sparse, n));
    return replace(l, n, sparse, l->weights->shape);
}

/* Zeros around dst, so that taps the other way round make src of it. */
static void turned_pads(const kerf__conv_axis *a, int64_t *before, int64_t *behind)
{
    const int64_t reach = kerf__conv_reach(a) - 1;
    *before = reach - a->pad;
    *behind = a->src + reach - a->dst - *before;
}

static kerf_status set_turned(const kerf__conv *v, kerf_node *sparse)
{
    int64_t pads[4];
    turned_pads(&v->h, &pads[0], &pads[2]);
    turned_pads(&v->w, &pads[1], &pads[3]);
    KERF__TRY(kerf_node_set_ints(sparse, "pads", pads, 4));
    return kerf_node_set_ints(sparse, "dilations", (int64_t[]){v->h.dilation, v->w.dilation}, 2);
}

static kerf_status make_to_source(const layer *l)
{
    const kerf__conv *v = &l->v;
    kerf_node *n = l->to_source, *pattern, *sparse;
    kerf_value *values;
    KERF__TRY(add_pattern(l, 1, &pattern, &values));
    kerf_value *inputs[] = {n->inputs[0], values, pattern->outputs[0], pattern->outputs[1]};
    KERF__TRY(kerf__sparse_add_node(
        n, has_stride(v) ? "kerf.SparseConvGradInput" : "kerf.SparseConv", inputs, 4, 1, &sparse));
    if (has_stride(v)) {
        KERF__TRY(kerf__node_copy_attributes(sparse, n));
        return replace(l, n, sparse, l->weights->shape);
    }
    KERF__TRY(kerf__zeros_copy_mark(sparse, n));
    KERF__TRY(set_turned(v, sparse));
    return replace(l, n, sparse,
                   KERF_SHAPE(v->src_channels, v->dst_channels, v->h.kernel, v->w.kernel));
}

static kerf_status make_to_weights(const layer *l)
{
    kerf_node *n = l->to_weights, *sparse;
    kerf_value *inputs[] = {n->inputs[0], n->inputs[1], l->pattern->outputs[0],
                            l->pattern->outputs[1]};
    KERF__TRY(kerf__sparse_add_node(n, "kerf.SparseConvGrad", inputs, 4, 1, &sparse));
    KERF__TRY(kerf__node_copy_attributes(sparse, n));
    KERF__TRY(kerf__node_infer(sparse));
    kerf__sparse_take_place(sparse, n);
    return kerf__sparse_make_update(l->update, sparse->outputs[0], l->pattern);
}

/* ---- the pass -------------------------------------------------------------------------------- */

/* What of each node's operands is an image. */
static void list_images(const layer *layers, size_t num, unsigned *images)
{
    for (size_t i = 0; i < num; i++) {
        const layer *l = &layers[i];
        const kerf_node *n = l->forward;
        const int has_residual = n->num_inputs > 3 && n->inputs[3] != NULL;
        images[n->index] = KERF__MAKES_IMAGE | 1u | (has_residual ? 8u : 0);
        if (l->to_source != NULL)
            images[l->to_source->index] = KERF__MAKES_IMAGE | 1u;
        if (l->to_weights != NULL)
            images[l->to_weights->index] = 3u;
    }
}

static kerf_status pack(kerf_graph *g, const layer *layers, size_t num)
{
    unsigned *images = kerf__alloc(g->num_nodes, sizeof *images);
    if (images == NULL)
        return kerf__fail_memory("plan", g->num_nodes * sizeof *images);
    list_images(layers, num, images);
    kerf_status status = kerf__plan_pack_samples(g, images);
    free(images);
    return status;
}

static kerf_status rewrite(const kerf__planning *p, layer *layers, size_t num)
{
    kerf_graph *g = p->plan->graph;
    if (kerf__plan_lays(p->plan->dev))
        KERF__TRY(pack(g, layers, num));
    for (size_t i = 0; i < num; i++) {
        KERF__TRY(make_forward(&layers[i]));
        if (layers[i].to_source != NULL)
            KERF__TRY(make_to_source(&layers[i]));
        if (layers[i].to_weights != NULL)
            KERF__TRY(make_to_weights(&layers[i]));
    }
    KERF__TRY(kerf__graph_sort(g));
    kerf__graph_remove_dead(g);
    return KERF_OK;
}

kerf_status kerf__plan_sparse_train(kerf__planning *p)
{
    kerf_graph *g = p->plan->graph;
    size_t num = 0;
    if (p->options->zeros == KERF_ZEROS_DENSE || p->plan->mode != KERF_TRAIN)
        return KERF_OK;
    layer *layers = kerf__alloc(g->num_nodes, sizeof *layers);
    if (layers == NULL)
        return kerf__fail_memory("plan", g->num_nodes * sizeof *layers);
    kerf_status status = KERF_OK;
    for (size_t i = 0; status == KERF_OK && i < g->num_nodes; i++) {
        int is_sparse;
        status = choose(p, g->nodes[i], &layers[num], &is_sparse);
        num += status == KERF_OK && is_sparse;
    }
    if (status == KERF_OK && num > 0)
        status = rewrite(p, layers, num);
    free(layers);
    return status;
}
