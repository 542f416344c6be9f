/* bench_trilu.c -- the causal mask of attention: (heads, T, T). */
#include "op_bench.h"
#include "ref/ref.h"

static void run_all(op_bench *b)
{
    op_bench_begin(b);
    op_bench_random(b, KERF_SHAPE(12, 1024, 1024));
    op_check_node(&b->c, "Trilu", 1);
    op_bench_end(b, ref_trilu, 0, "");
}

int main(void)
{
    return op_bench_main(run_all);
}
