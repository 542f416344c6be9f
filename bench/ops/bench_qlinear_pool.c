/* bench_qlinear_pool.c -- means of bytes: those of whole planes at a network's end, and a window of
 * 3x3 that leaves the plane as large as it is. */
#include "op_bench.h"
#include "ref/ref.h"

static void run(op_bench *b, kerf_shape shape, int is_global, const char *note)
{
    const size_t num = (size_t)kerf_shape_num_elements(shape);
    const float scale = 0.02f;
    uint8_t *bytes = malloc(num);
    for (size_t i = 0; i < num; i++)
        bytes[i] = (uint8_t)(i * 2654435761u >> 13);
    op_bench_begin(b);
    op_check_input(&b->c, KERF_U8, shape, bytes);
    for (int k = 0; k < 2; k++) {
        op_check_input(&b->c, KERF_F32, KERF_SCALAR, &scale);
        op_check_input(&b->c, KERF_U8, KERF_SCALAR, bytes);
    }
    op_check_node(&b->c,
                  is_global ? "com.microsoft.QLinearGlobalAveragePool"
                            : "com.microsoft.QLinearAveragePool",
                  1);
    if (!is_global) {
        bench_ok(kerf_node_set_ints(b->c.node, "kernel_shape", (int64_t[]){3, 3}, 2));
        bench_ok(kerf_node_set_ints(b->c.node, "pads", (int64_t[]){1, 1, 1, 1}, 4));
    }
    op_bench_end(b, ref_qlinear_pool, 0, note);
    free(bytes);
}

static void run_all(op_bench *b)
{
    run(b, KERF_SHAPE(1, 2048, 7, 7), 1, "resnet-50");
    run(b, KERF_SHAPE(1, 1280, 7, 7), 1, "mobilenet-v2");
    run(b, KERF_SHAPE(1, 192, 35, 35), 0, "inception-v3");
}

int main(void)
{
    return op_bench_main(run_all);
}
