/* bench_gather.c -- words of BERT, and the gradient of their table; a column of few classes;
 * codebooks. */
#include "op_bench.h"
#include "ref/ref.h"

static void indices(op_bench *b, kerf_shape shape, int64_t below)
{
    const size_t num = (size_t)kerf_shape_num_elements(shape);
    int64_t *numbers = calloc(num, sizeof *numbers);
    for (size_t i = 0; numbers != NULL && i < num; i++)
        numbers[i] = (int64_t)(i * 2654435761u % (uint64_t)below);
    op_check_input(&b->c, KERF_S64, shape, numbers);
    free(numbers);
}

static void gather(op_bench *b, int64_t words, int64_t num, int64_t width)
{
    op_bench_begin(b);
    op_bench_random(b, KERF_SHAPE(words, width));
    indices(b, KERF_SHAPE(num), words);
    op_check_node(&b->c, "Gather", 1);
    op_bench_end(b, ref_gather, 0, "");
}

static void gradient(op_bench *b, int64_t words, int64_t num, int64_t width)
{
    op_bench_begin(b);
    indices(b, KERF_SHAPE(num), words);
    op_bench_random(b, KERF_SHAPE(num, width));
    op_check_node(&b->c, "kerf.GatherGrad", 1);
    bench_ok(kerf_node_set_ints(b->c.node, "shape", (int64_t[]){words, width}, 2));
    op_bench_end(b, ref_gather, check_tolerance(2, (size_t)(num / words) + 2), "");
}

/* What a shared layer's weights give to their values. */
static void codebook(op_bench *b, int64_t values, int64_t num)
{
    op_bench_begin(b);
    indices(b, KERF_SHAPE(num), values);
    op_bench_random(b, KERF_SHAPE(num));
    op_check_node(&b->c, "kerf.GatherGrad", 1);
    bench_ok(kerf_node_set_ints(b->c.node, "shape", &values, 1));
    op_bench_end(b, ref_gather, check_tolerance(4, (size_t)num), "");
}

static void run_all(op_bench *b)
{
    gather(b, 30522, 8192, 768);
    gradient(b, 30522, 8192, 768);
    gather(b, 1000, 1 << 20, 1);
    gradient(b, 1000, 1 << 18, 1);
    codebook(b, 16, 400000);
    codebook(b, 256, 400000);
}

int main(void)
{
    return op_bench_main(run_all);
}
