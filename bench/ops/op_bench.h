/* op_bench.h -- times one node beside a plain copy.
 *
 * A case is made with the harness of the tests and compared with the reference first: a
 * wrong kernel has no speed.  Every variant that fits is timed; share is that of the copy
 * bandwidth measured on the same device. */
#ifndef KERF_OP_BENCH_H
#define KERF_OP_BENCH_H

#include "../../tests/op_check.h"
#include "bench.h"

typedef struct op_bench_pair {
    kerf_tensor *src, *dst;
    const kerf__steps *steps;
} op_bench_pair;

static inline kerf_status op_bench_copy(void *context)
{
    op_bench_pair *p = context;
    return kerf_tensor_copy(p->src, p->dst);
}

static inline kerf_status op_bench_steps(void *context)
{
    op_bench_pair *p = context;
    return kerf__steps_enqueue(p->steps, 0, p->steps->num);
}

/* GB/s of a copy of 64 MiB: the fastest of the driver's own now and of what
 * kerf_device_measure found on this device. */
static inline double op_bench_copy_gbps(kerf_device *dev)
{
    enum { NUM = 1 << 24 };
    kerf_device_peaks peaks;
    op_bench_pair p = {0};
    bench_ok(kerf_device_measure(dev, &peaks));
    bench_ok(kerf_tensor_create(&p.src, dev, KERF_F32, KERF_SHAPE(NUM)));
    bench_ok(kerf_tensor_create(&p.dst, dev, KERF_F32, KERF_SHAPE(NUM)));
    const double gbps = 8e-6 * NUM / bench_measure(dev, op_bench_copy, &p).min_ms;
    kerf_tensor_destroy(p.src);
    kerf_tensor_destroy(p.dst);
    return fmax(gbps, peaks.copy_gbps);
}

/* Times the case as its option computes it. */
static inline void op_bench_option(kerf__op_case c, const char *text, double bytes,
                                   double copy_gbps)
{
    kerf__steps steps = {0};
    const size_t scratch_bytes = kerf__case_scratch(&c);
    char *name = kerf__option_name(c.option);
    c.steps = &steps;
    if (scratch_bytes > 0)
        bench_ok(kerf__buffer_create(&c.scratch, c.dev, scratch_bytes));
    bench_ok(c.option.variant->build(&c));
    op_bench_pair p = {.steps = &steps};
    const bench_time t = bench_measure(c.dev, op_bench_steps, &p);
    printf("%s,%s,%s,%s,%.4f,%.4f,%.1f,%.0f\n", c.node->op, text, name, kerf_device_name(c.dev),
           t.min_ms, t.median_ms, 1e-6 * bytes / t.min_ms, 100e-6 * bytes / t.min_ms / copy_gbps);
    kerf__steps_clear(&steps);
    kerf__buffer_destroy(c.scratch);
    free(name);
}

/* Times every option of the case; bytes 0: all inputs and outputs once. */
static inline void op_bench_case(op_check *c, const char *text, double bytes, double copy_gbps)
{
    kerf_tensor *inputs[OP_CHECK_MAX] = {0}, *outputs[OP_CHECK_MAX] = {0};
    double all_bytes = 0;
    for (int i = 0; i < c->num_inputs; i++)
        if (c->inputs[i] != NULL) {
            bench_ok(
                kerf_tensor_create(&inputs[i], c->dev, c->inputs[i]->type, c->inputs[i]->shape));
            bench_ok(kerf_tensor_write(inputs[i], c->data[i]));
            all_bytes += (double)inputs[i]->size_bytes;
        }
    for (int i = 0; i < c->node->num_outputs; i++) {
        const kerf_value *v = c->node->outputs[i];
        bench_ok(kerf_tensor_create(&outputs[i], c->dev, v->type, v->shape));
        all_bytes += (double)outputs[i]->size_bytes;
    }
    bytes = bytes > 0 ? bytes : all_bytes;
    kerf__op_case k = {.dev = c->dev, .node = c->node, .inputs = inputs, .outputs = outputs};
    for (int i = 0; kerf__option_at(&k, i, &k.option); i++)
        op_bench_option(k, text, bytes, copy_gbps);
    for (int i = 0; i < c->num_inputs; i++)
        kerf_tensor_destroy(inputs[i]);
    for (int i = 0; i < c->node->num_outputs; i++)
        kerf_tensor_destroy(outputs[i]);
}

static inline void op_bench_header(double copy_gbps)
{
    printf("# copy %.1f GB/s\nop,case,variant,device,min_ms,median_ms,gb_per_s,percent_of_copy\n",
           copy_gbps);
}

#endif
