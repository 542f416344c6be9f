/* test_recompute.c -- a training within a bound of memory computes some results twice, and
 * leaves the same bits. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "op_check.h"
#include "plan/plan_internal.h"

enum { BATCH = 64, SIZE = 24, LAYERS = 24 };
static kerf_device *dev;

/* LAYERS times Gemm and Tanh; every second layer also adds its input. */
static void build(kerf_graph **g, kerf_state **s)
{
    float data[SIZE * SIZE];
    kerf_value *x, *w;
    CHECK_OK(kerf_graph_create(g));
    CHECK_OK(kerf_state_create(s, dev));
    CHECK_OK(
        kerf_graph_add_input(*g, "x", KERF_F32, KERF_SHAPE(kerf_graph_symbol(*g, "N"), SIZE), &x));
    for (int i = 0; i < LAYERS; i++) {
        char name[16];
        int id;
        kerf_node *n;
        kerf_value *in = x;
        snprintf(name, sizeof name, "w%d", i);
        op_check_fill(data, SIZE * SIZE, (unsigned)i + 1);
        CHECK_OK(
            kerf_state_add(*s, name, KERF_ROLE_WEIGHT, -1, KERF_F32, KERF_SHAPE(SIZE, SIZE), &id));
        CHECK_OK(kerf_state_write(*s, id, data));
        CHECK_OK(kerf_graph_add_state(*g, name, id, KERF_F32, KERF_SHAPE(SIZE, SIZE), &w));
        CHECK_OK(kerf_graph_add_node(*g, "Gemm", NULL, (kerf_value *[]){x, w}, 2, 1, &n));
        CHECK_OK(kerf_graph_add_node(*g, "Tanh", NULL, n->outputs, 1, 1, &n));
        if (i % 2 == 1)
            CHECK_OK(kerf_graph_add_node(*g, "Add", NULL, (kerf_value *[]){n->outputs[0], in}, 2, 1,
                                         &n));
        x = n->outputs[0];
    }
    CHECK_OK(kerf_graph_add_output(*g, x));
}

/* Trains three steps (one on a simulator); the weights come back in `weights`, all layers; the
 * plan's bytes. */
static size_t train(size_t memory_bytes, float *weights)
{
    static float x[BATCH * SIZE];
    int32_t labels[BATCH];
    kerf_graph *g;
    kerf_state *s;
    kerf_plan *p;
    const kerf_plan_options options = {.mode = KERF_TRAIN,
                                       .batch = BATCH,
                                       .loss = KERF_LOSS_CROSS_ENTROPY,
                                       .optimizer = {.momentum = 0.9f},
                                       .memory_bytes = memory_bytes};
    build(&g, &s);
    CHECK_OK(kerf_plan_create(&p, g, s, &options));
    if (p == NULL)
        return 0;
    CHECK_OK(kerf_plan_verify(p));
    op_check_fill(x, BATCH * SIZE, 77);
    for (int i = 0; i < BATCH; i++)
        labels[i] = i % SIZE;
    for (int step = 1; step <= (op_check_small() ? 1 : 3); step++) {
        CHECK_OK(kerf_plan_set_step(p, &(kerf_step){.lr = 0.1f, .step = step}));
        CHECK_OK(kerf_plan_feed(p, "x", x, sizeof x));
        CHECK_OK(kerf_plan_feed(p, "labels", labels, sizeof labels));
        CHECK_OK(kerf_plan_run(p));
        CHECK_OK(kerf_device_finish(dev));
    }
    for (int i = 0; i < LAYERS; i++)
        CHECK_OK(kerf_state_read(s, i, weights + i * SIZE * SIZE));
    const size_t bytes = kerf_plan_arena_bytes(p);
    kerf_plan_destroy(p);
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
    return bytes;
}

/* Weights and moments, which are there whatever the plan does. */
static const size_t STATE_BYTES = 2 * LAYERS * SIZE * SIZE * sizeof(float) + 4 * sizeof(float);

static void test_same_bits_in_less(void)
{
    static float free_run[LAYERS * SIZE * SIZE], bound_run[LAYERS * SIZE * SIZE];
    const size_t all = train(0, free_run);
    for (int percent = 90; percent >= 60; percent -= 15) {
        const size_t bound = STATE_BYTES + all * (size_t)percent / 100;
        const size_t bytes = train(bound, bound_run);
        CHECK(bytes > 0 && bytes + STATE_BYTES <= bound);
        CHECK(memcmp(free_run, bound_run, sizeof free_run) == 0);
    }
}

static void test_what_cannot_fit(void)
{
    kerf_graph *g;
    kerf_state *s;
    kerf_plan *p;
    build(&g, &s);
    CHECK_STATUS(KERF_ERR_MEMORY,
                 kerf_plan_create(&p, g, s,
                                  &(kerf_plan_options){.mode = KERF_TRAIN,
                                                       .batch = BATCH,
                                                       .loss = KERF_LOSS_CROSS_ENTROPY,
                                                       .memory_bytes = 1000}));
    CHECK(p == NULL && strstr(kerf_last_error(), "plan: needs at least ") != NULL &&
          strstr(kerf_last_error(), "must fit in 1000 bytes; the largest is ") != NULL);
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
}

/* Plans on a device with so much memory (0: as it is), none of which is run: the bytes of one that
 * trains, and what is said of one for too many samples. */
static size_t plan_on(const char *limits, char *message, size_t message_bytes)
{
    kerf_graph *g;
    kerf_state *s;
    kerf_plan *p;
    kerf_device *whole = dev;
    const char *before = getenv("KERF_TEST_LIMITS");
    char kept[64];
    snprintf(kept, sizeof kept, "%s", before != NULL ? before : "0");
    setenv("KERF_TEST_LIMITS", limits, 1);
    CHECK_OK(kerf_device_open(&dev, NULL));
    setenv("KERF_TEST_LIMITS", kept, 1);
    build(&g, &s);
    kerf_plan_options options = {.batch = 100 * BATCH};
    message[0] = '\0';
    if (kerf_plan_create(&p, g, s, &options) != KERF_OK)
        snprintf(message, message_bytes, "%s", kerf_last_error());
    kerf_plan_destroy(p);
    options = (kerf_plan_options){.mode = KERF_TRAIN,
                                  .batch = BATCH,
                                  .loss = KERF_LOSS_CROSS_ENTROPY,
                                  .optimizer = {.momentum = 0.9f}};
    CHECK_OK(kerf_plan_create(&p, g, s, &options));
    const size_t bytes = p != NULL ? kerf_plan_arena_bytes(p) : 0;
    kerf_plan_destroy(p);
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
    kerf_device_close(dev);
    dev = whole;
    return bytes;
}

/* Without a bound the device's own end counts, and is told before anything is asked of it. */
static void test_small_device(void)
{
    char limits[64], message[512];
    const size_t all = plan_on("0", message, sizeof message);
    CHECK(message[0] == '\0');
    snprintf(limits, sizeof limits, "0,0,%zu", STATE_BYTES + all * 8 / 10);
    const size_t less = plan_on(limits, message, sizeof message);
    CHECK(less > 0 && less <= all * 8 / 10);
    CHECK(strstr(message, "plan: needs at least ") != NULL &&
          strstr(message, "; the largest is 'x' (6400, 24), 600.0 KiB; a smaller batch needs "
                          "less") != NULL);
}

int main(void)
{
    dev = check_open_device();
    test_same_bits_in_less();
    test_what_cannot_fit();
    test_small_device();
    kerf_device_close(dev);
    return check_result();
}
