/* op_bench.h -- times one node beside the device's limit.
 *
 *     static void run(op_bench *b, int64_t m, int64_t k)
 *     {
 *         op_bench_begin(b);
 *         op_bench_random(b, KERF_SHAPE(m, k));
 *         op_check_node(&b->c, "Softmax", 1);
 *         op_bench_end(b, ref_softmax, check_tolerance(8, (size_t)k), "");
 *     }
 *     static void run_all(op_bench *b) { run(b, 128, 10); run(b, 8192, 1024); }
 *     int main(void) { return op_bench_main(run_all); }
 *
 * A case is made with the harness of the tests and compared with the reference first: a
 * wrong kernel has no speed.  Every variant that fits is timed in turns with the limit,
 * copying, reading or multiplying and adding; its share is the median of 15 pairs, with its
 * interval. */
#ifndef KERF_OP_BENCH_H
#define KERF_OP_BENCH_H

#include "../../tests/op_check.h"
#include "limits/limits.h"

typedef struct op_bench {
    op_check c; /* the case, between begin and end */
    kerf_device *dev;
    limits limit;
} op_bench;

enum { OP_BENCH_BYTES = 64 << 20, OP_BENCH_OPERATIONS = 1 << 29, OP_BENCH_ROUNDS = 15 };

typedef struct op_bench_times {
    double ms[OP_BENCH_ROUNDS], percent[OP_BENCH_ROUNDS]; /* of the limit beside it; sorted */
} op_bench_times;

static inline kerf_status op_bench_steps(void *context)
{
    const kerf__steps *steps = context;
    return kerf__steps_enqueue(steps, 0, steps->num);
}

/* Rounds of the limit and the case in turns; units are bytes, or operations where the limit is
 * multiply-adds. */
static inline void op_bench_rounds(op_bench_times *t, kerf__steps *steps, double units,
                                   const limits *limit)
{
    kerf_device *dev = limit->dev;
    bench_sample_ms(dev, op_bench_steps, steps, 1); /* the first compiles */
    const int calls = bench_calls(bench_sample_ms(dev, op_bench_steps, steps, 2));
    limits_rate(limit);
    for (int i = 0; i < OP_BENCH_ROUNDS; i++) {
        const double best = limits_rate(limit);
        t->ms[i] = bench_sample_ms(dev, op_bench_steps, steps, calls);
        t->percent[i] = 100e-6 * units / t->ms[i] / best;
    }
    qsort(t->ms, OP_BENCH_ROUNDS, sizeof *t->ms, bench_order);
    qsort(t->percent, OP_BENCH_ROUNDS, sizeof *t->percent, bench_order);
}

/* Times the case as its option computes it. */
static inline void op_bench_option(kerf__op_case c, const char *text, double units,
                                   const limits *limit)
{
    op_bench_times t;
    kerf__steps steps = {0};
    const size_t scratch_bytes = kerf__case_scratch(&c);
    char *name = kerf__option_name(c.option);
    c.steps = &steps;
    if (scratch_bytes > 0)
        bench_ok(kerf__buffer_create(&c.scratch, c.dev, scratch_bytes));
    bench_ok(c.option.variant->build(&c));
    op_bench_rounds(&t, &steps, units, limit);
    /* The 4th and the 12th of 15 enclose the median 19 times in 20. */
    printf("%s,%s,%s,%s,%.4f,%.4f,%.1f,%.0f,%.0f,%.0f\n", c.node->op, text, name,
           kerf_device_name(c.dev), t.ms[0], t.ms[7], 1e-6 * units / t.ms[0], t.percent[7],
           t.percent[3], t.percent[11]);
    fflush(stdout);
    kerf__steps_clear(&steps);
    kerf__buffer_destroy(c.scratch);
    free(name);
}

/* Times every option of the case; counted are all inputs and outputs once, or multiply-adds. */
static inline void op_bench_case(op_check *c, const char *text, const limits *limit)
{
    kerf_tensor *inputs[OP_CHECK_MAX] = {0}, *outputs[OP_CHECK_MAX] = {0};
    double bytes = 0;
    for (int i = 0; i < c->num_inputs; i++)
        if (c->inputs[i] != NULL) {
            bench_ok(
                kerf_tensor_create(&inputs[i], c->dev, c->inputs[i]->type, c->inputs[i]->shape));
            bench_ok(kerf_tensor_write(inputs[i], c->data[i]));
            bytes += (double)inputs[i]->size_bytes;
        }
    for (int i = 0; i < c->node->num_outputs; i++) {
        const kerf_value *v = c->node->outputs[i];
        bench_ok(kerf_tensor_create(&outputs[i], c->dev, v->type, v->shape));
        bytes += (double)outputs[i]->size_bytes;
    }
    kerf__op_case k = {.dev = c->dev, .node = c->node, .inputs = inputs, .outputs = outputs};
    const double units =
        limit->kind == LIMITS_MULTIPLY_ADD ? 2 * kerf__op_find(c->node->op)->macs(c->node) : bytes;
    for (int i = 0; kerf__option_at(&k, i, &k.option); i++)
        op_bench_option(k, text, units, limit);
    for (int i = 0; i < c->num_inputs; i++)
        kerf_tensor_destroy(inputs[i]);
    for (int i = 0; i < c->node->num_outputs; i++)
        kerf_tensor_destroy(outputs[i]);
}

/* ---- a case ------------------------------------------------------------------------------ */

static inline void op_bench_begin(op_bench *b)
{
    op_check_begin(&b->c, b->dev);
}

/* Inputs: floats in [-1, 1), in [0, 1), labels of class 0, a mask with `ones` in ten. */
static inline void op_bench_random(op_bench *b, kerf_shape shape)
{
    const size_t num = (size_t)kerf_shape_num_elements(shape);
    float *x = malloc(num * sizeof *x);
    op_check_fill(x, num, (unsigned)b->c.num_inputs + 1);
    op_check_input(&b->c, KERF_F32, shape, x);
    free(x);
}

static inline void op_bench_positive(op_bench *b, kerf_shape shape)
{
    const size_t num = (size_t)kerf_shape_num_elements(shape);
    float *x = malloc(num * sizeof *x);
    op_check_fill(x, num, (unsigned)b->c.num_inputs + 1);
    for (size_t i = 0; i < num; i++)
        x[i] = fabsf(x[i]);
    op_check_input(&b->c, KERF_F32, shape, x);
    free(x);
}

static inline void op_bench_labels(op_bench *b, int64_t num)
{
    int32_t *labels = calloc((size_t)num, sizeof *labels);
    op_check_input(&b->c, KERF_S32, KERF_SHAPE(num), labels);
    free(labels);
}

static inline void op_bench_mask(op_bench *b, kerf_shape shape, int ones)
{
    const size_t num = (size_t)kerf_shape_num_elements(shape);
    unsigned char *mask = malloc(num);
    for (size_t i = 0; i < num; i++)
        mask[i] = (int)(i % 10) < ones;
    op_check_input(&b->c, KERF_BOOL, shape, mask);
    free(mask);
}

/* "8x1024x1024 1024x1", the shapes of what has more than a few elements, and a note. */
static inline void op_bench_name(const op_check *c, const char *note, char *text, size_t bytes)
{
    size_t length = 0;
    text[0] = '\0';
    for (int i = 0; i < c->num_inputs && i < 4; i++) {
        const kerf_shape shape = c->inputs[i] != NULL ? c->inputs[i]->shape : KERF_SCALAR;
        for (int d = 0; d < shape.rank && length < bytes; d++)
            length += (size_t)snprintf(text + length, bytes - length, "%s%lld",
                                       d > 0        ? "x"
                                       : length > 0 ? " "
                                                    : "",
                                       (long long)shape.dims[d]);
    }
    if (note[0] != '\0' && length < bytes)
        snprintf(text + length, bytes - length, " %s", note);
}

/* Compares every variant with the reference, times each, and takes the case down. */
static inline void op_bench_end(op_bench *b, op_reference reference, double tolerance,
                                const char *note)
{
    char text[128];
    op_bench_name(&b->c, note, text, sizeof text);
    op_check_variants(&b->c, reference, tolerance);
    op_bench_case(&b->c, text, &b->limit);
    op_check_end(&b->c);
}

/* ---- the program ------------------------------------------------------------------------- */

static inline int op_bench_main_beside(limits_kind kind, void (*run_all)(op_bench *b))
{
    static const struct {
        double units;
        const char *rate, *name;
    } KINDS[] = {
        [LIMITS_COPY] = {2.0 * OP_BENCH_BYTES, "gb_per_s", "copy"},
        [LIMITS_READ] = {OP_BENCH_BYTES, "gb_per_s", "read"},
        [LIMITS_MULTIPLY_ADD] = {OP_BENCH_OPERATIONS, "gflops", "multiply_add"},
    };
    op_bench b = {.dev = check_open_device()};
    limits_open(&b.limit, b.dev, kind, KINDS[kind].units);
    printf("op,case,variant,device,min_ms,median_ms,%s,percent_of_%s,low,high\n", KINDS[kind].rate,
           KINDS[kind].name);
    run_all(&b);
    limits_close(&b.limit);
    kerf_device_close(b.dev);
    return check_result();
}

static inline int op_bench_main(void (*run_all)(op_bench *b))
{
    return op_bench_main_beside(LIMITS_COPY, run_all);
}

#endif
