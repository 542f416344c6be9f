/* bench_move.c -- moving data beside a plain copy: parts of whole rows, turned planes, and what
 * networks ask for. */
#include "op_bench.h"
#include "ref/ref.h"

static void ints(op_bench *b, const char *key, int64_t a, int64_t second, int64_t c, int64_t d)
{
    const int64_t numbers[] = {a, second, c, d};
    size_t num = 0;
    while (num < 4 && numbers[num] >= 0)
        num++;
    CHECK_OK(kerf_node_set_ints(b->c.node, key, numbers, num));
}

static void transpose(op_bench *b, kerf_shape src, int64_t i, int64_t j, int64_t k, int64_t l)
{
    op_bench_begin(b);
    op_bench_random(b, src);
    op_check_node(&b->c, "Transpose", 1);
    ints(b, "perm", i, j, k, l);
    op_bench_end(b, ref_move, 0, "");
}

static void concat(op_bench *b, kerf_shape part, int64_t axis)
{
    op_bench_begin(b);
    op_bench_random(b, part);
    op_bench_random(b, part);
    op_check_node(&b->c, "Concat", 1);
    CHECK_OK(kerf_node_set_int(b->c.node, "axis", axis));
    op_bench_end(b, ref_move, 0, "");
}

static void slice(op_bench *b, kerf_shape src, int64_t axis, int64_t from, int64_t to, int64_t step)
{
    op_bench_begin(b);
    op_bench_random(b, src);
    op_check_node(&b->c, "Slice", 1);
    ints(b, "starts", from, -1, -1, -1);
    ints(b, "ends", to, -1, -1, -1);
    ints(b, "axes", axis, -1, -1, -1);
    ints(b, "steps", step, -1, -1, -1);
    op_bench_end(b, ref_move, 0, "");
}

/* Two pixels on each side. */
static void pad(op_bench *b, kerf_shape src, const char *mode)
{
    static const int64_t PADS[] = {0, 0, 2, 2, 0, 0, 2, 2};
    op_bench_begin(b);
    op_bench_random(b, src);
    op_check_node(&b->c, "Pad", 1);
    bench_ok(kerf_node_set_ints(b->c.node, "pads", PADS, 8));
    bench_ok(kerf_node_set_string(b->c.node, "mode", mode));
    op_bench_end(b, ref_move, 0, mode);
}

static void run_all(op_bench *b)
{
    /* 64 MiB, rows of 4 KiB; the channels of a DenseNet and of a U-Net. */
    concat(b, KERF_SHAPE(8192, 1024), 1);
    concat(b, KERF_SHAPE(8, 256, 28, 28), 1);
    slice(b, KERF_SHAPE(8192, 2048), 1, 512, 1536, 1);
    slice(b, KERF_SHAPE(4096, 4096), 1, 0, 4096, 2);
    /* Planes; the heads of BERT; pixels first, as images come; channels first again. */
    transpose(b, KERF_SHAPE(4096, 4096), 1, 0, -1, -1);
    transpose(b, KERF_SHAPE(1000, 3000), 1, 0, -1, -1);
    transpose(b, KERF_SHAPE(8, 128, 12, 64), 0, 2, 1, 3);
    transpose(b, KERF_SHAPE(96, 128, 64), 0, 2, 1, -1);
    transpose(b, KERF_SHAPE(8, 224, 224, 3), 0, 3, 1, 2);
    transpose(b, KERF_SHAPE(8, 64, 56, 56), 0, 2, 3, 1);
    pad(b, KERF_SHAPE(8, 64, 112, 112), "constant");
    pad(b, KERF_SHAPE(8, 64, 112, 112), "reflect");
}

int main(void)
{
    return op_bench_main(run_all);
}
