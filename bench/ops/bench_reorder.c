/* bench_reorder.c -- into blocks of 16 channels and back, beside a plain copy. */
#include "op_bench.h"
#include "ref/ref.h"

static void run(op_bench *b, const char *layouts, kerf_shape src, int64_t channels)
{
    op_bench_begin(b);
    op_bench_random(b, src);
    op_check_node(&b->c, "kerf.Reorder", 1);
    bench_ok(kerf_node_set_string(b->c.node, "layouts", layouts));
    bench_ok(kerf_node_set_int(b->c.node, "channels", channels));
    op_bench_end(b, ref_reorder, 0, layouts);
}

static void run_all(op_bench *b)
{
    run(b, "plain>c16", KERF_SHAPE(16, 64, 112, 112), 0);
    run(b, "c16>plain", KERF_SHAPE(16, 4, 112, 112, 16), 64);
    run(b, "plain>o16", KERF_SHAPE(512, 512, 3, 3), 0);
}

int main(void)
{
    return op_bench_main(run_all);
}
