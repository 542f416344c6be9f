/* test_run_samples.c -- many samples through one plan, or two: results in their order, with the
 * bits of runs by hand; and what cannot be cut. */
#include <string.h>

#include "check.h"
#include "kerf/nets.h"
#include "kerf/plan.h"
#include "op_check.h"

enum { BATCH = 4, NUM = 22, SIDE = 8, PIXELS = SIDE * SIDE, CLASSES = 3 };

typedef struct network {
    kerf_device *dev;
    kerf_graph *g;
    kerf_state *s;
    kerf_plan *p;
} network;

static network make(void)
{
    const kerf_net_options net = {
        .classes = CLASSES, .input = {1, SIDE, SIDE}, .width = 0.1, .seed = 1};
    network n = {.dev = check_open_device()};
    CHECK_OK(kerf_net_create(&n.g, &n.s, "lenet-300-100", &net, n.dev));
    CHECK_OK(kerf_plan_create(&n.p, n.g, n.s,
                              &(kerf_plan_options){.mode = KERF_EVALUATE, .batch = BATCH}));
    return n;
}

static void unmake(network n)
{
    kerf_plan_destroy(n.p);
    kerf_state_destroy(n.s);
    kerf_graph_destroy(n.g);
    kerf_device_close(n.dev);
}

static const char *input_of(const network *n)
{
    return kerf_value_name(kerf_graph_input(n->g, 0));
}

static const char *output_of(const network *n)
{
    return kerf_value_name(kerf_graph_output(n->g, 0));
}

/* The definition: batch by batch, zeros behind the last sample. */
static void run_by_hand(const network *n, const float *x, float *y)
{
    float in[BATCH * PIXELS], out[BATCH * CLASSES];
    for (size_t first = 0; first < NUM; first += BATCH) {
        const size_t num = NUM - first < BATCH ? NUM - first : BATCH;
        memset(in, 0, sizeof in);
        memcpy(in, x + first * PIXELS, num * PIXELS * sizeof *x);
        CHECK_OK(kerf_tensor_write(kerf_plan_input(n->p, input_of(n)), in));
        CHECK_OK(kerf_plan_run(n->p));
        CHECK_OK(kerf_tensor_read(kerf_plan_output(n->p, output_of(n)), out));
        memcpy(y + first * CLASSES, out, num * CLASSES * sizeof *y);
    }
}

int main(void)
{
    static float want[NUM * CLASSES];
    network one = make(), two = make();
    kerf_plan *plans[] = {one.p, two.p};
    int64_t taken[2];
    kerf_tensor *x, *y;
    CHECK_OK(kerf_tensor_create(&x, NULL, KERF_F32, (kerf_shape){4, {NUM, 1, SIDE, SIDE}}));
    CHECK_OK(kerf_tensor_create(&y, NULL, KERF_F32, (kerf_shape){2, {NUM, CLASSES}}));
    op_check_fill(kerf_tensor_data(x), NUM * PIXELS, 7);
    run_by_hand(&one, kerf_tensor_data(x), want);

    const kerf_named_tensor in = {input_of(&one), x}, out = {output_of(&one), y};
    kerf_sample_run run = {&in, &out, 1, 1, NUM, BATCH};
    const size_t most_plans = check_takes_threads(one.dev) ? 2 : 1;
    for (size_t num_plans = 1; num_plans <= most_plans; num_plans++) {
        memset(kerf_tensor_data(y), 0xff, sizeof want);
        taken[1] = 0;
        CHECK_OK(kerf_plan_run_samples(plans, num_plans, &run, taken));
        CHECK(memcmp(kerf_tensor_data(y), want, sizeof want) == 0);
        CHECK(taken[0] + taken[1] == NUM);
    }

    /* What the plans were not made for. */
    run.batch = BATCH + 1;
    CHECK_STATUS(KERF_ERR_SHAPE, kerf_plan_run_samples(plans, 2, &run, taken));
    CHECK(strstr(kerf_last_error(), "must have samples first, or all of them in one run") != NULL);
    run.batch = 0;
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_plan_run_samples(plans, 2, &run, taken));
    CHECK(strstr(kerf_last_error(), "run: 2 plans, 22 samples, batch 0: must be 1 at least") !=
          NULL);
    run.batch = BATCH;
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_plan_run_samples(plans, 0, &run, taken));
    CHECK(strstr(kerf_last_error(), "run: 0 plans") != NULL);

    kerf_tensor_destroy(x);
    kerf_tensor_destroy(y);
    unmake(one);
    unmake(two);
    return check_result();
}
