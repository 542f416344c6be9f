/* test_fuse_integer.c -- a product or sum between DequantizeLinear and QuantizeLinear runs on
 * integers, with the very bits of the nodes it stands for.
 *
 * Scales are powers of two, so that floats count exactly and every half is met; but for sums that
 * floats cannot hold, where both may be a step apart. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "op_check.h"
#include "plan/plan_internal.h"
#include "plan/unfused.h"

enum {
    CHANNELS = 5,
    OUT = 4,
    SIZE = 7,
    NUM = CHANNELS * SIZE * SIZE,
    WEIGHTS = OUT * CHANNELS * 9,
    K = NUM / SIZE /* of a product of matrices */
};
static kerf_device *dev;

/* What a case has; the rest is 0. */
typedef struct setup {
    kerf_type x, w, y;
    int x_zero, w_zero, y_zero; /* -1: left out */
    int w_channels, w_axis;     /* scales of weights: 0, or one for each index of the axis */
    const char *activation;
    const char *core; /* Conv where nothing is said */
    int transposes;   /* a Gemm */
    float most;       /* of a Clip */
    int has_bias;     /* 1: int32; 2: int32 of another scale; 3: floats;
                       * 4: as a kerf.QuantizeLayer makes it of this input; 5: of another */
    int is_read;      /* the convolution's own result is an output, too */
    int not_integer;  /* the pattern is not one */
    int sum_side;     /* behind the convolution is a sum, of which it is side 1 or 2; 0: none */
    int sum_stays;    /* and not taken in */
} setup;

/* ---- graphs ---------------------------------------------------------------------------------- */

static kerf_value *linear(kerf_graph *g, const char *op, kerf_value *x, kerf_type type, float scale,
                          int zero)
{
    const int8_t byte = (int8_t)zero;
    return unfused_add(
        g, op,
        (kerf_value *[]){x, unfused_constant(g, KERF_F32, KERF_SCALAR, &scale),
                         zero >= 0 ? unfused_constant(g, type, KERF_SCALAR, &byte) : NULL},
        3);
}

/* Weights of channel i count in 2^-6 * 2^(i % 2). */
static float weight_scale(int i)
{
    return 0x1p-6f * (float)(1 + i % 2);
}

static int is(const setup *s, const char *core)
{
    return strcmp(s->core != NULL ? s->core : "Conv", core) == 0;
}

static kerf_shape weights_shape(const setup *s)
{
    if (is(s, "Conv"))
        return KERF_SHAPE(OUT, CHANNELS, 3, 3);
    return s->transposes ? KERF_SHAPE(OUT, K) : KERF_SHAPE(K, OUT);
}

static kerf_value *weights(kerf_graph *g, const setup *s)
{
    int8_t w[WEIGHTS];
    float scales[K];
    for (int i = 0; i < WEIGHTS; i++)
        w[i] = (int8_t)(i * 37 % 251);
    for (int i = 0; i < K; i++)
        scales[i] = weight_scale(i);
    kerf_value *q = unfused_constant(g, s->w, weights_shape(s), w);
    if (s->w_channels == 0)
        return linear(g, "DequantizeLinear", q, s->w, weight_scale(0), s->w_zero);
    kerf_value *v = unfused_add(
        g, "DequantizeLinear",
        (kerf_value *[]){q, unfused_constant(g, KERF_F32, KERF_SHAPE(s->w_channels), scales)}, 2);
    CHECK_OK(kerf_node_set_int(v->producer, "axis", s->w_axis));
    return v;
}

/* Weights count in what their largest number says: the node makes their scale, too. */
static kerf_value *made_bias(kerf_graph *g, float x_scale, kerf_value *weights)
{
    static const float FLOATS[OUT] = {1, -2, 0.5f, 3};
    const float most = 127 * weight_scale(0);
    kerf_value *inputs[] = {unfused_constant(g, KERF_F32, KERF_SCALAR, &most),
                            unfused_constant(g, KERF_F32, KERF_SCALAR, &x_scale),
                            unfused_constant(g, KERF_F32, KERF_SHAPE(OUT), FLOATS)};
    kerf_node *n;
    CHECK_OK(kerf_graph_add_node(g, "kerf.QuantizeLayer", NULL, inputs, 3, 3, &n));
    CHECK_OK(kerf_node_set_int(n, "largest", 127));
    kerf__node_set_input(weights->producer, 1, n->outputs[0]);
    kerf_value *v = unfused_add(g, "DequantizeLinear", &n->outputs[1], 2);
    CHECK_OK(kerf_node_set_int(v->producer, "axis", 0));
    CHECK_OK(kerf__graph_sort(g)); /* the weights' node stands before its scale's */
    return v;
}

static kerf_value *bias(kerf_graph *g, const setup *s)
{
    static const int32_t B[OUT] = {100, -3000, 7, 20000};
    static const float FLOATS[OUT] = {1, -2, 0.5f, 3};
    float scales[OUT];
    for (int i = 0; i < OUT; i++)
        scales[i] = 0x1p-4f * (s->w_channels > 0 ? weight_scale(i) : weight_scale(0)) *
                    (s->has_bias == 2 ? 2 : 1);
    if (s->has_bias == 0)
        return NULL;
    if (s->has_bias == 3)
        return unfused_constant(g, KERF_F32, KERF_SHAPE(OUT), FLOATS);
    kerf_value *v =
        unfused_add(g, "DequantizeLinear",
                    (kerf_value *[]){unfused_constant(g, KERF_S32, KERF_SHAPE(OUT), B),
                                     unfused_constant(g, KERF_F32, KERF_SHAPE(OUT), scales)},
                    2);
    CHECK_OK(kerf_node_set_int(v->producer, "axis", 0));
    return v;
}

static kerf_value *activate(kerf_graph *g, const setup *s, kerf_value *v)
{
    const float least = 0;
    if (s->activation == NULL)
        return v;
    kerf_value *inputs[] = {v, NULL, NULL};
    if (strcmp(s->activation, "Clip") == 0) {
        inputs[1] = unfused_constant(g, KERF_F32, KERF_SCALAR, &least);
        inputs[2] = unfused_constant(g, KERF_F32, KERF_SCALAR, &s->most);
    }
    return unfused_add(g, s->activation, inputs, 3);
}

static kerf_value *result(kerf_graph *g, const setup *s, kerf_value *v)
{
    return linear(g, "QuantizeLinear", activate(g, s, v), s->y, 0x1p-3f, s->y_zero);
}

/* The second tensor has a scale that no power of two is. */
static kerf_graph *graph_of_sum(kerf_graph *g, const setup *s, kerf_value *v)
{
    uint8_t other[NUM];
    for (int i = 0; i < NUM; i++)
        other[i] = (uint8_t)(i * 59 % 253);
    kerf_value *q = unfused_constant(g, s->w, KERF_SHAPE(1, CHANNELS, SIZE, SIZE), other);
    kerf_value *w = linear(g, "DequantizeLinear", q, s->w, 0.0137f, s->w_zero);
    CHECK_OK(
        kerf_graph_add_output(g, result(g, s, unfused_add(g, "Add", (kerf_value *[]){v, w}, 2))));
    return g;
}

/* A convolution's integers and others, of a scale of its own, are summed. */
static kerf_value *sum_behind(kerf_graph *g, const setup *s, kerf_value *conv)
{
    uint8_t other[OUT * SIZE * SIZE];
    for (int i = 0; i < OUT * SIZE * SIZE; i++)
        other[i] = (uint8_t)(i * 59 % 253);
    kerf_value *q = unfused_constant(g, s->w, KERF_SHAPE(1, OUT, SIZE, SIZE), other);
    kerf_value *sides[] = {linear(g, "DequantizeLinear", conv, s->y, 0x1p-3f, s->y_zero),
                           linear(g, "DequantizeLinear", q, s->w, 0.137f, s->w_zero), NULL};
    sides[2] = sides[0];
    return result(g, s, unfused_add(g, "Add", sides + (s->sum_side == 2), 2));
}

static kerf_value *mean(kerf_graph *g, const setup *s, kerf_value *x)
{
    kerf_value *v = unfused_add(g, s->core, &x, 1);
    if (is(s, "AveragePool")) {
        CHECK_OK(kerf_node_set_ints(v->producer, "kernel_shape", (int64_t[]){2, 2}, 2));
        CHECK_OK(kerf_node_set_ints(v->producer, "pads", (int64_t[]){1, 1, 0, 0}, 4));
    }
    return v;
}

static kerf_value *core(kerf_graph *g, const setup *s, kerf_value *x)
{
    if (is(s, "AveragePool") || is(s, "GlobalAveragePool"))
        return mean(g, s, x);
    kerf_value *w = weights(g, s);
    kerf_value *b =
        s->has_bias >= 4 ? made_bias(g, s->has_bias == 4 ? 0x1p-4f : 0x1p-3f, w) : bias(g, s);
    kerf_value *v =
        unfused_add(g, s->core != NULL ? s->core : "Conv", (kerf_value *[]){x, w, b}, 3);
    if (is(s, "Conv"))
        CHECK_OK(kerf_node_set_ints(v->producer, "pads", (int64_t[]){1, 1, 1, 1}, 4));
    if (s->transposes)
        CHECK_OK(kerf_node_set_int(v->producer, "transB", 1));
    return v;
}

static kerf_graph *graph_of(const setup *s)
{
    const kerf_shape shape = is(s, "Gemm") || is(s, "MatMul") ? KERF_SHAPE(SIZE, K)
                                                              : KERF_SHAPE(1, CHANNELS, SIZE, SIZE);
    kerf_graph *g;
    kerf_value *x, *v;
    CHECK_OK(kerf_graph_create(&g));
    CHECK_OK(kerf_graph_add_input(g, "x", s->x, shape, &x));
    v = linear(g, "DequantizeLinear", x, s->x, 0x1p-4f, s->x_zero);
    if (is(s, "Add"))
        return graph_of_sum(g, s, v);
    v = core(g, s, v);
    if (s->is_read)
        CHECK_OK(kerf_graph_add_output(g, v));
    if (s->sum_side == 0) {
        CHECK_OK(kerf_graph_add_output(g, result(g, s, v)));
        return g;
    }
    v = s->sum_stays ? result(g, s, v) : linear(g, "QuantizeLinear", v, s->y, 0x1p-3f, s->y_zero);
    CHECK_OK(kerf_graph_add_output(g, sum_behind(g, s, v)));
    return g;
}

/* ---- both ways ------------------------------------------------------------------------------- */

static const char *integer_of(const setup *s)
{
    static const char *const OPS[][2] = {
        {"Add", "com.microsoft.QLinearAdd"},
        {"AveragePool", "com.microsoft.QLinearAveragePool"},
        {"Conv", "QLinearConv"},
        {"GlobalAveragePool", "com.microsoft.QLinearGlobalAveragePool"},
    };
    for (size_t i = 0; i < sizeof OPS / sizeof OPS[0]; i++)
        if (is(s, OPS[i][0]))
            return OPS[i][1];
    return "QLinearMatMul";
}

static void check(setup s)
{
    uint8_t x[NUM], got[NUM] = {0}, want[NUM] = {0};
    kerf_plan *p;
    kerf_state *state;
    kerf_graph *g = graph_of(&s);
    for (int i = 0; i < NUM; i++)
        x[i] = (uint8_t)(i * 101 % 255);
    CHECK_OK(kerf_state_create(&state, dev));
    CHECK_OK(kerf_plan_create(&p, g, state, &(kerf_plan_options){.batch = 1}));
    CHECK_OK(kerf_plan_verify(p));
    CHECK(unfused_count(p->graph, integer_of(&s)) == !s.not_integer);
    CHECK(unfused_count(p->graph, s.core != NULL ? s.core : "Conv") == s.not_integer);
    if (!is(&s, "Add"))
        CHECK(unfused_count(p->graph, "com.microsoft.QLinearAdd") == s.sum_stays);
    unfused_run(dev, g, g->num_outputs - 1, x, want);
    CHECK_OK(kerf_plan_feed(p, "x", x, sizeof x));
    CHECK_OK(kerf_plan_run(p));
    CHECK_OK(kerf_tensor_read(kerf_plan_output(p, p->outputs.items[p->outputs.num - 1].name), got));
    CHECK(memcmp(got, want, sizeof want) == 0);
    kerf_plan_destroy(p);
    kerf_state_destroy(state);
    kerf_graph_destroy(g);
}

/* ---- sums that floats do not hold ------------------------------------------------------------ */

/* Sums of 1100 products, all beyond 2^24, from which biases take most. */
enum { ROWS = 4, TERMS = 1100, COLUMNS = 8, LONG = ROWS * COLUMNS };

typedef struct long_sums {
    uint8_t x[ROWS * TERMS];
    int8_t w[TERMS * COLUMNS];
    int32_t bias[COLUMNS], sums[LONG]; /* sums with the bias */
} long_sums;

static void fill_long(long_sums *l)
{
    for (int i = 0; i < ROWS * TERMS; i++)
        l->x[i] = (uint8_t)(200 + i * 101 % 56);
    for (int i = 0; i < TERMS * COLUMNS; i++)
        l->w[i] = (int8_t)(90 + i * 37 % 38);
    for (int i = 0; i < LONG; i++) {
        int32_t *sum = &l->sums[i];
        *sum = 0;
        for (int k = 0; k < TERMS; k++)
            *sum += l->x[i / COLUMNS * TERMS + k] * l->w[k * COLUMNS + i % COLUMNS];
        CHECK(*sum > 1 << 24);
        if (i < COLUMNS) /* the first row's sums become 2000 and more */
            l->bias[i] = 2000 + 97 * i - *sum;
        *sum += l->bias[i % COLUMNS];
    }
}

static kerf_graph *graph_of_long(const long_sums *l, float x_scale, float w_scale, float y_scale)
{
    const float bias_scale = x_scale * w_scale;
    kerf_graph *g;
    kerf_value *in[3];
    CHECK_OK(kerf_graph_create(&g));
    CHECK_OK(kerf_graph_add_input(g, "x", KERF_U8, KERF_SHAPE(ROWS, TERMS), &in[0]));
    in[0] = linear(g, "DequantizeLinear", in[0], KERF_U8, x_scale, -1);
    in[1] = unfused_constant(g, KERF_S8, KERF_SHAPE(TERMS, COLUMNS), l->w);
    in[1] = linear(g, "DequantizeLinear", in[1], KERF_S8, w_scale, -1);
    in[2] = unfused_constant(g, KERF_S32, KERF_SHAPE(COLUMNS), l->bias);
    in[2] = linear(g, "DequantizeLinear", in[2], KERF_S32, bias_scale, -1);
    CHECK_OK(kerf_graph_add_output(
        g, linear(g, "QuantizeLinear", unfused_add(g, "Gemm", in, 3), KERF_U8, y_scale, 0)));
    return g;
}

/* The integers are those of the exact sums; floats that add up the same are a step off at most. */
static void test_long_sums(void)
{
    static long_sums l;
    const float x_scale = 0.0137f, w_scale = 0.0071f, y_scale = x_scale * w_scale * 151.0f;
    const float multiplier = x_scale * w_scale / y_scale;
    uint8_t got[LONG] = {0}, floats[LONG] = {0};
    kerf_plan *p;
    kerf_state *state;
    fill_long(&l);
    kerf_graph *g = graph_of_long(&l, x_scale, w_scale, y_scale);
    CHECK_OK(kerf_state_create(&state, dev));
    CHECK_OK(kerf_plan_create(&p, g, state, &(kerf_plan_options){.batch = ROWS}));
    CHECK(unfused_count(p->graph, "QLinearMatMul") == 1);
    unfused_run(dev, g, 0, l.x, floats);
    CHECK_OK(kerf_plan_feed(p, "x", l.x, sizeof l.x));
    CHECK_OK(kerf_plan_run(p));
    CHECK_OK(kerf_tensor_read(kerf_plan_output(p, p->outputs.items[0].name), got));
    for (int i = 0; i < LONG; i++) {
        const float want = rintf((float)l.sums[i] * multiplier);
        CHECK(got[i] == (want < 0 ? 0 : want > 255 ? 255 : (int)want));
        CHECK(abs(got[i] - floats[i]) <= 1);
    }
    kerf_plan_destroy(p);
    kerf_state_destroy(state);
    kerf_graph_destroy(g);
}

int main(void)
{
    dev = check_open_device();
    test_long_sums();
    const setup plain = {.x = KERF_U8, .w = KERF_S8, .y = KERF_U8, .w_zero = -1, .y_zero = 128};
    setup s = plain;
    check(s);
    s = plain, s.x = KERF_S8, s.w = KERF_U8, s.y = KERF_S8, s.w_zero = 100, s.y_zero = 3;
    check(s);
    s = plain, s.x_zero = -1, s.y_zero = -1; /* all left out: uint8 and 0 */
    check(s);
    s = plain, s.w_channels = OUT, s.has_bias = 1;
    check(s);
    s = plain, s.activation = "Relu", s.has_bias = 1;
    check(s);
    s = plain, s.activation = "Clip", s.most = 6, s.y = KERF_S8, s.y_zero = 20;
    check(s);
    s = plain, s.activation = "Clip", s.most = 1e30f; /* saturates before it clips */
    check(s);
    s = plain, s.not_integer = 1, s.w_channels = CHANNELS, s.w_axis = 1; /* of the sums' terms */
    check(s);
    s = plain, s.not_integer = 1, s.has_bias = 2;
    check(s);
    s = plain, s.not_integer = 1, s.has_bias = 3;
    check(s);
    s = plain, s.has_bias = 4;
    check(s);
    s = plain, s.not_integer = 1, s.has_bias = 5;
    check(s);
    s = plain, s.not_integer = 1, s.is_read = 1;
    check(s);
    s = plain, s.core = "MatMul", s.activation = "Relu";
    check(s);
    s = plain, s.core = "MatMul", s.w_channels = OUT, s.w_axis = 1;
    check(s);
    s = plain, s.core = "Gemm", s.w_channels = OUT, s.w_axis = 1, s.has_bias = 1;
    check(s);
    s = plain, s.core = "Gemm", s.transposes = 1, s.w_channels = OUT, s.has_bias = 1;
    check(s);
    s = plain, s.core = "Gemm", s.w_channels = K, s.w_axis = 0, s.not_integer = 1;
    check(s);
    s = plain, s.core = "Add";
    check(s);
    s = plain, s.core = "Add", s.activation = "Relu", s.y = KERF_S8, s.y_zero = 5;
    check(s);
    s = plain, s.core = "AveragePool"; /* of 1, 2 and 4: floats count exactly */
    check(s);
    s = plain, s.core = "AveragePool", s.activation = "Relu", s.x = KERF_S8, s.y = KERF_S8;
    check(s);
    s = plain, s.core = "GlobalAveragePool", s.x_zero = -1, s.y_zero = -1;
    check(s);
    for (int side = 1; side <= 2; side++) {
        s = plain, s.sum_side = side;
        check(s);
        s = plain, s.sum_side = side, s.y = KERF_S8, s.y_zero = 5, s.activation = "Relu";
        check(s);
        s.sum_stays = 1; /* an activation between */
        check(s);
    }
    kerf_device_close(dev);
    return check_result();
}
