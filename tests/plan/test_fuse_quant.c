/* test_fuse_quant.c -- QuantizeLinear and the DequantizeLinear behind it become one kerf.FakeQuant
 * with the very bits of the pair, where nobody else wants the integers; a training step passes
 * their gradient straight through, but for what is saturated. */
#include <string.h>

#include "check.h"
#include "op_check.h"
#include "plan/plan_internal.h"
#include "plan/unfused.h"

enum { ROWS = 6, COLUMNS = 50, NUM = ROWS * COLUMNS };
static kerf_device *dev;

/* ---- graphs ---------------------------------------------------------------------------------- */

static kerf_value *numbered(kerf_graph *g, const char *op, kerf_value *x, kerf_shape shape,
                            float scale)
{
    static const int8_t ZEROS[COLUMNS] = {3, -7, 0, 100};
    float scales[COLUMNS];
    kerf_node *n;
    for (int i = 0; i < COLUMNS; i++)
        scales[i] = scale * (float)(1 + i % 3);
    kerf_value *inputs[] = {x, unfused_constant(g, KERF_F32, shape, scales),
                            unfused_constant(g, KERF_S8, shape, ZEROS)};
    CHECK_OK(kerf_graph_add_node(g, op, NULL, inputs, 3, 1, &n));
    return n->outputs[0];
}

static kerf_value *down(kerf_graph *g, kerf_value *x, kerf_shape shape)
{
    return numbered(g, "QuantizeLinear", x, shape, 0.01f);
}

/* The constants are others, which hold the same. */
static kerf_value *up(kerf_graph *g, kerf_value *q, kerf_shape shape)
{
    return numbered(g, "DequantizeLinear", q, shape, 0.01f);
}

static kerf_graph *graph_of(kerf_value **x)
{
    kerf_graph *g;
    CHECK_OK(kerf_graph_create(&g));
    CHECK_OK(kerf_graph_add_input(g, "x", KERF_F32, KERF_SHAPE(ROWS, COLUMNS), x));
    return g;
}

static kerf_value *sum(kerf_graph *g, kerf_value *a, kerf_value *b)
{
    kerf_node *n;
    CHECK_OK(kerf_graph_add_node(g, "Add", NULL, (kerf_value *[]){a, b}, 2, 1, &n));
    return n->outputs[0];
}

/* ---- what becomes of them
 * ------------------------------------------------------------------------ */

/* Plans g, whose first output is y, and compares bits; the graph is taken. */
static void check_plan(kerf_graph *g, kerf_value *y, int fakes, int pairs)
{
    float x[NUM], got[NUM], want[NUM];
    kerf_plan *p;
    kerf_state *s;
    op_check_fill(x, NUM, 3);
    for (int i = 0; i < NUM; i++)
        x[i] *= 3;
    CHECK_OK(kerf_state_create(&s, dev));
    CHECK_OK(kerf_graph_add_output(g, y));
    CHECK_OK(kerf_plan_create(&p, g, s, &(kerf_plan_options){.batch = 1}));
    CHECK_OK(kerf_plan_verify(p));
    CHECK(unfused_count(p->graph, "kerf.FakeQuant") == fakes);
    CHECK(unfused_count(p->graph, "QuantizeLinear") == pairs);
    unfused_run(dev, g, 0, x, want);
    CHECK_OK(kerf_plan_feed(p, "x", x, sizeof x));
    CHECK_OK(kerf_plan_run(p));
    CHECK_OK(kerf_tensor_read(kerf_plan_output(p, p->outputs.items[0].name), got));
    CHECK(memcmp(got, want, sizeof want) == 0);
    kerf_plan_destroy(p);
    kerf_state_destroy(s);
    kerf_graph_destroy(g);
}

static void test_pair(kerf_shape scales)
{
    kerf_value *x;
    kerf_graph *g = graph_of(&x);
    check_plan(g, up(g, down(g, x, scales), scales), 1, 0);
}

/* A residual branch has a DequantizeLinear of its own. */
static void test_two_readers(void)
{
    kerf_value *x;
    kerf_graph *g = graph_of(&x);
    kerf_value *q = down(g, x, KERF_SCALAR);
    check_plan(g, sum(g, up(g, q, KERF_SCALAR), up(g, q, KERF_SCALAR)), 1, 0);
}

static void test_other_scale(void)
{
    kerf_value *x;
    kerf_graph *g = graph_of(&x);
    kerf_value *q = down(g, x, KERF_SCALAR);
    check_plan(g, numbered(g, "DequantizeLinear", q, KERF_SCALAR, 0.02f), 0, 1);
}

/* An output of the graph besides. */
static void test_integers_are_wanted(void)
{
    kerf_value *x;
    kerf_graph *g = graph_of(&x);
    kerf_value *q = down(g, x, KERF_SCALAR), *y = up(g, q, KERF_SCALAR);
    CHECK_OK(kerf_graph_add_output(g, sum(g, y, y)));
    check_plan(g, q, 0, 1);
}

/* ---- training
 * ------------------------------------------------------------------------------------ */

/* One step of a layer whose weights are quantized to [-0.8, 0.7]: those within move, as they would
 * if they were what they are rounded to; those beyond stay. */
static void test_training(void)
{
    enum { IN = 8, OUT = 3, BATCH = 2 };
    float w[OUT * IN], after[OUT * IN], x[BATCH * IN];
    const int32_t labels[BATCH] = {0, 2};
    const float scale = 0.1f;
    kerf_graph *g;
    kerf_state *s;
    kerf_plan *p;
    kerf_value *in, *weights;
    kerf_node *quantize, *dequantize, *gemm;
    int id, moved = 0, stayed = 0;
    op_check_fill(w, OUT * IN, 1);
    op_check_fill(x, BATCH * IN, 2);
    for (int i = 0; i < OUT * IN; i++)
        w[i] *= 1.5f;
    CHECK_OK(kerf_graph_create(&g));
    CHECK_OK(kerf_state_create(&s, dev));
    CHECK_OK(
        kerf_graph_add_input(g, "x", KERF_F32, KERF_SHAPE(kerf_graph_symbol(g, "N"), IN), &in));
    CHECK_OK(kerf_state_add(s, "w", KERF_ROLE_WEIGHT, -1, KERF_F32, KERF_SHAPE(OUT, IN), &id));
    CHECK_OK(kerf_state_write(s, id, w));
    CHECK_OK(kerf_graph_add_state(g, "w", id, KERF_F32, KERF_SHAPE(OUT, IN), &weights));
    kerf_value *step = unfused_constant(g, KERF_F32, KERF_SCALAR, &scale);
    kerf_value *zero = unfused_constant(g, KERF_S4, KERF_SCALAR, "\0");
    CHECK_OK(kerf_graph_add_node(g, "QuantizeLinear", NULL, (kerf_value *[]){weights, step, zero},
                                 3, 1, &quantize));
    CHECK_OK(kerf_graph_add_node(g, "DequantizeLinear", NULL,
                                 (kerf_value *[]){quantize->outputs[0], step, zero}, 3, 1,
                                 &dequantize));
    CHECK_OK(kerf_graph_add_node(g, "Gemm", NULL, (kerf_value *[]){in, dequantize->outputs[0]}, 2,
                                 1, &gemm));
    CHECK_OK(kerf_node_set_int(gemm, "transB", 1));
    CHECK_OK(kerf_graph_add_output(g, gemm->outputs[0]));
    CHECK_OK(kerf_plan_create(
        &p, g, s,
        &(kerf_plan_options){.batch = BATCH, .mode = KERF_TRAIN, .loss = KERF_LOSS_CROSS_ENTROPY}));
    CHECK_OK(kerf_plan_verify(p));
    CHECK(unfused_count(p->graph, "kerf.FakeQuant") == 1 &&
          unfused_count(p->graph, "QuantizeLinear") == 0);
    CHECK_OK(kerf_plan_feed(p, "x", x, sizeof x));
    CHECK_OK(kerf_plan_feed(p, "labels", labels, sizeof labels));
    CHECK_OK(kerf_plan_set_step(p, &(kerf_step){.lr = 1.0f, .step = 1}));
    CHECK_OK(kerf_plan_run(p));
    CHECK_OK(kerf_state_read(s, id, after));
    for (int i = 0; i < OUT * IN; i++) {
        const int is_within = w[i] > -0.85f && w[i] < 0.75f;
        CHECK((after[i] != w[i]) == is_within);
        moved += is_within;
        stayed += !is_within;
    }
    CHECK(moved > 5 && stayed > 5);
    kerf_plan_destroy(p);
    kerf_state_destroy(s);
    kerf_graph_destroy(g);
}

int main(void)
{
    dev = check_open_device();
    test_pair(KERF_SCALAR);
    test_pair(KERF_SHAPE(COLUMNS));
    test_two_readers();
    test_other_scale();
    test_integers_are_wanted();
    test_training();
    kerf_device_close(dev);
    return check_result();
}
