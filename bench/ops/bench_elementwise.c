/* bench_elementwise.c -- formulas beside a plain copy: large, and as they come in training
 * LeNet-300-100 at batch 128. */
#include "op_bench.h"
#include "ref/ref.h"

static void run(op_bench *b, const char *op, kerf_shape x, const kerf_shape *y)
{
    op_bench_begin(b);
    op_bench_random(b, x);
    if (y != NULL)
        op_bench_random(b, *y);
    op_check_node(&b->c, op, 1);
    op_bench_end(b, ref_elementwise, check_tolerance(16, 1), "");
}

/* The formula that is a copy. */
static void run_copy(op_bench *b, kerf_shape x)
{
    op_bench_begin(b);
    op_bench_random(b, x);
    op_check_node(&b->c, "Expand", 1);
    bench_ok(kerf_node_set_ints(b->c.node, "shape", x.dims, (size_t)x.rank));
    op_bench_end(b, ref_elementwise, 0, "");
}

/* Floats chosen by a mask, as attention does, and by what they are compared with. */
static void run_where(op_bench *b, kerf_shape x)
{
    const size_t num = (size_t)kerf_shape_num_elements(x);
    char *mask = calloc(num, 1);
    for (size_t i = 0; mask != NULL && i < num; i += 3)
        mask[i] = 1;
    op_bench_begin(b);
    op_check_input(&b->c, KERF_BOOL, x, mask);
    op_bench_random(b, x);
    op_bench_random(b, KERF_SCALAR);
    op_check_node(&b->c, "Where", 1);
    op_bench_end(b, ref_elementwise, 0, "");
    free(mask);
}

/* What networks have between their layers, each on one feature map. */
static void run_formulas(op_bench *b)
{
    static const char *const UNARY[] = {"Abs",  "Clip",        "Elu",       "Erf",
                                        "Gelu", "HardSigmoid", "HardSwish", "LeakyRelu",
                                        "Neg",  "Sigmoid",     "Sqrt"};
    static const char *const BINARY[] = {"Div", "Max", "Min", "PRelu", "Pow", "Sub"};
    const kerf_shape map = KERF_SHAPE(8, 64, 56, 56);
    for (size_t i = 0; i < sizeof UNARY / sizeof UNARY[0]; i++)
        run(b, UNARY[i], map, NULL);
    for (size_t i = 0; i < sizeof BINARY / sizeof BINARY[0]; i++)
        run(b, BINARY[i], map, &map);
}

static void run_all(op_bench *b)
{
    const kerf_shape big = KERF_SHAPE(1 << 24), rows = KERF_SHAPE(16384, 1024);
    const kerf_shape bias = KERF_SHAPE(1024), hidden = KERF_SHAPE(128, 300);
    const kerf_shape hidden_bias = KERF_SHAPE(300), middle = KERF_SHAPE(64, 64, 56, 56);
    const kerf_shape channels = KERF_SHAPE(64, 1, 1);
    run_copy(b, big);
    run(b, "Add", big, &big);
    run(b, "Relu", big, NULL);
    run(b, "kerf.ReluGrad", big, &big);
    run(b, "Add", rows, &bias);
    run(b, "Exp", big, NULL);
    run(b, "Log", big, NULL);
    run(b, "Tanh", big, NULL);
    run(b, "Mul", middle, &channels);
    run_where(b, big);
    run(b, "Less", big, &big);
    run(b, "Add", hidden, &hidden_bias);
    run(b, "Relu", hidden, NULL);
    run_formulas(b);
}

int main(void)
{
    return op_bench_main(run_all);
}
