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
#include "plan/plan_internal.h"

/* A layer is sparse below this density: a non-zero takes about six times as long as a multiply-add
 * of a dense product on CPU devices (bench_sparse_matmul, bench_gemm: Zen 5, PoCL, Intel's
 * runtime), and samples may have to be turned.  On GPUs, where none was timed, less is trusted. */
#define MOST_DENSITY     0.1
#define MOST_DENSITY_GPU 0.03
enum { LEAST_WEIGHTS = 4096 };

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

/* A node in the same part of a step; shapes are inferred by the caller behind its attributes. */
static kerf_status add_node(const kerf_node *like, const char *op, kerf_value *const *inputs,
                            int num_inputs, int num_outputs, kerf_node **out)
{
    KERF__TRY(kerf_graph_add_node(like->graph, op, NULL, inputs, num_inputs, num_outputs, out));
    return kerf__node_set_pass(*out, kerf__node_pass(like));
}

/* A single sample lies alike both ways. */
static kerf_status add_turn(const kerf_node *like, kerf_value *v, kerf_value **out)
{
    static const int64_t PERM[] = {1, 0};
    const int64_t turned[] = {v->shape.dims[1], v->shape.dims[0]};
    const int is_line = turned[0] == 1 || turned[1] == 1;
    kerf_node *n;
    KERF__TRY(add_node(like, is_line ? "Reshape" : "Transpose", &v, 1, 1, &n));
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
    KERF__TRY(add_node(n, "Gemm", (kerf_value *[]){n->inputs[1], n->inputs[0]}, 2, 1, &product));
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
    KERF__TRY(add_node(n, n->op, inputs, 2, 1, &gradient));
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

/* 16 fill a vector, and one needs no turning; in between dense products are about as fast
 * (LeNet-300-100 with 5 %: 2, 4, 8 and 15 samples take 1.02, 0.85, 0.8 and 1.2 of their time).  On
 * GPUs a single one would leave most of a group idle. */
static int are_right_samples(const kerf_plan *p, int64_t num)
{
    return num >= 16 || (num == 1 && is_cpu(p));
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
    return n->inputs[1]->state_id >= 0 && are_right_samples(p, n->inputs[0]->shape.dims[0]) &&
           kerf_shape_num_elements(n->inputs[1]->shape) >= LEAST_WEIGHTS;
}

/* The node that writes the weights' next value; NULL: none. */
static kerf_node *find_update(const kerf_graph *g, const kerf_value *weights)
{
    for (size_t i = 0; i < g->num_nodes; i++)
        if (g->nodes[i]->num_outputs > 0 && g->nodes[i]->outputs[0]->next_of == weights->state_id)
            return g->nodes[i];
    return NULL;
}

static int is_update(const kerf_node *n)
{
    return kerf__node_is(n, "kerf.SgdUpdate") || kerf__node_is(n, "kerf.AdamUpdate");
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

kerf_status kerf__plan_note_zeros(kerf_plan *p, const kerf__zeros *zeros)
{
    if (!kerf__grow((void **)&p->zeros, &p->zeros_capacity, p->num_zeros, sizeof *p->zeros))
        return kerf__fail_memory("plan", p->num_zeros * sizeof *p->zeros);
    p->zeros[p->num_zeros++] = *zeros;
    return KERF_OK;
}

/* Non-zeros of a state, read back. */
kerf_status kerf__plan_count_entries(const kerf_plan *p, int state_id, int64_t *count,
                                     int64_t *total)
{
    const kerf_tensor *t = kerf_state_get(p->state, state_id)->tensor;
    const int64_t num = kerf_shape_num_elements(kerf_tensor_shape(t));
    const size_t size = kerf_tensor_type(t) == KERF_F32 ? sizeof(float) : 1;
    unsigned char *bytes = kerf__alloc((size_t)num, size);
    if (bytes == NULL)
        return kerf__fail_memory("plan", (size_t)num * size);
    kerf_status status = kerf_state_read(p->state, state_id, bytes);
    *count = 0;
    *total = num;
    for (int64_t i = 0; status == KERF_OK && i < num; i++)
        *count += size == 1 ? bytes[i] != 0 : ((const float *)(void *)bytes)[i] != 0;
    free(bytes);
    return status;
}

/* The hard mask of the weights in this graph, which may have lost it with its last reader. */
static kerf_status find_mask(const kerf__planning *p, const kerf_value *weights, kerf_value **out)
{
    kerf_graph *g = p->plan->graph;
    const kerf_state_entry *mask =
        kerf_state_find_owned(p->plan->state, weights->state_id, KERF_ROLE_MASK);
    *out = NULL;
    if ((size_t)weights->state_id >= p->num_masks || p->masks[weights->state_id] == NULL ||
        mask == NULL)
        return KERF_OK;
    for (size_t i = 0; i < g->num_values; i++)
        if (g->values[i]->state_id == mask->id)
            *out = g->values[i];
    if (*out != NULL)
        return KERF_OK;
    return kerf_graph_add_state(g, NULL, mask->id, KERF_BOOL, kerf_tensor_shape(mask->tensor), out);
}

/* What the layer's pattern is made of and how it is trained; mask NULL if it cannot be sparse. */
static kerf_status look_at(const kerf__planning *p, kerf_node *n, layer *l)
{
    *l = (layer){.forward = n, .weights = n->inputs[1]};
    l->update = find_update(n->graph, l->weights);
    l->to_source = find_to_source(l);
    if (l->update != NULL &&
        (!is_update(l->update) || (l->to_weights = find_to_weights(l)) == NULL))
        return KERF_OK;
    KERF__TRY(find_mask(p, l->weights, &l->mask));
    if (l->mask == NULL && l->update == NULL)
        l->mask = l->weights;
    return KERF_OK;
}

/* 1 if a device of this kind is faster with it. */
static int pays(const kerf_plan *p, int64_t count, int64_t num)
{
    return (double)count <= (is_cpu(p) ? MOST_DENSITY : MOST_DENSITY_GPU) * (double)num;
}

static kerf_status choose(const kerf__planning *p, kerf_node *n, layer *l, int *is_sparse)
{
    kerf_plan *plan = p->plan;
    int64_t count, num;
    *is_sparse = 0;
    if (!is_linear(plan, n))
        return KERF_OK;
    KERF__TRY(look_at(p, n, l));
    if (l->mask == NULL)
        return KERF_OK;
    KERF__TRY(kerf__plan_count_entries(plan, l->mask->state_id, &count, &num));
    *is_sparse = pays(plan, count, num);
    l->capacity = count + count / 8 + 64 < num ? count + count / 8 + 64 : num;
    return kerf__plan_note_zeros(
        plan, &(kerf__zeros){l->mask->state_id, *is_sparse, *is_sparse ? l->capacity : num, -1});
}

/* ---- rewriting ------------------------------------------------------------------------------- */

/* Rows are features of the result, or of the source. */
static kerf_status add_pattern(const layer *l, int by_source, kerf_node **pattern,
                               kerf_value **values)
{
    kerf_node *gather;
    kerf_value *mask = l->mask;
    const int turned = is_transposed(l->forward, 1) == by_source;
    KERF__TRY(add_node(l->forward, "kerf.SparsePattern", &mask, 1, 4, pattern));
    KERF__TRY(kerf_node_set_int(*pattern, "capacity", l->capacity));
    KERF__TRY(kerf_node_set_int(*pattern, "transposed", turned));
    KERF__TRY(kerf__node_infer(*pattern));
    KERF__TRY(add_node(by_source ? l->to_source : l->forward, "kerf.SparseValues",
                       (kerf_value *[]){l->weights, (*pattern)->outputs[2]}, 2, 1, &gather));
    *values = gather->outputs[0];
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
    KERF__TRY(add_node(n, "kerf.SparseMatMul", inputs, inputs[4] != NULL ? 5 : 4, 1, &sparse));
    if (kerf__node_attribute(n, "activation") != NULL)
        KERF__TRY(
            kerf_node_set_string(sparse, "activation", kerf_node_string(n, "activation", "")));
    KERF__TRY(kerf__node_infer(sparse));
    kerf__node_take_name(sparse, n);
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
        KERF__TRY(add_node(n, "ReduceSum", &turned, 1, 1, &sum));
        KERF__TRY(kerf_node_set_ints(sum, "axes", &AXIS, 1));
        KERF__TRY(kerf_node_set_int(sum, "keepdims", 0));
        KERF__TRY(kerf__node_infer(sum));
        kerf__node_take_name(sum, n);
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
    KERF__TRY(add_node(n, "kerf.SparseMatMul", inputs, 4, 1, &sparse));
    KERF__TRY(kerf__node_infer(sparse));
    kerf__node_take_name(sparse, n);
    return replace_by_turned(n, n->outputs[0], sparse->outputs[0]);
}

/* The same update, of entries and without the mask; it becomes the writer of the states. */
static kerf_status make_update(const layer *l, kerf_value *values)
{
    kerf_node *n = l->update, *sparse;
    kerf_value *inputs[8] = {NULL};
    for (int i = 0; i < n->num_inputs; i++)
        inputs[i] = n->inputs[i];
    inputs[1] = values;
    inputs[n->num_inputs - 2] = NULL;
    inputs[n->num_inputs] = l->pattern->outputs[0];
    inputs[n->num_inputs + 1] = l->pattern->outputs[2];
    KERF__TRY(add_node(n, n->op, inputs, n->num_inputs + 2, n->num_outputs, &sparse));
    KERF__TRY(kerf__node_copy_attributes(sparse, n));
    for (int i = 0; i < n->num_outputs; i++) {
        sparse->outputs[i]->next_of = n->outputs[i]->next_of;
        n->outputs[i]->next_of = -1;
    }
    KERF__TRY(kerf__node_infer(sparse));
    kerf__node_take_name(sparse, n);
    return KERF_OK;
}

static kerf_status make_to_weights(layer *l)
{
    kerf_node *n = l->to_weights, *sparse;
    KERF__TRY(turn_diff(l, n->inputs[is_transposed(l->forward, 1) ? 0 : 1]));
    kerf_value *inputs[] = {l->diff, l->src, l->pattern->outputs[0], l->pattern->outputs[1]};
    KERF__TRY(add_node(n, "kerf.SparseMatMulGrad", inputs, 4, 1, &sparse));
    KERF__TRY(kerf__node_infer(sparse));
    kerf__node_take_name(sparse, n);
    return make_update(l, sparse->outputs[0]);
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
    if (p->options->dense)
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

/* ---- at work --------------------------------------------------------------------------------- */

kerf_status kerf_plan_is_stale(const kerf_plan *p, int *is_stale)
{
    *is_stale = 0;
    for (size_t i = 0; i < p->num_zeros && !*is_stale; i++) {
        const kerf__zeros *z = &p->zeros[i];
        int64_t count, num;
        KERF__TRY(kerf__plan_count_entries(p, z->state_id, &count, &num));
        *is_stale = z->percent >= 0 ? kerf__plan_percent_left(count, num) != z->percent
                                    : pays(p, count, num) != z->is_sparse || count > z->capacity;
    }
    return KERF_OK;
}

kerf_status kerf__plan_check_patterns(const kerf_plan *p)
{
    for (size_t i = 0; i < p->num_prepared; i++) {
        const kerf_node *n = p->graph->nodes[i];
        const int64_t capacity = kerf_node_int(n, "capacity", 0);
        if (!kerf__node_is(n, "kerf.SparsePattern") ||
            capacity >= kerf_shape_num_elements(n->inputs[0]->shape))
            continue; /* has room for all */
        const size_t num = (size_t)kerf_shape_num_elements(n->outputs[0]->shape);
        int32_t *starts = kerf__alloc(num, sizeof *starts);
        if (starts == NULL)
            return kerf__fail_memory("plan", num * sizeof *starts);
        kerf_status status = kerf_tensor_read(p->tensors[n->outputs[0]->index], starts);
        if (status == KERF_OK && starts[num - 1] >= capacity)
            status =
                kerf__fail(KERF_ERR_ARGUMENT,
                           "plan: '%s' has %lld non-zeros or more, must have fewer as when the "
                           "plan was made; make the plan anew",
                           n->inputs[0]->name, (long long)capacity);
        free(starts);
        KERF__TRY(status);
    }
    return KERF_OK;
}
