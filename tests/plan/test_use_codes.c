/* test_use_codes.c -- a product of few rows by shared weights becomes kerf.MatMulCodes, which gives
 * what the gathered floats give; it follows a codebook that changes; of many rows, by blocks, or
 * where somebody else reads the floats, it stays. */
#include <string.h>

#include "check.h"
#include "op_check.h"
#include "plan/plan_internal.h"
#include "plan/unfused.h"

enum { K = 96, N = 21, MOST_ROWS = 24, ONNX_INT32 = 6 };
static kerf_device *dev;

/* What a case has; the rest is 0. */
typedef struct setup {
    const char *core;
    kerf_type type;    /* of the numbers */
    int entries, most; /* the largest number, or entries - 1 */
    int rows;          /* 1 where nothing is said */
    int is_turned, has_bias, relu, is_leading;
    int is_read, in_blocks, alpha; /* the floats are an output, too; first entries of rows */
    int stays;
} setup;

static int rows_of(const setup *s)
{
    return s->rows > 0 ? s->rows : 1;
}

/* ---- graphs -------------------------------------------------------------------------------- */

static kerf_value *add_codebook(kerf_graph *g, kerf_state *state, const setup *s)
{
    float x[256];
    int id;
    kerf_value *v;
    const kerf_shape shape = KERF_SHAPE(s->entries);
    op_check_fill(x, 256, 3);
    CHECK_OK(kerf_state_add(state, "codebook", KERF_ROLE_WEIGHT, -1, KERF_F32, shape, &id));
    CHECK_OK(kerf_state_write(state, id, x));
    CHECK_OK(kerf_graph_add_state(g, "codebook", id, KERF_F32, shape, &v));
    return v;
}

static kerf_value *weights(kerf_graph *g, kerf_state *state, const setup *s)
{
    static uint8_t numbers[K * N];
    static int32_t first[N];
    const int most = s->most > 0 ? s->most : s->entries - 1;
    const kerf_shape shape = s->is_turned ? KERF_SHAPE(N, K) : KERF_SHAPE(K, N);
    for (int i = 0; i < K * N; i++)
        numbers[i] = (uint8_t)(i * 37 % (most + 1));
    for (int i = 0; i < K * N && s->type == KERF_U4; i += 2)
        numbers[i / 2] = (uint8_t)(numbers[i] | (i + 1 < K * N ? numbers[i + 1] << 4 : 0));
    kerf_value *v = unfused_constant(g, s->type, shape, numbers);
    v = unfused_add(g, "Cast", &v, 1);
    CHECK_OK(kerf_node_set_int(v->producer, "to", ONNX_INT32));
    if (s->in_blocks)
        v = unfused_add(g, "Add",
                        (kerf_value *[]){v, unfused_constant(g, KERF_S32, KERF_SHAPE(N, 1), first)},
                        2);
    return unfused_add(g, "Gather", (kerf_value *[]){add_codebook(g, state, s), v}, 2);
}

static kerf_value *product(kerf_graph *g, kerf_state *state, const setup *s, kerf_value *x)
{
    float b[N];
    for (int i = 0; i < N; i++)
        b[i] = 0.3f * (float)(i - 10);
    kerf_value *w = weights(g, state, s);
    kerf_value *bias = s->has_bias ? unfused_constant(g, KERF_F32, KERF_SHAPE(N), b) : NULL;
    kerf_value *v = unfused_add(g, s->core, (kerf_value *[]){x, w, bias}, 3);
    if (s->is_turned)
        CHECK_OK(kerf_node_set_int(v->producer, "transB", 1));
    if (s->alpha)
        CHECK_OK(kerf_node_set_float(v->producer, "alpha", 0.5f));
    if (s->is_read)
        CHECK_OK(kerf_graph_add_output(g, w));
    return s->relu ? unfused_add(g, "Relu", &v, 1) : v;
}

static kerf_graph *graph_of(const setup *s, kerf_state *state)
{
    kerf_graph *g;
    kerf_value *x;
    const int rows = rows_of(s);
    CHECK_OK(kerf_graph_create(&g));
    CHECK_OK(kerf_graph_add_input(
        g, "x", KERF_F32, s->is_leading ? KERF_SHAPE(2, rows / 2, K) : KERF_SHAPE(rows, K), &x));
    CHECK_OK(kerf_graph_add_output(g, product(g, state, s, x)));
    return g;
}

/* ---- both ways ----------------------------------------------------------------------------- */

/* The entry that weight i takes. */
static int number_of(const setup *s, int i)
{
    const int most = s->most > 0 ? s->most : s->entries - 1;
    return i * 37 % (most + 1);
}

static void define(const setup *s, const float *x, const float *codebook, double *want)
{
    for (int r = 0; r < rows_of(s); r++)
        for (int j = 0; j < N; j++) {
            double sum = 0;
            for (int p = 0; p < K; p++)
                sum += (double)x[r * K + p] *
                       (double)codebook[number_of(s, s->is_turned ? j * K + p : p * N + j)];
            sum = (s->alpha ? 0.5 : 1) * sum + (s->has_bias ? (double)(0.3f * (float)(j - 10)) : 0);
            want[r * N + j] = s->relu && sum < 0 ? 0 : sum;
        }
}

static void check_run(kerf_plan *p, const setup *s, const float *x, const float *codebook)
{
    float got[MOST_ROWS * N] = {0};
    double want[MOST_ROWS * N];
    define(s, x, codebook, want);
    CHECK_OK(kerf_plan_run(p));
    CHECK_OK(kerf_tensor_read(kerf_plan_output(p, p->outputs.items[p->outputs.num - 1].name), got));
    check_close(s->core, got, want, (size_t)(rows_of(s) * N), check_tolerance(8, K));
}

static void check(setup s)
{
    float x[MOST_ROWS * K], codebook[256];
    kerf_plan *p;
    kerf_state *state;
    CHECK_OK(kerf_state_create(&state, dev));
    kerf_graph *g = graph_of(&s, state);
    op_check_fill(x, MOST_ROWS * K, 5);
    op_check_fill(codebook, 256, 3);
    CHECK_OK(kerf_plan_create(&p, g, state, &(kerf_plan_options){.batch = 1}));
    CHECK_OK(kerf_plan_verify(p));
    CHECK(unfused_count(p->graph, "kerf.MatMulCodes") == !s.stays);
    CHECK(unfused_count(p->graph, "Gather") == s.stays);
    CHECK((p->num_prepared > 0) == s.stays); /* nothing is made of the numbers */
    CHECK_OK(kerf_plan_feed(p, "x", x, (size_t)rows_of(&s) * K * sizeof *x));
    check_run(p, &s, x, codebook);
    op_check_fill(codebook, 256, 9); /* trained on */
    CHECK_OK(kerf_state_write(state, kerf_state_find(state, "codebook")->id, codebook));
    check_run(p, &s, x, codebook);
    kerf_plan_destroy(p);
    kerf_state_destroy(state);
    kerf_graph_destroy(g);
}

static void test_becomes_one(void)
{
    check((setup){.core = "MatMul", .type = KERF_U4, .entries = 16});
    check((setup){.core = "MatMul", .type = KERF_U4, .entries = 16, .rows = 4, .is_leading = 1});
    check((setup){.core = "MatMul", .type = KERF_U8, .entries = 256, .rows = 3, .relu = 1});
    check((setup){.core = "Gemm", .type = KERF_U4, .entries = 16, .is_turned = 1, .has_bias = 1});
    check((setup){.core = "Gemm",
                  .type = KERF_U4,
                  .entries = 5,
                  .rows = 8,
                  .is_turned = 1,
                  .has_bias = 1,
                  .relu = 1});
    check((setup){.core = "Gemm", .type = KERF_U8, .entries = 32, .most = 3, .has_bias = 1});
    check((setup){.core = "Gemm", .type = KERF_U8, .entries = 40, .rows = 5});
}

static void test_stays(void)
{
    check((setup){.core = "MatMul", .type = KERF_U4, .entries = 16, .rows = 17, .stays = 1});
    check((setup){.core = "MatMul", .type = KERF_U4, .entries = 16, .is_read = 1, .stays = 1});
    check((setup){.core = "Gemm", .type = KERF_U4, .entries = 16, .alpha = 1, .stays = 1});
    check((setup){.core = "Gemm",
                  .type = KERF_U4,
                  .entries = 16,
                  .is_turned = 1,
                  .in_blocks = 1,
                  .stays = 1});
}

int main(void)
{
    dev = check_open_device();
    test_becomes_one();
    test_stays();
    kerf_device_close(dev);
    return check_result();
}
