/* bench_qlinear_conv.c -- convolutions of bytes beside float multiply-adds: layers of ResNet-18 and
 * -50 and of MobileNet-v2, in blocks where the plan would lay them so.  By vpdpbusd (Zen 4) the
 * limit of bytes is 4.1 times that of floats.
 *
 *     bench_qlinear_conv [LAYER]      a line of LAYERS, from 0 on; all of them */
#include "laid_bench.h"
#include "ref/ref.h"

typedef struct layer {
    int64_t channels, size, filters, kernel, stride, group;
} layer;

static const layer LAYERS[] = {
    /* ResNet-18: the first, a 3x3 of each stage, the way into a stage and its shortcut. */
    {3, 224, 64, 7, 2, 1},
    {64, 56, 64, 3, 1, 1},
    {128, 28, 128, 3, 1, 1},
    {256, 14, 256, 3, 1, 1},
    {512, 7, 512, 3, 1, 1},
    {64, 56, 128, 3, 2, 1},
    {64, 56, 128, 1, 2, 1},
    /* ResNet-50: 1x1 down and up. */
    {256, 56, 64, 1, 1, 1},
    {64, 56, 256, 1, 1, 1},
    {1024, 14, 256, 1, 1, 1},
    {512, 7, 2048, 1, 1, 1},
    /* MobileNet-v2. */
    {3, 224, 32, 3, 2, 1},
    {32, 112, 32, 3, 1, 32},
    {96, 112, 96, 3, 2, 96},
    {576, 14, 576, 3, 1, 576},
    {16, 112, 96, 1, 1, 1},
    {576, 14, 96, 1, 1, 1},
};

static void add_number(op_check *c, kerf_type type, const void *x)
{
    op_check_input(c, type, KERF_SCALAR, x);
}

static void run(op_bench *b, const layer *l)
{
    static const uint8_t ZERO = 3, NO_ZERO = 0;
    static const float SCALE = 0.02f, Y_SCALE = 0.5f;
    const kerf_shape x = KERF_SHAPE(1, l->channels, l->size, l->size);
    const kerf_shape w = KERF_SHAPE(l->filters, l->channels / l->group, l->kernel, l->kernel);
    const int64_t num_x = kerf_shape_num_elements(x), num_w = kerf_shape_num_elements(w);
    const int64_t pad = l->kernel / 2;
    uint8_t *bytes = malloc((size_t)(num_x > num_w ? num_x : num_w));
    for (int64_t i = 0; i < num_x || i < num_w; i++)
        bytes[i] = (uint8_t)(i * 7 % 251);
    op_bench_begin(b);
    op_check_input(&b->c, KERF_U8, x, bytes);
    add_number(&b->c, KERF_F32, &SCALE);
    add_number(&b->c, KERF_U8, &ZERO);
    op_check_input(&b->c, KERF_S8, w, bytes);
    add_number(&b->c, KERF_F32, &SCALE);
    op_check_constant(&b->c, KERF_S8, KERF_SCALAR, &NO_ZERO);
    add_number(&b->c, KERF_F32, &Y_SCALE);
    add_number(&b->c, KERF_U8, &ZERO);
    op_check_node(&b->c, "QLinearConv", 1);
    bench_ok(kerf_node_set_ints(b->c.node, "strides", (int64_t[]){l->stride, l->stride}, 2));
    bench_ok(kerf_node_set_ints(b->c.node, "pads", (int64_t[]){pad, pad, pad, pad}, 4));
    bench_ok(kerf_node_set_int(b->c.node, "group", l->group));
    laid_bench_end(b, ref_qlinear_conv);
    free(bytes);
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
