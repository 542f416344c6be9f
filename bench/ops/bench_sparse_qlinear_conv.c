/* bench_sparse_qlinear_conv.c -- sparse convolutions of bytes beside the multiply-add limit of
 * floats: layers of ResNet-18 and ResNet-50, 15 % of words left.  Counted is what is done; times
 * 1 / density is what a dense one would do (bench_qlinear_conv.c).
 *
 *     bench_sparse_qlinear_conv [LAYER]      a line of LAYERS, from 0 on; all of them */
#include "../../tests/ops/sparse_words_case.h"
#include "laid_bench.h"
#include "ref/ref.h"

typedef struct layer {
    int64_t channels, size, filters, kernel, stride;
    unsigned kept; /* of 1000 words */
} layer;

static const layer LAYERS[] = {
    /* ResNet-18: a 3x3 of each stage, the way into a stage and its shortcut. */
    {64, 56, 64, 3, 1, 150},
    {128, 28, 128, 3, 1, 150},
    {256, 14, 256, 3, 1, 150},
    {512, 7, 512, 3, 1, 150},
    {64, 56, 128, 3, 2, 150},
    {64, 56, 128, 1, 2, 150},
    /* ResNet-50: 1x1 down and up. */
    {256, 56, 64, 1, 1, 150},
    {64, 56, 256, 1, 1, 150},
    {1024, 14, 256, 1, 1, 150},
    {512, 7, 2048, 1, 1, 150},
};

static void add_inputs(op_check *c, kerf_shape x, const words_case *s)
{
    static const uint8_t ZERO = 3;
    static const float SCALE = 0.02f, Y_SCALE = 0.5f;
    const size_t num = (size_t)kerf_shape_num_elements(x);
    uint8_t *bytes = malloc(num);
    for (size_t i = 0; i < num; i++)
        bytes[i] = (uint8_t)(i * 7 % 251);
    op_check_input(c, KERF_U8, x, bytes);
    op_check_input(c, KERF_F32, KERF_SCALAR, &SCALE);
    op_check_input(c, KERF_U8, KERF_SCALAR, &ZERO);
    words_case_words(c, s);
    op_check_input(c, KERF_F32, KERF_SCALAR, &SCALE);
    words_case_rows(c, s);
    op_check_input(c, KERF_F32, KERF_SCALAR, &Y_SCALE);
    op_check_input(c, KERF_U8, KERF_SCALAR, &ZERO);
    while (c->num_inputs < 14)
        op_check_skip(c);
    words_case_offsets(c, s);
    free(bytes);
}

static void run(op_bench *b, const layer *l)
{
    const kerf_shape w = KERF_SHAPE(l->filters, l->channels, l->kernel, l->kernel);
    const int64_t pad = l->kernel / 2;
    words_case s = words_case_create(w, l->kept, NULL);
    op_bench_begin(b);
    add_inputs(&b->c, KERF_SHAPE(1, l->channels, l->size, l->size), &s);
    op_check_node(&b->c, "kerf.SparseQLinearConv", 1);
    kerf_node *n = b->c.node;
    bench_ok(kerf_node_set_ints(n, "weights_shape", w.dims, 4));
    bench_ok(kerf_node_set_ints(n, "strides", (int64_t[]){l->stride, l->stride}, 2));
    bench_ok(kerf_node_set_ints(n, "pads", (int64_t[]){pad, pad, pad, pad}, 4));
    bench_ok(kerf_node_set_int(n, "percent", (l->kept + 9) / 10));
    laid_bench_end(b, ref_sparse_qlinear_conv);
    words_case_destroy(&s);
}

static int only = -1; /* this layer alone; -1: all */

static void run_all(op_bench *b)
{
    for (size_t i = 0; i < sizeof LAYERS / sizeof LAYERS[0]; i++)
        if (only < 0 || (size_t)only == i)
            run(b, &LAYERS[i]);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        only = atoi(argv[1]);
    return op_bench_main_beside(LIMITS_MULTIPLY_ADD, run_all);
}
