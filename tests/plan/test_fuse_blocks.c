/* test_fuse_blocks.c -- a product of few rows by weights of few bits becomes kerf.MatMulBlocks,
 * which gives what the nodes give that it stands for; of many rows, or where somebody else reads
 * the floats, it stays. */
#include <string.h>

#include "check.h"
#include "op_check.h"
#include "plan/plan_internal.h"
#include "plan/unfused.h"

enum { K = 96, N = 21, MOST_ROWS = 40 };
static kerf_device *dev;

/* What a case has; the rest is 0. */
typedef struct setup {
    const char *core;
    kerf_type type;
    int rows; /* 1 where nothing is said */
    int is_turned, block_size, has_columns, has_zero;
    int has_bias; /* 1: (N); 2: one number; 3: an Add behind a MatMul */
    int relu;
    float alpha;
    int is_read, is_leading; /* the floats are an output, too; rows are two dimensions */
    int along_k;             /* a scale each step of k */
    int stays;
} setup;

static int rows_of(const setup *s)
{
    return s->rows > 0 ? s->rows : 1;
}

/* ---- graphs -------------------------------------------------------------------------------- */

static kerf_shape scale_shape(const setup *s)
{
    if (s->block_size > 0)
        return s->is_turned ? KERF_SHAPE(N, K / s->block_size) : KERF_SHAPE(K / s->block_size, N);
    if (s->along_k)
        return KERF_SHAPE(K);
    return s->has_columns ? KERF_SHAPE(N) : KERF_SCALAR;
}

static kerf_value *weights(kerf_graph *g, const setup *s)
{
    static uint8_t integers[2 * K * N], zeros[K * N];
    static float scales[K * N];
    const kerf_shape shape = s->is_turned ? KERF_SHAPE(N, K) : KERF_SHAPE(K, N);
    for (int i = 0; i < K * N; i++) {
        integers[i] = (uint8_t)(i * 37 % 251);
        zeros[i] = (uint8_t)(i * 91 % 253);
        scales[i] = 0.01f * (float)(1 + i % 5);
    }
    kerf_value *v = unfused_add(
        g, "DequantizeLinear",
        (kerf_value *[]){unfused_constant(g, s->type, shape, integers),
                         unfused_constant(g, KERF_F32, scale_shape(s), scales),
                         s->has_zero ? unfused_constant(g, s->type, scale_shape(s), zeros) : NULL},
        3);
    const int k_axis = s->is_turned ? 1 : 0, is_along_k = s->block_size > 0 || s->along_k;
    CHECK_OK(kerf_node_set_int(v->producer, "axis", is_along_k ? k_axis : k_axis - 1));
    if (s->block_size > 0)
        CHECK_OK(kerf_node_set_int(v->producer, "block_size", s->block_size));
    return v;
}

static kerf_value *bias(kerf_graph *g, const setup *s)
{
    float b[N];
    for (int i = 0; i < N; i++)
        b[i] = 0.3f * (float)(i - 10);
    if (s->has_bias == 0)
        return NULL;
    return unfused_constant(g, KERF_F32, s->has_bias == 2 ? KERF_SCALAR : KERF_SHAPE(N), b);
}

static kerf_value *product(kerf_graph *g, const setup *s, kerf_value *x)
{
    kerf_value *w = weights(g, s), *b = bias(g, s);
    kerf_value *v = unfused_add(g, s->core, (kerf_value *[]){x, w, s->has_bias == 3 ? NULL : b}, 3);
    if (s->is_turned)
        CHECK_OK(kerf_node_set_int(v->producer, "transB", 1));
    if (s->alpha != 0)
        CHECK_OK(kerf_node_set_float(v->producer, "alpha", s->alpha));
    if (s->has_bias == 3)
        v = unfused_add(g, "Add", (kerf_value *[]){v, b}, 2);
    if (s->is_read)
        CHECK_OK(kerf_graph_add_output(g, w));
    return s->relu ? unfused_add(g, "Relu", &v, 1) : v;
}

static kerf_graph *graph_of(const setup *s)
{
    kerf_graph *g;
    kerf_value *x;
    CHECK_OK(kerf_graph_create(&g));
    CHECK_OK(kerf_graph_add_input(
        g, "x", KERF_F32,
        s->is_leading ? KERF_SHAPE(2, rows_of(s) / 2, K) : KERF_SHAPE(rows_of(s), K), &x));
    CHECK_OK(kerf_graph_add_output(g, product(g, s, x)));
    return g;
}

/* ---- both ways ----------------------------------------------------------------------------- */

static int num_products(const kerf_graph *g)
{
    return unfused_count(g, "Gemm") + unfused_count(g, "MatMul");
}

static void check(setup s)
{
    float x[MOST_ROWS * K], got[MOST_ROWS * N] = {0}, want[MOST_ROWS * N] = {0};
    double wanted[MOST_ROWS * N];
    const size_t num = (size_t)rows_of(&s) * N;
    kerf_plan *p;
    kerf_state *state;
    kerf_graph *g = graph_of(&s);
    op_check_fill(x, MOST_ROWS * K, 5);
    CHECK_OK(kerf_state_create(&state, dev));
    CHECK_OK(kerf_plan_create(&p, g, state, &(kerf_plan_options){.batch = 1}));
    CHECK_OK(kerf_plan_verify(p));
    CHECK(unfused_count(p->graph, "kerf.MatMulBlocks") == !s.stays);
    CHECK(num_products(p->graph) == s.stays);
    CHECK(unfused_count(p->graph, "DequantizeLinear") == s.stays);
    CHECK(p->num_prepared >= 1);
    unfused_run(dev, g, g->num_outputs - 1, x, want);
    CHECK_OK(kerf_plan_feed(p, "x", x, (size_t)rows_of(&s) * K * sizeof *x));
    for (int run = 0; run < 2; run++) { /* the second reads what the first has packed */
        CHECK_OK(kerf_plan_run(p));
        CHECK_OK(
            kerf_tensor_read(kerf_plan_output(p, p->outputs.items[p->outputs.num - 1].name), got));
        for (size_t i = 0; i < num; i++)
            wanted[i] = (double)want[i];
        check_close(s.core, got, wanted, num, check_tolerance(8, K));
        memset(got, 0, sizeof got);
    }
    kerf_plan_destroy(p);
    kerf_state_destroy(state);
    kerf_graph_destroy(g);
}

static void test_types(void)
{
    static const kerf_type TYPES[] = {KERF_U8, KERF_S8, KERF_U4, KERF_S4, KERF_U2, KERF_S2};
    for (size_t i = 0; i < sizeof TYPES / sizeof TYPES[0]; i++)
        for (int has_zero = 0; has_zero <= 1; has_zero++)
            check((setup){
                .core = "MatMul", .type = TYPES[i], .block_size = 32, .has_zero = has_zero});
}

static void test_becomes_one(void)
{
    check((setup){.core = "MatMul", .type = KERF_S4, .rows = 16, .block_size = 16});
    check((setup){.core = "MatMul", .type = KERF_S4, .rows = 6, .is_leading = 1, .has_zero = 1});
    check((setup){.core = "MatMul", .type = KERF_S8, .has_columns = 1, .has_bias = 3, .relu = 1});
    check(
        (setup){.core = "Gemm", .type = KERF_S8, .is_turned = 1, .has_columns = 1, .has_bias = 1});
    check((setup){.core = "Gemm",
                  .type = KERF_U4,
                  .is_turned = 1,
                  .block_size = 32,
                  .has_zero = 1,
                  .has_bias = 1,
                  .relu = 1});
    check((setup){.core = "Gemm", .type = KERF_U8, .rows = 3, .has_columns = 1, .has_zero = 1});
}

static void test_stays(void)
{
    check((setup){.core = "MatMul", .type = KERF_S4, .rows = 17, .block_size = 32, .stays = 1});
    check((setup){.core = "MatMul", .type = KERF_S4, .block_size = 4, .stays = 1});
    check((setup){.core = "MatMul", .type = KERF_S8, .along_k = 1, .stays = 1});
    check((setup){.core = "MatMul", .type = KERF_S8, .is_read = 1, .stays = 1});
    check((setup){.core = "MatMul", .type = KERF_S16, .has_columns = 1, .stays = 1});
    check((setup){.core = "Gemm", .type = KERF_S8, .alpha = 0.5f, .stays = 1});
    check((setup){.core = "Gemm", .type = KERF_S8, .has_bias = 2, .stays = 1});
}

int main(void)
{
    dev = check_open_device();
    test_types();
    test_becomes_one();
    test_stays();
    kerf_device_close(dev);
    return check_result();
}
