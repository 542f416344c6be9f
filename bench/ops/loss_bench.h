/* loss_bench.h -- a loss of logits and labels beside a plain copy, for few and many classes. */
#ifndef KERF_LOSS_BENCH_H
#define KERF_LOSS_BENCH_H

#include "op_bench.h"

static inline void loss_bench_run(op_bench *b, const char *op, int num_outputs,
                                  op_reference reference)
{
    static const int64_t SIZES[][2] = {{128, 10}, {256, 1000}};
    for (size_t i = 0; i < sizeof SIZES / sizeof SIZES[0]; i++) {
        const int64_t m = SIZES[i][0], k = SIZES[i][1];
        op_bench_begin(b);
        op_bench_random(b, KERF_SHAPE(m, k));
        op_bench_labels(b, m);
        op_check_node(&b->c, op, num_outputs);
        op_bench_end(b, reference, check_tolerance(8, (size_t)(m * k)), "");
    }
}

#endif
