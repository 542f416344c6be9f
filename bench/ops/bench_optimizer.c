/* bench_optimizer.c -- updates beside a plain copy: the first layer of LeNet-300-100, and a
 * weight that fits no cache. */
#include "op_bench.h"
#include "ref/ref.h"

static void run(op_bench *b, int is_adam, int masked, int64_t num)
{
    const float step[KERF__STEP_FLOATS] = {0.01f, 1.1f, 1.2f, 3};
    const kerf_shape shape = KERF_SHAPE(num);
    op_bench_begin(b);
    for (int i = 0; i < (is_adam ? 4 : 3); i++)
        op_bench_positive(b, shape);
    if (masked)
        op_bench_mask(b, shape, 1);
    else
        op_check_skip(&b->c);
    op_check_input(&b->c, KERF_F32, KERF_SHAPE(KERF__STEP_FLOATS), step);
    op_check_node(&b->c, is_adam ? "kerf.AdamUpdate" : "kerf.SgdUpdate", is_adam ? 3 : 2);
    CHECK_OK(kerf_node_set_float(b->c.node, "momentum", 0.9f));
    CHECK_OK(kerf_node_set_int(b->c.node, "nesterov", 1));
    op_bench_end(b, ref_optimizer, check_tolerance(4, 1), masked ? "masked" : "");
}

static void run_all(op_bench *b)
{
    for (int i = 0; i < 4; i++) {
        run(b, i & 1, i >> 1, 784 * 300);
        run(b, i & 1, i >> 1, 1 << 23);
    }
}

int main(void)
{
    return op_bench_main(run_all);
}
