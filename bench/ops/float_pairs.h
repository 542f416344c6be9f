/* float_pairs.h -- a product by weights of few bits in turns with the product of the same sizes by
 * floats, transposed as a Gemm has them:
 *
 *     float_pairs_begin(&floats, b, m, k, n);
 *     float_pairs_print(b, &b->c, &floats);       "# times_float 4.71 (4.60 to 4.83), 0.31 ms"
 *     op_check_end(&floats); */
#ifndef KERF_BENCH_FLOAT_PAIRS_H
#define KERF_BENCH_FLOAT_PAIRS_H

#include "op_bench.h"

/* A case on the device with its launches. */
typedef struct float_pairs_case {
    kerf_tensor *inputs[OP_CHECK_MAX], *output;
    kerf__buffer *scratch;
    kerf__steps steps;
} float_pairs_case;

static inline kerf__option float_pairs_guess(kerf__op_case *c)
{
    kerf__option best = {0};
    double least = INFINITY;
    for (int i = 0; kerf__option_at(c, i, &c->option); i++)
        if (c->option.variant->guess(c) < least) {
            least = c->option.variant->guess(c);
            best = c->option;
        }
    return best;
}

static inline void float_pairs_start(float_pairs_case *r, const op_check *c)
{
    const kerf_value *v = c->node->outputs[0];
    *r = (float_pairs_case){0};
    for (int i = 0; i < c->num_inputs; i++) {
        bench_ok(
            kerf_tensor_create(&r->inputs[i], c->dev, c->inputs[i]->type, c->inputs[i]->shape));
        bench_ok(kerf_tensor_write(r->inputs[i], c->data[i]));
    }
    bench_ok(kerf_tensor_create(&r->output, c->dev, v->type, v->shape));
    kerf__op_case k = {.dev = c->dev, .node = c->node, .inputs = r->inputs, .outputs = &r->output};
    k.option = float_pairs_guess(&k);
    if (kerf__case_scratch(&k) > 0)
        bench_ok(kerf__buffer_create(&r->scratch, c->dev, kerf__case_scratch(&k)));
    k.scratch = r->scratch;
    k.steps = &r->steps;
    bench_ok(k.option.variant->build(&k));
}

static inline void float_pairs_stop(float_pairs_case *r)
{
    kerf__steps_clear(&r->steps);
    kerf__buffer_destroy(r->scratch);
    for (int i = 0; i < OP_CHECK_MAX; i++)
        kerf_tensor_destroy(r->inputs[i]);
    kerf_tensor_destroy(r->output);
}

static inline void float_pairs_print(op_bench *b, const op_check *own_case, const op_check *floats)
{
    double ratio[OP_BENCH_ROUNDS], own[OP_BENCH_ROUNDS];
    float_pairs_case r, f;
    float_pairs_start(&r, own_case);
    float_pairs_start(&f, floats);
    bench_sample_ms(b->dev, op_bench_steps, &r.steps, 1);
    bench_sample_ms(b->dev, op_bench_steps, &f.steps, 1);
    const int calls = bench_calls(bench_sample_ms(b->dev, op_bench_steps, &f.steps, 2));
    for (int i = 0; i < OP_BENCH_ROUNDS; i++) {
        own[i] = bench_sample_ms(b->dev, op_bench_steps, &r.steps, calls);
        ratio[i] = bench_sample_ms(b->dev, op_bench_steps, &f.steps, calls) / own[i];
    }
    qsort(own, OP_BENCH_ROUNDS, sizeof *own, bench_order);
    qsort(ratio, OP_BENCH_ROUNDS, sizeof *ratio, bench_order);
    printf("# times_float %.2f (%.2f to %.2f), %.4f ms\n", ratio[7], ratio[3], ratio[11], own[7]);
    float_pairs_stop(&r);
    float_pairs_stop(&f);
}

static inline void float_pairs_begin(op_check *c, op_bench *b, int64_t m, int64_t k, int64_t n)
{
    const size_t num = (size_t)(k * (m > n ? m : n));
    float *x = malloc(num * sizeof *x);
    op_check_fill(x, num, 1);
    op_check_begin(c, b->dev);
    op_check_input(c, KERF_F32, KERF_SHAPE(m, k), x);
    op_check_input(c, KERF_F32, KERF_SHAPE(n, k), x);
    op_check_node(c, "Gemm", 1);
    bench_ok(kerf_node_set_int(c->node, "transB", 1));
    bench_ok(kerf__node_infer(c->node));
    free(x);
}

#endif
