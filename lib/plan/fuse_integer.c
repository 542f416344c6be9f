/* plan/fuse_integer.c -- what a model says with QuantizeLinear and DequantizeLinear runs on
 * integers: what stands between them becomes one node.
 *
 *     DequantizeLinear(x), DequantizeLinear(w) [, bias] -> Conv, Gemm or MatMul [-> Relu or Clip]
 *         -> QuantizeLinear
 *     DequantizeLinear(a), DequantizeLinear(b) -> Add [-> Relu or Clip] -> QuantizeLinear
 *     DequantizeLinear(x) -> AveragePool or GlobalAveragePool [-> Relu or Clip] -> QuantizeLinear
 *
 * Numbers: a sum of products of dequantized integers is, but for rounding, the integers' sum times
 * x_scale * w_scale.  So a product's result is that of the nodes it stands for wherever float
 * sums are exact (below 2^24), and there may be one step between them beyond; an addition has their
 * bits.  A mean divides once, by count * y_scale, where they divide twice: one step lies between
 * where a mean meets a half.  Rounding is monotone, so an activation bounds the integers as it
 * bounds the floats.
 *
 * In a plan that trains, gradients read the floats between.  So a product leaves them beside its
 * integers (`unrounded`), where a Relu, say, goes on for the gradients alone; a mean is there
 * twice; and an addition stays as it is, which has the integers' bits.  So what a step trains is
 * what an evaluation runs, and what is written, integer by integer.
 * Other halves: fuse.c, which has the order of rules; train_integers.c; lib/ops/qlinear_conv.c,
 * qlinear_add.c, qlinear_pool.c, matmul_integer.c. */
#include <float.h>
#include <math.h>
#include <stdint.h>

#include "base/fail.h"
#include "ops/pool_common.h"
#include "plan/plan_internal.h"
#include "tensor/tensor_internal.h"

/* What a DequantizeLinear or a QuantizeLinear says of a value. */
typedef struct operand {
    kerf_value *integers, *scale, *zero; /* zero: NULL where it is left out */
} operand;

static int is_constant(const kerf_value *v)
{
    return v != NULL && v->kind == KERF__VALUE_CONSTANT;
}

static const float *floats_of(const kerf_value *v)
{
    return is_constant(v) && v->type == KERF_F32 ? v->constant->data : NULL;
}

/* ---- reading the pattern -------------------------------------------------------------------- */

/* One number, or one for each index of the axis. */
static int is_along(const kerf_node *n, int axis)
{
    const kerf_value *scale = n->inputs[1];
    const int rank = n->inputs[0]->shape.rank;
    int own = (int)kerf_node_int(n, "axis", 1);
    if (kerf_shape_num_elements(scale->shape) == 1)
        return 1;
    own += own < 0 ? rank : 0;
    return axis >= 0 && scale->shape.rank == 1 && own == axis;
}

/* 1 if v comes out of a DequantizeLinear of this type, with a scale for the whole or along the
 * axis (-1: only for the whole). */
static int read_operand(const kerf_value *v, int is_type, int axis, operand *o)
{
    const kerf_node *n = v != NULL ? v->producer : NULL;
    if (!kerf__node_is(n, "DequantizeLinear") || kerf_node_int(n, "block_size", 0) != 0 ||
        !is_along(n, axis))
        return 0;
    *o = (operand){n->inputs[0], n->inputs[1], kerf_node_input(n, 2)};
    return (is_type >> o->integers->type & 1) != 0 && o->scale->type == KERF_F32;
}

enum {
    BYTES = 1 << KERF_U8 | 1 << KERF_S8,
    LESS = 1 << KERF_U4 | 1 << KERF_S4 | 1 << KERF_U2 | 1 << KERF_S2,
    SUMS = 1 << KERF_S32
};

static int is_zero(const kerf_value *v)
{
    const int32_t *zero = is_constant(v) ? v->constant->data : NULL;
    for (int64_t i = 0; zero != NULL && i < kerf_shape_num_elements(v->shape); i++)
        if (zero[i] != 0)
            return 0;
    return v == NULL || zero != NULL;
}

/* 1 if one kerf.QuantizeLayer made the bias and the weights' scales for this input. */
static int is_made_of(const operand *bias, const operand *x, const operand *w)
{
    const kerf_node *n = bias->scale->producer;
    return kerf__node_is(n, "kerf.QuantizeLayer") && n == w->scale->producer &&
           n == bias->integers->producer && kerf__plan_holds_same(n->inputs[1], x->scale);
}

/* 1 if the bias counts in what the sums count in, as far as a product's rounding goes. */
static int is_bias_of(const operand *bias, const operand *x, const operand *w)
{
    const float *b = floats_of(bias->scale), *a = floats_of(x->scale), *c = floats_of(w->scale);
    const int64_t num_b = kerf_shape_num_elements(bias->scale->shape);
    const int64_t num_c = kerf_shape_num_elements(w->scale->shape);
    const int64_t num = num_b > num_c ? num_b : num_c;
    if (is_made_of(bias, x, w))
        return 1;
    if (a == NULL || b == NULL || c == NULL || !is_zero(bias->zero))
        return 0;
    for (int64_t i = 0; i < num; i++) {
        const float want = a[0] * c[num_c > 1 ? i : 0];
        if (!(fabsf(b[num_b > 1 ? i : 0] - want) <= 4 * FLT_EPSILON * want))
            return 0;
    }
    return 1;
}

/* ---- the activation -------------------------------------------------------------------------- */

/* What QuantizeLinear makes of x (kernels/quant.clh): a bound, so never NaN. */
static int quantized(float x, float scale, int zero, int least, int most)
{
    const float q = rintf(x / scale) + (float)zero;
    return q <= (float)least ? least : q >= (float)most ? most : (int)q;
}

static int zero_of(const kerf_value *v)
{
    if (v == NULL)
        return 0;
    return v->type == KERF_S8 ? *(const int8_t *)v->constant->data
                              : *(const uint8_t *)v->constant->data;
}

/* 1 if the activation cuts nothing that the integers do not, whatever the scale: it keeps numbers
 * above 0, and the least integer is 0; what it cuts above lies beyond the range, too. */
static int is_their_bound(const kerf_node *activation, const operand *y, int first)
{
    float least = 0, most = INFINITY;
    if (activation == NULL)
        return 1;
    if ((y->zero != NULL && !is_constant(y->zero)) || zero_of(y->zero) != first)
        return 0;
    if (kerf__node_is(activation, "Clip") &&
        (!kerf__plan_read_clip(activation, &least, &most) || least != 0))
        return 0;
    return most == INFINITY || (kerf__node_is(y->scale->producer, "kerf.TrainedRange") &&
                                kerf_node_float(y->scale->producer, "most", INFINITY) <= most);
}

/* Bounds of the result's integers behind an activation that floats pass; 0 if they are unknown. */
static int read_bounds(const kerf_node *activation, const operand *y, int *low, int *high)
{
    float least = 0, most = INFINITY;
    const float *scale = floats_of(y->scale);
    *low = y->integers->type == KERF_S8 ? INT8_MIN : 0;
    *high = *low + UINT8_MAX;
    if (is_their_bound(activation, y, *low))
        return 1;
    if (scale == NULL || (y->zero != NULL && !is_constant(y->zero)) ||
        (kerf__node_is(activation, "Clip") && !kerf__plan_read_clip(activation, &least, &most)) ||
        !(least <= most))
        return 0;
    const int zero = zero_of(y->zero), first = *low, last = *high;
    *low = quantized(least, *scale, zero, first, last);
    *high = quantized(most, *scale, zero, first, last);
    return 1;
}

/* ---- making the node ------------------------------------------------------------------------- */

/* ONNX's QLinear operators want each zero point. */
static kerf_status add_zero(kerf_graph *g, operand *o)
{
    kerf_tensor *t;
    if (o->zero != NULL || o->integers == NULL)
        return KERF_OK;
    KERF__TRY(kerf_tensor_create(&t, NULL, o->integers->type, KERF_SCALAR));
    *(uint8_t *)t->data = 0;
    return kerf_graph_add_constant(g, NULL, t, &o->zero);
}

/* What becomes one node: core, a Conv say, and all around it. */
typedef struct pattern {
    kerf_node *core, *activation, *quantize; /* activation: NULL where there is none */
    operand x, w, y;                         /* w: without integers where there is none */
    kerf_value *bias;                        /* int32, or NULL */
    int low, high;                           /* bounds of the result */
} pattern;

static kerf_status put_inputs(kerf_node *n, kerf_value *const *inputs, int num)
{
    for (int i = 0; i < num; i++)
        KERF__TRY(kerf__node_put_input(n, i, inputs[i]));
    kerf__node_trim_inputs(n);
    return KERF_OK;
}

/* Weights of fewer bits become bytes, while planning where they are known by then. */
static kerf_status widen_constant(kerf_graph *g, kerf_type bytes, kerf_value **v)
{
    kerf_tensor *t;
    KERF__TRY(kerf_tensor_create(&t, NULL, bytes, (*v)->shape));
    for (size_t i = 0; i < t->num_elements; i++)
        ((uint8_t *)t->data)[i] = (uint8_t)kerf__tensor_int((*v)->constant, i);
    return kerf_graph_add_constant(g, NULL, t, v);
}

/* There and back with scale 1. */
static kerf_status widen_computed(kerf_graph *g, kerf_type bytes, kerf_value **v)
{
    kerf_tensor *one, *zero;
    kerf_value *inputs[3] = {*v};
    kerf_node *n;
    KERF__TRY(kerf_tensor_create(&one, NULL, KERF_F32, KERF_SCALAR));
    *(float *)one->data = 1;
    KERF__TRY(kerf_graph_add_constant(g, NULL, one, &inputs[1]));
    KERF__TRY(kerf_tensor_create(&zero, NULL, bytes, KERF_SCALAR)); /* zeroed */
    KERF__TRY(kerf_graph_add_constant(g, NULL, zero, &inputs[2]));
    KERF__TRY(kerf_graph_add_node(g, "DequantizeLinear", NULL, inputs, 2, 1, &n));
    KERF__TRY(kerf__node_infer(n));
    inputs[0] = n->outputs[0];
    KERF__TRY(kerf_graph_add_node(g, "QuantizeLinear", NULL, inputs, 3, 1, &n));
    *v = n->outputs[0];
    return kerf__node_infer(n);
}

/* 1 if v is rounded by a layer's own scale, whose largest integer v's type holds. */
static int is_rounded_by_layer(const kerf_value *v)
{
    const kerf_node *n = v->producer;
    const kerf_value *zero = kerf__node_is(n, "QuantizeLinear") ? kerf_node_input(n, 2) : NULL;
    if (!is_constant(zero) || !kerf__node_is(n->inputs[1]->producer, "kerf.QuantizeLayer"))
        return 0;
    for (size_t i = 0; i < zero->constant->num_elements; i++)
        if (kerf__tensor_int(zero->constant, i) != 0)
            return 0;
    return kerf_node_int(n->inputs[1]->producer, "largest", INT32_MAX) <
           (int64_t)1 << (kerf_type_bits(v->type) - 1);
}

/* Such are rounded to the same bytes at once.  By a largest weight none lies beyond the integers;
 * by an end that is learned some do, so bytes saturate where those do. */
static kerf_status round_to_bytes(kerf_graph *g, kerf_type bytes, kerf_value **v)
{
    const kerf_node *less = (*v)->producer;
    kerf_value *inputs[3] = {less->inputs[0], less->inputs[1]};
    kerf_tensor *zero; /* zeroed */
    kerf_node *n;
    KERF__TRY(kerf_tensor_create(&zero, NULL, bytes, less->inputs[2]->shape));
    KERF__TRY(kerf_graph_add_constant(g, NULL, zero, &inputs[2]));
    KERF__TRY(kerf_graph_add_node(g, "QuantizeLinear", NULL, inputs, 3, 1, &n));
    KERF__TRY(kerf__node_copy_attributes(n, less));
    if (inputs[1]->producer->inputs[0]->kind == KERF__VALUE_STATE)
        KERF__TRY(kerf_node_set_int(n, "bits", (int64_t)kerf_type_bits((*v)->type)));
    *v = n->outputs[0];
    return kerf__node_infer(n);
}

static kerf_status widen(kerf_graph *g, kerf_value **v)
{
    const kerf_type type = (*v)->type;
    const kerf_type bytes = type == KERF_S4 || type == KERF_S2 ? KERF_S8 : KERF_U8;
    if ((LESS >> type & 1) == 0)
        return KERF_OK;
    if (is_constant(*v))
        return widen_constant(g, bytes, v);
    return is_rounded_by_layer(*v) ? round_to_bytes(g, bytes, v) : widen_computed(g, bytes, v);
}

/* Weights that have a scale each index of `axis`, and perhaps a bias of as many. */
static int match_product(pattern *p, int axis)
{
    operand bias;
    const kerf_value *given = kerf_node_input(p->core, 2);
    if (!read_operand(p->core->inputs[0], BYTES, -1, &p->x) ||
        !read_operand(p->core->inputs[1], BYTES | LESS, axis, &p->w))
        return 0;
    if (given == NULL)
        return 1;
    p->bias = read_operand(given, SUMS, 0, &bias) ? bias.integers : NULL;
    return p->bias != NULL && is_bias_of(&bias, &p->x, &p->w);
}

static int match_conv(pattern *p)
{
    return match_product(p, 0);
}

static int match_gemm(pattern *p)
{
    const kerf_node *n = p->core;
    const kerf_value *bias = kerf_node_input(n, 2);
    const kerf_shape dst = n->outputs[0]->shape;
    return kerf_node_float(n, "alpha", 1) == 1 && kerf_node_float(n, "beta", 1) == 1 &&
           kerf_node_int(n, "transA", 0) == 0 && kerf__node_attribute(n, "activation") == NULL &&
           (bias == NULL || kerf_shape_equal(bias->shape, KERF_SHAPE(dst.dims[1]))) &&
           match_product(p, kerf_node_int(n, "transB", 0) != 0 ? 0 : 1);
}

static int match_matmul(pattern *p)
{
    return p->core->inputs[1]->shape.rank == 2 && match_product(p, 1);
}

static kerf_status put_product(pattern *p)
{
    KERF__TRY(widen(p->core->graph, &p->w.integers));
    if (p->w.zero != NULL)
        KERF__TRY(widen(p->core->graph, &p->w.zero));
    kerf_value *inputs[] = {p->x.integers, p->x.scale, p->x.zero, p->w.integers, p->w.scale,
                            p->w.zero,     p->y.scale, p->y.zero, p->bias};
    return put_inputs(p->core, inputs, 9);
}

static kerf_status put_gemm(pattern *p)
{
    static const char *const SAID[] = {"alpha", "beta", "transA"};
    for (size_t i = 0; i < sizeof SAID / sizeof SAID[0]; i++)
        kerf__node_remove_attribute(p->core, SAID[i]);
    return put_product(p);
}

static int match_add(pattern *p)
{
    return read_operand(p->core->inputs[0], BYTES, -1, &p->x) &&
           read_operand(p->core->inputs[1], BYTES, -1, &p->w) &&
           kerf_shape_equal(p->x.integers->shape, p->w.integers->shape);
}

static kerf_status put_add(pattern *p)
{
    kerf_value *inputs[] = {p->x.integers, p->x.scale, p->x.zero,  p->w.integers,
                            p->w.scale,    p->w.zero,  p->y.scale, p->y.zero};
    return put_inputs(p->core, inputs, 8);
}

/* Of no more bytes than a kernel counts, with a scale that has multiples. */
static int match_mean(pattern *p)
{
    const kerf__pool pool = kerf__pool_of(p->core);
    return kerf__window_taps(&pool.window) <= KERF__MOST_ITERATIONS &&
           kerf__plan_is_plain_scale(p->y.scale, 0x1p80f) &&
           read_operand(p->core->inputs[0], BYTES, -1, &p->x);
}

static kerf_status put_mean(pattern *p)
{
    kerf_value *inputs[] = {p->x.integers, p->x.scale, p->x.zero, p->y.scale, p->y.zero};
    return put_inputs(p->core, inputs, 5);
}

/* ---- floats that gradients read -------------------------------------------------------------- */

/* Who read the core's floats read what its integers are rounded from. */
static kerf_status leave_unrounded(pattern *p)
{
    kerf_value *floats = p->core->outputs[0], *unrounded;
    if (kerf__plan_is_read_once(floats) &&
        (p->activation == NULL || kerf__plan_is_read_once(p->activation->outputs[0])))
        return KERF_OK;
    KERF__TRY(kerf__graph_add_output_value(p->core->graph, p->core, NULL, &unrounded));
    kerf__graph_replace_uses(p->core->graph, floats, unrounded);
    return KERF_OK;
}

/* The core stays, and another one becomes the node of integers. */
static kerf_status leave_core(pattern *p)
{
    const kerf_node *floats = p->core;
    KERF__TRY(kerf_graph_add_node(floats->graph, floats->op, NULL, floats->inputs,
                                  floats->num_inputs, 1, &p->core));
    return kerf__node_copy_attributes(p->core, floats);
}

/* ---- the table ------------------------------------------------------------------------------- */

static const struct {
    const char *op, *integer_op;
    int (*match)(pattern *p);         /* reads what stands before the core */
    kerf_status (*put)(pattern *p);   /* gives the core its new inputs */
    kerf_status (*leave)(pattern *p); /* floats for gradients; NULL: the pattern is left alone */
} CORES[] = {
    {"Add", "com.microsoft.QLinearAdd", match_add, put_add, NULL},
    {"AveragePool", "com.microsoft.QLinearAveragePool", match_mean, put_mean, leave_core},
    {"Conv", "QLinearConv", match_conv, put_product, leave_unrounded},
    {"Gemm", "QLinearMatMul", match_gemm, put_gemm, leave_unrounded},
    {"GlobalAveragePool", "com.microsoft.QLinearGlobalAveragePool", match_mean, put_mean,
     leave_core},
    {"MatMul", "QLinearMatMul", match_matmul, put_product, leave_unrounded},
};
enum { NUM_CORES = sizeof CORES / sizeof CORES[0] };

static int is_activation(const kerf_node *n)
{
    return kerf__node_is(n, "Relu") || kerf__node_is(n, "Clip");
}

/* 1 if floats may go: no one else reads them or, in a plan that trains, those who do get others. */
static int may_go(const kerf_value *floats, int trains)
{
    return trains ? floats->next_of < 0 : kerf__plan_is_read_once(floats);
}

/* What stands between the core and `quantize`; 0 if it cannot go. */
static int match_behind(kerf_node *quantize, int trains, pattern *p)
{
    const kerf_value *v = quantize->inputs[0];
    kerf_node *activation = is_activation(v->producer) ? v->producer : NULL;
    if (activation != NULL && !may_go(v, trains))
        return 0;
    v = activation != NULL ? activation->inputs[0] : v;
    *p = (pattern){.core = v->producer,
                   .activation = activation,
                   .quantize = quantize,
                   .y = {quantize->outputs[0], quantize->inputs[1], kerf_node_input(quantize, 2)}};
    return p->core != NULL && may_go(v, trains) && quantize->outputs[0]->next_of < 0 &&
           is_along(quantize, -1) && (BYTES >> p->y.integers->type & 1) != 0 &&
           read_bounds(activation, &p->y, &p->low, &p->high);
}

/* The core becomes the one node, and the others are read by nobody, or by gradients. */
static kerf_status replace(kerf_graph *g, pattern *p, size_t core, int trains)
{
    operand *const all[] = {&p->x, &p->w, &p->y};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        KERF__TRY(add_zero(g, all[i]));
    if (trains)
        KERF__TRY(CORES[core].leave(p));
    KERF__TRY(CORES[core].put(p));
    KERF__TRY(kerf__node_set_op(p->core, CORES[core].integer_op));
    KERF__TRY(kerf_node_set_int(p->core, "low", p->low));
    KERF__TRY(kerf_node_set_int(p->core, "high", p->high));
    KERF__TRY(kerf__node_infer(p->core));
    kerf__graph_replace_uses(g, p->quantize->outputs[0], p->core->outputs[0]);
    return KERF_OK;
}

static kerf_status fuse(kerf_graph *g, kerf_node *quantize, int trains)
{
    pattern p;
    if (!match_behind(quantize, trains, &p))
        return KERF_OK;
    for (size_t i = 0; i < NUM_CORES; i++)
        if (kerf__node_is(p.core, CORES[i].op) && (!trains || CORES[i].leave != NULL) &&
            CORES[i].match(&p))
            return replace(g, &p, i, trains);
    return KERF_OK;
}

kerf_status kerf__plan_fuse_integer(kerf_graph *g, kerf_node *quantize)
{
    return fuse(g, quantize, 0);
}

kerf_status kerf__plan_fuse_trained(kerf_graph *g, kerf_node *quantize)
{
    return fuse(g, quantize, 1);
}
