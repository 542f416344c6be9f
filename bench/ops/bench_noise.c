/* bench_noise.c -- random numbers beside a plain copy: as many as a linear layer has weights. */
#include "op_bench.h"
#include "ref/ref.h"

static void run(op_bench *b, kerf_shape like, const char *value)
{
    op_bench_begin(b);
    op_bench_random(b, like);
    op_bench_positive(b, KERF_SHAPE(KERF__STEP_FLOATS));
    op_check_node(&b->c, "kerf.Noise", 1);
    CHECK_OK(kerf_node_set_ints(b->c.node, "key", (int64_t[]){1, 2}, 2));
    CHECK_OK(kerf_node_set_string(b->c.node, "value", value));
    op_bench_end(b, ref_noise, check_tolerance(8, 16), value);
}

static void run_all(op_bench *b)
{
    run(b, KERF_SHAPE(300, 784), "logistic");
    run(b, KERF_SHAPE(300, 784), "normal");
}

int main(void)
{
    return op_bench_main(run_all);
}
