/* bench_score.c -- remembering a weight's worth, beside a plain copy. */
#include "op_bench.h"
#include "ref/ref.h"

static void run(op_bench *b, int64_t num)
{
    op_bench_begin(b);
    for (int i = 0; i < 3; i++)
        op_bench_random(b, KERF_SHAPE(num));
    op_check_node(&b->c, "kerf.ScoreUpdate", 1);
    bench_ok(kerf_node_set_string(b->c.node, "value", "taylor"));
    op_bench_end(b, ref_score, 1e-6, "");
}

static void run_all(op_bench *b)
{
    run(b, 784 * 300);
    run(b, 1 << 24);
}

int main(void)
{
    return op_bench_main(run_all);
}
