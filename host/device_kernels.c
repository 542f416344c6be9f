/* device_kernels.c -- which kernel variant a plan uses on a device for the operations that matter:
 * cases of `kerf bench` are planned and run once, and the plan is asked.  A driver may refuse a
 * kernel as late as at its launch, and a program that never ran is not kept for the next time. */
#include <stdio.h>

#include "bench_node.h"
#include "devices.h"

/* A large product and a layer at a small batch; then tensors of 4 MiB. */
static const struct {
    const char *family, *line;
} CASES[NUM_DEVICE_CASES] = {
    {"gemm", "m=512 n=512 k=512 f32"},    {"gemm", "m=64 n=300 k=784 f32"},
    {"elementwise", "Relu 1048576 f32"},  {"reduce", "ReduceSum 1048576 f32"},
    {"softmax", "Softmax 1024x1024 f32"}, {"mask", "kerf.Mask 1048576 f32"},
};

const char *device_case_name(size_t i)
{
    return CASES[i].line;
}

static kerf_status find_kernel(kerf_device *dev, size_t i, char *name, size_t name_bytes)
{
    bench_case c;
    kerf_graph *g;
    kerf_state *s;
    kerf_plan *p = NULL;
    kerf_plan_options plan_options = {.mode = KERF_EVALUATE, .batch = 1};
    case_read(&c, case_family_find(CASES[i].family), CASES[i].line);
    kerf_status status = case_graph(&c, dev, &g, &s);
    if (status == KERF_OK)
        status = kerf_plan_create(&p, g, s, &plan_options);
    if (status == KERF_OK)
        status = kerf_plan_run(p);
    if (status == KERF_OK)
        status = kerf_device_finish(dev);
    if (status == KERF_OK)
        snprintf(name, name_bytes, "%s", main_variant(p));
    kerf_plan_destroy(p);
    kerf_state_destroy(s);
    kerf_graph_destroy(g);
    return status;
}

kerf_status find_kernels(kerf_device *dev, device_facts *facts)
{
    kerf_status status = KERF_OK;
    for (size_t i = 0; i < NUM_DEVICE_CASES && status == KERF_OK; i++)
        status = find_kernel(dev, i, facts->kernels[i], sizeof facts->kernels[i]);
    return status;
}
