/* bench_qlinear_add.c -- a residual sum of bytes, 16 MiB on each side, and ResNet-18's first. */
#include "op_bench.h"
#include "ref/ref.h"

static void run(op_bench *b, kerf_shape shape, const char *note)
{
    const size_t num = (size_t)kerf_shape_num_elements(shape);
    const float scale = 0.02f;
    uint8_t *bytes = malloc(num);
    for (size_t i = 0; i < num; i++)
        bytes[i] = (uint8_t)(i * 2654435761u >> 13);
    op_bench_begin(b);
    for (int k = 0; k < 3; k++) {
        if (k < 2)
            op_check_input(&b->c, KERF_U8, shape, bytes);
        op_check_input(&b->c, KERF_F32, KERF_SCALAR, &scale);
        op_check_input(&b->c, KERF_U8, KERF_SCALAR, bytes);
    }
    op_check_node(&b->c, "com.microsoft.QLinearAdd", 1);
    op_bench_end(b, ref_qlinear_add, 0, note);
    free(bytes);
}

static void run_all(op_bench *b)
{
    run(b, KERF_SHAPE(4096, 4096), "");
    run(b, KERF_SHAPE(1, 64, 56, 56), "resnet-18");
}

int main(void)
{
    return op_bench_main(run_all);
}
