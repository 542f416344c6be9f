/* test_layout.c -- values lie in blocks only where all kernels for blocks fit. */
#include <string.h>

#include "op_check.h"
#include "plan/plan_internal.h"

enum {
    CHANNELS = 64,
    SIZE = 8,
    NUM = CHANNELS * SIZE * SIZE,
    NUM_WEIGHTS = CHANNELS * CHANNELS * 9
};

static float x[NUM], weights[NUM_WEIGHTS];

/* A convolution that Winograd's method pays for. */
static void build(kerf_graph **g, kerf_state **s, kerf_device *dev)
{
    kerf_value *in[2];
    kerf_node *conv;
    int id;
    const kerf_shape shape = KERF_SHAPE(CHANNELS, CHANNELS, 3, 3);
    CHECK_OK(kerf_graph_create(g));
    CHECK_OK(kerf_state_create(s, dev));
    CHECK_OK(kerf_graph_add_input(*g, "x", KERF_F32, KERF_SHAPE(1, CHANNELS, SIZE, SIZE), &in[0]));
    CHECK_OK(kerf_state_add(*s, "w", KERF_ROLE_WEIGHT, -1, KERF_F32, shape, &id));
    CHECK_OK(kerf_state_write(*s, id, weights));
    CHECK_OK(kerf_graph_add_state(*g, "w", id, KERF_F32, shape, &in[1]));
    CHECK_OK(kerf_graph_add_node(*g, "Conv", "y", in, 2, 1, &conv));
    CHECK_OK(kerf_node_set_ints(conv, "pads", (int64_t[]){1, 1, 1, 1}, 4));
    CHECK_OK(kerf_graph_add_output(*g, conv->outputs[0]));
}

/* What a device with such limits computes, and whether in blocks. */
static int run_on(const char *limits, float *y)
{
    kerf_graph *g;
    kerf_state *s;
    kerf_plan *p;
    kerf_device *dev;
    int num_reorders = 0;
    const char *before = getenv("KERF_TEST_LIMITS");
    char kept[64];
    snprintf(kept, sizeof kept, "%s", before != NULL ? before : "0");
    setenv("KERF_TEST_LIMITS", limits != NULL ? limits : kept, 1);
    CHECK_OK(kerf_device_open(&dev, NULL));
    setenv("KERF_TEST_LIMITS", kept, 1);
    build(&g, &s, dev);
    CHECK_OK(kerf_plan_create(&p, g, s, &(kerf_plan_options){.batch = 1}));
    for (size_t i = 0; p != NULL && i < p->num_nodes; i++)
        num_reorders += strcmp(p->graph->nodes[i]->op, "kerf.Reorder") == 0;
    if (p != NULL) {
        CHECK_OK(kerf_plan_feed(p, "x", x, sizeof x));
        CHECK_OK(kerf_plan_run(p));
        CHECK_OK(kerf_tensor_read(kerf_plan_output(p, "y"), y));
    }
    kerf_plan_destroy(p);
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
    kerf_device_close(dev);
    return num_reorders > 0;
}

/* Half of the local memory that OpenCL promises. */
static void test_little_local_memory(void)
{
    static float whole[NUM], little[NUM];
    (void)run_on(NULL, whole);
    CHECK(!run_on("64,16384", little));
    float most = 0;
    for (int i = 0; i < NUM; i++)
        most = fmaxf(most, fabsf(whole[i] - little[i]));
    CHECK(most <= 1e-4f);
}

int main(void)
{
    kerf_device *dev = check_open_device();
    kerf_device_close(dev);
    op_check_fill(x, NUM, 1);
    op_check_fill(weights, NUM_WEIGHTS, 2);
    for (int i = 0; i < NUM_WEIGHTS; i++)
        weights[i] /= 16;
    test_little_local_memory();
    return check_result();
}
