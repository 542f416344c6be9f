/* bench_quantize.c -- there, back and both at once, 64 MiB of floats, beside a plain copy. */
#include "op_bench.h"
#include "ref/ref.h"

enum { CHANNELS = 4096, ROW = 4096 };

/* Scales of one number, of a channel, or of a block of 32 along the rows. */
static void run(op_bench *b, const char *op, kerf_type type, kerf_shape scales, int block_size,
                const char *note)
{
    const kerf_shape shape = KERF_SHAPE(CHANNELS, ROW);
    const size_t num = (size_t)kerf_shape_num_elements(scales);
    float *scale = malloc(num * sizeof *scale);
    void *zeros = calloc(num, sizeof(int32_t)), *integers = NULL;
    for (size_t i = 0; i < num; i++)
        scale[i] = 0.01f;
    op_bench_begin(b);
    if (strcmp(op, "DequantizeLinear") == 0) {
        integers = calloc((size_t)kerf_shape_num_elements(shape), sizeof(int32_t));
        op_check_input(&b->c, type, shape, integers);
    } else {
        op_bench_random(b, shape);
    }
    if (strcmp(op, "kerf.QuantizeGrad") == 0)
        op_bench_random(b, shape);
    op_check_input(&b->c, KERF_F32, scales, scale);
    op_check_input(&b->c, type, scales, zeros);
    op_check_node(&b->c, op, 1);
    if (scales.rank > 0)
        CHECK_OK(kerf_node_set_int(b->c.node, "axis", block_size > 0 ? 1 : 0));
    if (block_size > 0)
        CHECK_OK(kerf_node_set_int(b->c.node, "block_size", block_size));
    op_bench_end(b, ref_quantize, 0, note);
    free(integers);
    free(zeros);
    free(scale);
}

static void run_all(op_bench *b)
{
    run(b, "QuantizeLinear", KERF_U8, KERF_SCALAR, 0, "u8");
    run(b, "DequantizeLinear", KERF_U8, KERF_SCALAR, 0, "u8");
    run(b, "kerf.FakeQuant", KERF_U8, KERF_SCALAR, 0, "u8");
    run(b, "kerf.QuantizeGrad", KERF_U8, KERF_SCALAR, 0, "u8");
    run(b, "QuantizeLinear", KERF_S8, KERF_SHAPE(CHANNELS), 0, "s8 channels");
    run(b, "kerf.FakeQuant", KERF_S8, KERF_SHAPE(CHANNELS), 0, "s8 channels");
    run(b, "QuantizeLinear", KERF_S4, KERF_SHAPE(CHANNELS, ROW / 32), 32, "s4 blocks");
    run(b, "DequantizeLinear", KERF_S4, KERF_SHAPE(CHANNELS, ROW / 32), 32, "s4 blocks");
    run(b, "QuantizeLinear", KERF_U2, KERF_SCALAR, 0, "u2");
    run(b, "DequantizeLinear", KERF_S16, KERF_SCALAR, 0, "s16");
}

int main(void)
{
    return op_bench_main(run_all);
}
