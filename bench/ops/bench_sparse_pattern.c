/* bench_sparse_pattern.c -- patterns of masks with 5 % ones, and values gathered, beside a copy. */
#include "op_bench.h"
#include "ref/ref.h"

enum { ONE_IN = 20 };

static void fill(op_bench *b, kerf_shape shape)
{
    const size_t num = (size_t)kerf_shape_num_elements(shape);
    unsigned char *mask = malloc(num);
    for (size_t i = 0; i < num; i++)
        mask[i] = (i * 2654435761u >> 9) % ONE_IN == 0;
    op_check_input(&b->c, KERF_BOOL, shape, mask);
    free(mask);
}

static void run(op_bench *b, kerf_shape shape, int transposed)
{
    op_bench_begin(b);
    fill(b, shape);
    op_check_node(&b->c, "kerf.SparsePattern", 4);
    CHECK_OK(kerf_node_set_int(b->c.node, "capacity", kerf_shape_num_elements(shape) / 10));
    CHECK_OK(kerf_node_set_int(b->c.node, "transposed", transposed));
    op_bench_end(b, ref_sparse_pattern, 0, transposed ? "transposed" : "");
}

static void run_values(op_bench *b, kerf_shape shape)
{
    const int64_t num = kerf_shape_num_elements(shape) / ONE_IN;
    int *sources = malloc((size_t)num * sizeof *sources);
    for (int64_t i = 0; i < num; i++)
        sources[i] = (int)(i * ONE_IN + i % 7);
    op_bench_begin(b);
    op_bench_random(b, shape);
    op_check_input(&b->c, KERF_S32, KERF_SHAPE(num), sources);
    op_check_node(&b->c, "kerf.SparseValues", 1);
    op_bench_end(b, ref_sparse_pattern, 0, "");
    free(sources);
}

static void run_all(op_bench *b)
{
    const kerf_shape SHAPES[] = {KERF_SHAPE(300, 784), KERF_SHAPE(512, 512, 3, 3)};
    for (int i = 0; i < 2; i++) {
        run(b, SHAPES[i], 0);
        run(b, SHAPES[i], 1);
        run_values(b, SHAPES[i]);
    }
}

int main(void)
{
    return op_bench_main(run_all);
}
