/* plan/sparse_linear.c -- linear layers of which little is left become sparse, in all directions.
 *
 *     y = Gemm(x, W, b)          yt = SparseMatMul(xt, values of W, pattern, b)
 *     dx = Gemm(dy, W)           dxt = SparseMatMul(dyt, values of W, pattern transposed)
 *     dW = Gemm(dyt, x)          of the entries alone: SparseMatMulGrad(dyt, xt, pattern)
 *     Update(W, dW, mask)        of the entries alone: Update(W, values, pattern)
 *
 * The pattern is that of the mask, or of weights that this plan never changes: an ordinary node,
 * prepared and made again when its state has another version (prepare.c).  Values of weights that
 * are trained are gathered in each step.  Nothing but the room of a pattern depends on what the
 * mask holds now; it has an eighth to spare, and more than that is noticed
 * (kerf__plan_check_patterns).
 *
 * Sparse products want samples innermost ("turned": t above).  What lies between two sparse layers
 * is computed turned as well: relu's gradient, products (their transposes are numbers) and sums, so
 * that hardly more than the network's input is transposed.
 *
 * Runs behind fuse.c, so that bias and relu are parts of the product. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "plan/shared_weights.h"
#include "plan/sparse_layer.h"
#include "plan/zeros_known.h"

/* Where nothing was measured a layer is sparse below this density: a non-zero takes about six times
 * as long as a multiply-add of a dense product on CPU devices (bench_sparse_matmul, bench_gemm: Zen
 * 5, PoCL, Intel's runtime), and samples may have to be turned, which many of them pay for sooner
 * (`kerf bench
 * --crossover`).  On GPUs, where none was timed, less is trusted. */
#define MOST_DENSITY      0.1
#define MOST_DENSITY_MANY 0.15
#define MOST_DENSITY_GPU  0.03
enum { LEAST_WEIGHTS = 4096, LEAST_WEIGHTS_OF_ONE = 16384 };

typedef struct layer {
    kerf_node *forward;                         /* the dense product */
    kerf_value *weights, *mask;                 /* mask: what the pattern is made of */
    kerf_node *to_source, *to_weights, *update; /* its gradients; NULL: none */
    int64_t capacity;
    kerf_value *src, *diff; /* turned; made when asked for */
    kerf_node *pattern;
} layer;

/* ---- nodes ----------------------------------------------------------------------------------- */

static int is_transposed(const kerf_node *n, int input)
{
    return kerf_node_int(n, input == 0 ? "transA" : "transB", 0) != 0;
}

/* A single sample lies alike both ways. */
static kerf_status add_turn(const kerf_node *like, kerf_value *v, kerf_value **out)
{
    static const int64_t PERM[] = {1, 0};
    const int64_t turned[] = {v->shape.dims[1], v->shape.dims[0]};
    const int is_line = turned[0] == 1 || turned[1] == 1;
    kerf_node *n;
    KERF__TRY(kerf__sparse_add_node(like, is_line ? "Reshape" : "Transpose", &v, 1, 1, &n));
    KERF__TRY(is_line ? kerf_node_set_ints(n, "shape", turned, 2)
                      : kerf_node_set_ints(n, "perm", PERM, 2));
    *out = n->outputs[0];
    return kerf__node_infer(n);
}

static int is_turn(const kerf_node *n)
{
    const int is_line = kerf__node_is(n, "Reshape");
    if ((!is_line && !kerf__node_is(n, "Transpose")) || n->inputs[0]->shape.rank != 2)
        return 0;
    const int64_t *from = n->inputs[0]->shape.dims, *to = n->outputs[0]->shape.dims;
    return !is_line || (n->outputs[0]->shape.rank == 2 && from[0] == to[1] && from[1] == to[0] &&
                        (to[0] == 1 || to[1] == 1));
}

/* A product of two matrices and nothing else. */
static int is_plain_product(const kerf_node *n)
{
    return kerf__node_is(n, "Gemm") && n->num_inputs == 2 &&
           kerf__node_attribute(n, "activation") == NULL;
}

/* (a b)^T = b^T a^T */
static kerf_status add_turned_product(const kerf_node *n, kerf_value **out)
{
    kerf_node *product;
    KERF__TRY(kerf__sparse_add_node(n, "Gemm", (kerf_value *[]){n->inputs[1], n->inputs[0]}, 2, 1,
                                    &product));
    KERF__TRY(kerf_node_set_int(product, "transA", !is_transposed(n, 1)));
    KERF__TRY(kerf_node_set_int(product, "transB", !is_transposed(n, 0)));
    KERF__TRY(kerf_node_set_float(product, "alpha", kerf_node_float(n, "alpha", 1.0f)));
    *out = product->outputs[0];
    return kerf__node_infer(product);
}

/* v turned, computed so where that costs nothing. */
static kerf_status turn(const kerf_node *like, kerf_value *v, kerf_value **out)
{
    kerf_node *n = v->producer;
    if (is_turn(n)) {
        *out = n->inputs[0];
        return KERF_OK;
    }
    if (is_plain_product(n) && kerf__plan_is_read_once(v))
        return add_turned_product(n, out);
    if (!kerf__node_is(n, "kerf.ReluGrad") ||
        !kerf_shape_equal(n->inputs[0]->shape, n->inputs[1]->shape))
        return add_turn(like, v, out);
    kerf_value *inputs[2];
    kerf_node *gradient;
    for (int i = 0; i < 2; i++)
        KERF__TRY(turn(n, n->inputs[i], &inputs[i]));
    KERF__TRY(kerf__sparse_add_node(n, n->op, inputs, 2, 1, &gradient));
    *out = gradient->outputs[0];
    return kerf__node_infer(gradient);
}

/* Whoever reads v reads `turned`, turned back. */
static kerf_status replace_by_turned(const kerf_node *like, kerf_value *v, kerf_value *turned)
{
    kerf_value *back;
    KERF__TRY(add_turn(like, turned, &back));
    kerf__graph_replace_uses(like->graph, v, back);
    return KERF_OK;
}

/* ---- which layers ---------------------------------------------------------------------------- */

static int is_cpu(const kerf_plan *p)
{
    return kerf_device_get_info(p->dev)->type == KERF_DEVICE_CPU;
}

/* 16 samples fill a vector, and one needs no turning; in between dense products are about as fast
 * (LeNet-300-100 with 5 %: 2, 4, 8 and 15 samples take 1.02, 0.85, 0.8 and 1.2 of their time).  One
 * by few weights is a launch and no work, and on GPUs it would leave most of a group idle. */
static int64_t least_weights(const kerf_plan *p, int64_t num_samples)
{
    if (num_samples == 1 && is_cpu(p))
        return LEAST_WEIGHTS_OF_ONE;
    return num_samples >= 16 ? LEAST_WEIGHTS : INT64_MAX;
}

static int is_linear(const kerf_plan *p, const kerf_node *n)
{
    const kerf_value *bias = n->num_inputs > 2 ? n->inputs[2] : NULL;
    if (!kerf__node_is(n, "Gemm") || kerf__node_pass(n) != KERF__FORWARD || is_transposed(n, 0) ||
        n->outputs[0]->next_of >= 0 || kerf_node_float(n, "alpha", 1.0f) != 1.0f)
        return 0;
    if (bias != NULL && (bias->shape.rank != 1 || kerf_node_float(n, "beta", 1.0f) != 1.0f ||
                         bias->shape.dims[0] != n->outputs[0]->shape.dims[1]))
        return 0;
    const int is_shared = p->mode == KERF_EVALUATE && kerf__plan_is_shared(n->inputs[1]);
    return (n->inputs[1]->state_id >= 0 || is_shared) &&
           kerf_shape_num_elements(n->inputs[1]->shape) >=
               least_weights(p, n->inputs[0]->shape.dims[0]);
}

/* The gradient of the weights alone, if it is this layer's product and nothing more. */
static kerf_node *find_to_weights(const layer *l)
{
    kerf_node *n = l->update->inputs[1]->producer;
    const int turned = is_transposed(l->forward, 1);
    return is_plain_product(n) && kerf__plan_is_read_once(n->outputs[0]) &&
                   kerf_node_float(n, "alpha", 1.0f) == 1.0f && is_transposed(n, 0) &&
                   !is_transposed(n, 1) && n->inputs[turned ? 1 : 0] == l->forward->inputs[0]
               ? n
               : NULL;
}

static kerf_node *find_to_source(const layer *l)
{
    const kerf_graph *g = l->forward->graph;
    for (size_t i = 0; i < g->num_nodes; i++) {
        kerf_node *n = g->nodes[i];
        if (n != l->forward && is_plain_product(n) && n->inputs[1] == l->weights &&
            !is_transposed(n, 0) && is_transposed(n, 1) != is_transposed(l->forward, 1) &&
            kerf__node_pass(n) == KERF__BACKWARD && kerf_node_float(n, "alpha", 1.0f) == 1.0f)
            return n;
    }
    return NULL;
}

/* What the layer's pattern is made of and how it is trained; mask NULL if it cannot be sparse. */
static kerf_status look_at(const kerf__planning *p, kerf_node *n, layer *l)
{
    *l = (layer){.forward = n, .weights = n->inputs[1]};
    if (l->weights->state_id >= 0)
        l->update = kerf__sparse_find_update(n->graph, l->weights);
    l->to_source = find_to_source(l);
    if (l->update != NULL && kerf__sparse_is_update(l->update))
        l->to_weights = find_to_weights(l);
    return l->update != NULL && l->to_weights == NULL
               ? KERF_OK
               : kerf__sparse_find_pattern(p, l->weights, l->update, &l->mask);
}

static double guess(const kerf_plan *p, int64_t num_samples)
{
    enum { MANY = 64 };
    if (!is_cpu(p))
        return MOST_DENSITY_GPU;
    return num_samples >= MANY ? MOST_DENSITY_MANY : MOST_DENSITY;
}

static kerf_status choose(const kerf__planning *p, kerf_node *n, layer *l, int *is_sparse)
{
    kerf_plan *plan = p->plan;
    *is_sparse = 0;
    if (!is_linear(plan, n))
        return KERF_OK;
    KERF__TRY(look_at(p, n, l));
    if (l->mask == NULL)
        return KERF_OK;
    const kerf__sparse_question q = {{n, l->to_source, l->to_weights},
                                     l->update,
                                     l->mask,
                                     guess(plan, n->inputs[0]->shape.dims[0])};
    return kerf__sparse_decide(p, &q, &l->capacity, is_sparse);
}

/* ---- rewriting ------------------------------------------------------------------------------- */

/* Rows are features of the result, or of the source. */
static kerf_status add_pattern(const layer *l, int by_source, kerf_node **pattern,
                               kerf_value **values)
{
    kerf_node *gather;
    kerf_value *mask = l->mask;
    const int turned = is_transposed(l->forward, 1) == by_source;
    KERF__TRY(kerf__sparse_add_node(l->forward, "kerf.SparsePattern", &mask, 1, 4, pattern));
    KERF__TRY(kerf_node_set_int(*pattern, "capacity", l->capacity));
    KERF__TRY(kerf_node_set_int(*pattern, "transposed", turned));
    KERF__TRY(kerf__node_infer(*pattern));
    KERF__TRY(kerf__sparse_add_node(by_source ? l->to_source : l->forward, "kerf.SparseValues",
                                    (kerf_value *[]){l->weights, (*pattern)->outputs[2]}, 2, 1,
                                    &gather));
    *values = gather->outputs[0];
    KERF__TRY(kerf__zeros_copy_mark(gather, by_source ? l->to_source : l->forward));
    return kerf__node_infer(gather);
}

static kerf_status make_forward(layer *l)
{
    kerf_node *n = l->forward, *sparse;
    kerf_value *values;
    KERF__TRY(turn(n, n->inputs[0], &l->src));
    KERF__TRY(add_pattern(l, 0, &l->pattern, &values));
    kerf_value *inputs[] = {l->src, values, l->pattern->outputs[0], l->pattern->outputs[1],
                            n->num_inputs > 2 ? n->inputs[2] : NULL};
    KERF__TRY(kerf__sparse_add_node(n, "kerf.SparseMatMul", inputs, inputs[4] != NULL ? 5 : 4, 1,
                                    &sparse));
    if (kerf__node_attribute(n, "activation") != NULL)
        KERF__TRY(
            kerf_node_set_string(sparse, "activation", kerf_node_string(n, "activation", "")));
    KERF__TRY(kerf__zeros_copy_mark(sparse, n));
    KERF__TRY(kerf__node_infer(sparse));
    kerf__sparse_take_place(sparse, n);
    return replace_by_turned(n, n->outputs[0], sparse->outputs[0]);
}

/* The sum over samples, which a bias has for its gradient, of what is turned. */
static kerf_status turn_sums(const kerf_value *diff, kerf_value *turned)
{
    static const int64_t AXIS = 1;
    kerf_graph *g = diff->graph;
    const size_t num = g->num_nodes;
    for (size_t i = 0; i < num; i++) {
        kerf_node *n = g->nodes[i], *sum;
        kerf__attribute const *axes = kerf__node_attribute(n, "axes");
        if (!kerf__node_is(n, "ReduceSum") || n->inputs[0] != diff || n->num_inputs != 1 ||
            axes == NULL || axes->num != 1 || axes->ints[0] != 0 ||
            kerf_node_int(n, "keepdims", 1) != 0)
            continue;
        KERF__TRY(kerf__sparse_add_node(n, "ReduceSum", &turned, 1, 1, &sum));
        KERF__TRY(kerf_node_set_ints(sum, "axes", &AXIS, 1));
        KERF__TRY(kerf_node_set_int(sum, "keepdims", 0));
        KERF__TRY(kerf__node_infer(sum));
        kerf__sparse_take_place(sum, n);
        kerf__graph_replace_uses(g, n->outputs[0], sum->outputs[0]);
    }
    return KERF_OK;
}

static kerf_status turn_diff(layer *l, kerf_value *diff)
{
    if (l->diff != NULL)
        return KERF_OK;
    KERF__TRY(turn(l->to_weights != NULL ? l->to_weights : l->to_source, diff, &l->diff));
    return turn_sums(diff, l->diff);
}

static kerf_status make_to_source(layer *l)
{
    kerf_node *n = l->to_source, *pattern, *sparse;
    kerf_value *values;
    KERF__TRY(turn_diff(l, n->inputs[0]));
    KERF__TRY(add_pattern(l, 1, &pattern, &values));
    kerf_value *inputs[] = {l->diff, values, pattern->outputs[0], pattern->outputs[1]};
    KERF__TRY(kerf__sparse_add_node(n, "kerf.SparseMatMul", inputs, 4, 1, &sparse));
    KERF__TRY(kerf__zeros_copy_mark(sparse, n));
    KERF__TRY(kerf__node_infer(sparse));
    kerf__sparse_take_place(sparse, n);
    return replace_by_turned(n, n->outputs[0], sparse->outputs[0]);
}

static kerf_status make_to_weights(layer *l)
{
    kerf_node *n = l->to_weights, *sparse;
    KERF__TRY(turn_diff(l, n->inputs[is_transposed(l->forward, 1) ? 0 : 1]));
    kerf_value *inputs[] = {l->diff, l->src, l->pattern->outputs[0], l->pattern->outputs[1]};
    KERF__TRY(kerf__sparse_add_node(n, "kerf.SparseMatMulGrad", inputs, 4, 1, &sparse));
    KERF__TRY(kerf__zeros_copy_mark(sparse, n));
    KERF__TRY(kerf__node_infer(sparse));
    kerf__sparse_take_place(sparse, n);
    return kerf__sparse_make_update(l->update, sparse->outputs[0], l->pattern);
}

/* Products read what is turned as it is. */
static void absorb_turns(kerf_graph *g)
{
    for (size_t i = 0; i < g->num_nodes; i++) {
        kerf_node *n = g->nodes[i];
        for (int k = 0; k < 2 && kerf__node_is(n, "Gemm"); k++)
            if (is_turn(n->inputs[k]->producer) &&
                kerf__node_is(n->inputs[k]->producer, "Transpose") &&
                kerf_node_set_int(n, k == 0 ? "transA" : "transB", !is_transposed(n, k)) == KERF_OK)
                kerf__node_set_input(n, k, n->inputs[k]->producer->inputs[0]);
    }
}

/* Backwards through the layers, as gradients go. */
static kerf_status rewrite(kerf_graph *g, layer *layers, size_t num)
{
    for (size_t i = 0; i < num; i++)
        KERF__TRY(make_forward(&layers[i]));
    for (size_t i = num; i-- > 0;) {
        if (layers[i].to_source != NULL)
            KERF__TRY(make_to_source(&layers[i]));
        if (layers[i].to_weights != NULL)
            KERF__TRY(make_to_weights(&layers[i]));
    }
    absorb_turns(g);
    KERF__TRY(kerf__graph_sort(g));
    kerf__graph_remove_dead(g);
    return KERF_OK;
}

kerf_status kerf__plan_sparse_linear(kerf__planning *p)
{
    kerf_graph *g = p->plan->graph;
    size_t num = 0;
    if (p->options->zeros == KERF_ZEROS_DENSE)
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
        status = rewrite(g, layers, num);
    free(layers);
    return status;
}
