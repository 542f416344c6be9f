/* test_pieces.c -- a bound on how long a launch may take: many pieces, and the same bits. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "device/launch.h"
#include "kerf/nets.h"
#include "op_check.h"
#include "plan/plan_internal.h"

enum { BATCH = 3, SIDE = 16, MOST = 20000 };
static kerf_device *dev;

static size_t count_pieces(const kerf_plan *p)
{
    size_t num = 0;
    for (size_t i = 0; i < p->steps.num; i++)
        num += kerf__launch_num_pieces(p->steps.launches[i]);
    return num;
}

/* A step or two of a network with convolutions, pooling and Gemm; all its weights come back, and
 * how many launches and pieces of them a step has. */
static size_t train(double max_launch_ms, float *weights, size_t *launches, size_t *pieces)
{
    static float x[BATCH * SIDE * SIDE];
    const int32_t labels[BATCH] = {0, 1, 2};
    const kerf_net_options net = {.classes = 3, .input = {1, SIDE, SIDE}, .width = 0.2, .seed = 1};
    kerf_graph *g;
    kerf_state *s;
    kerf_plan *p;
    size_t num = 0;
    kerf_device_set_max_launch(dev, max_launch_ms);
    CHECK_OK(kerf_net_create(&g, &s, "lenet-5-classic", &net, dev));
    CHECK_OK(kerf_plan_create(&p, g, s,
                              &(kerf_plan_options){.mode = KERF_TRAIN,
                                                   .batch = BATCH,
                                                   .loss = KERF_LOSS_CROSS_ENTROPY,
                                                   .optimizer = {.momentum = 0.9f}}));
    if (p == NULL)
        exit(check_result());
    op_check_fill(x, BATCH * SIDE * SIDE, 7);
    const int num_steps = getenv("KERF_TEST_SMALL") != NULL ? 1 : 2;
    for (int step = 1; step <= num_steps; step++) {
        CHECK_OK(kerf_plan_set_step(p, &(kerf_step){.lr = 0.1f, .step = step}));
        CHECK_OK(kerf_plan_feed(p, "input", x, sizeof x));
        CHECK_OK(kerf_plan_feed(p, "labels", labels, sizeof labels));
        CHECK_OK(kerf_plan_run(p));
        CHECK_OK(kerf_device_finish(dev));
    }
    for (int id = 0; id < kerf_state_num_ids(s); id++) {
        const kerf_state_entry *entry = kerf_state_get(s, id);
        if (entry->role != KERF_ROLE_WEIGHT)
            continue;
        CHECK(num + kerf_tensor_num_elements(entry->tensor) <= MOST);
        CHECK_OK(kerf_state_read(s, id, weights + num));
        num += kerf_tensor_num_elements(entry->tensor);
    }
    *launches = p->steps.num;
    *pieces = count_pieces(p);
    kerf_plan_destroy(p);
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
    return num;
}

int main(void)
{
    static float whole[MOST], pieced[MOST];
    size_t launches, pieces, more;
    dev = check_open_device();
    /* In pieces first: a part that was left out must not find there what the whole had made. */
    const size_t num = train(1e-9, pieced, &launches, &more);
    printf("%zu launches in %zu pieces\n", launches, more);
    CHECK(num > 0 && more > 2 * launches);
    CHECK(train(0, whole, &launches, &pieces) == num);
    CHECK(pieces == launches);
    CHECK(memcmp(whole, pieced, num * sizeof *whole) == 0);
    /* What is sure to be short stays whole. */
    CHECK(train(1e6, pieced, &launches, &pieces) == num);
    CHECK(pieces == launches);
    kerf_device_close(dev);
    return check_result();
}
