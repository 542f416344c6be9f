/* test_bench_check.c -- the checks of `kerf bench`: what the device computes passes, and one
 * wrong element anywhere does not. */
#include <string.h>

#include "../../host/bench_node.h"
#include "check.h"

/* Every node that a family knows. */
static const struct {
    const char *family, *line;
} CASES[] = {
    {"gemm", "m=7 n=33 k=20 f32"},
    {"gemm", "m=65 n=3 k=129 f32 transA"},
    {"gemm", "m=1 n=100 k=257 f32 transB"},
    {"gemm", "m=17 n=18 k=19 f32 transA transB"},
    {"conv", "Conv 2x3x7x9 5x3x3x2 f32"},
    {"conv", "Conv 1x6x8x7 4x3x3x3 stride=2 pad=1 group=2 f32"},
    {"conv", "Conv 1x5x6x6 5x1x3x3 pad=1 group=5 f32"},
    {"conv", "kerf.ConvGradInput 2x6x8x7 4x3x3x3 stride=2 pad=1 group=2 f32"},
    {"conv", "kerf.ConvGradWeights 2x6x8x7 4x3x3x3 stride=2 pad=1 group=2 f32"},
    {"elementwise", "Relu 3x7 f32"},
    {"elementwise", "Exp 33 f32"},
    {"elementwise", "Tanh 33 f32"},
    {"elementwise", "Add 5x7 7 f32"},
    {"elementwise", "Mul 2x5x7 5x1 f32"},
    {"elementwise", "Add 9x9 9x9 f32"},
    {"elementwise", "kerf.ReluGrad 9x9 9x9 f32"},
    {"reduce", "ReduceSum 1000 f32"},
    {"reduce", "ReduceMean 4x5x6 axes=1,2 f32"},
    {"reduce", "ReduceMax 40x50 axes=0 f32"},
    {"reduce", "ReduceL2 40x50 axes=1 f32"},
    {"softmax", "Softmax 5x300 f32"},
    {"softmax", "LogSoftmax 2x3x10 f32"},
    {"loss", "SoftmaxCrossEntropyLoss 20x10 f32"},
    {"loss", "kerf.MseLoss 20x10 f32"},
    {"optimizer", "kerf.SgdUpdate 30x7 f32"},
    {"optimizer", "kerf.AdamUpdate 30x7 f32"},
    {"mask", "kerf.Mask 30x7 f32"},
    {"mask", "kerf.TopKMask 1000 f32"},
};

/* Off by two thousandths, or the other truth value. */
static void spoil(void *data, kerf_type type, size_t at)
{
    if (type == KERF_BOOL)
        ((unsigned char *)data)[at] ^= 1;
    else
        ((float *)data)[at] += 2e-3f + 2e-3f * fabsf(((float *)data)[at]);
}

static int notices(bench_node *n)
{
    case_verdict v = {0};
    n->c->family->check(n->c, &n->data, &v);
    return v.why[0] != '\0';
}

/* The first, the last and one in the middle of each output. */
static void test_spoiled(bench_node *n)
{
    for (int i = 0; i < n->c->num_outputs; i++) {
        const kerf_value *out = kerf_graph_output(n->g, i);
        kerf_tensor *t = kerf_plan_output(n->plan, kerf_value_name(out));
        const size_t num = kerf_tensor_num_elements(t), places[] = {0, num / 2, num - 1};
        if (strcmp(n->c->node, "kerf.TopKMask") == 0 && i == 1)
            continue; /* the threshold says what the masks say */
        for (int k = 0; k < 3; k++) {
            char kept[4];
            const size_t size = kerf_type_bits(kerf_tensor_type(t)) / 8;
            char *at = (char *)n->data.outputs[i] + places[k] * size;
            memcpy(kept, at, size);
            spoil(n->data.outputs[i], kerf_tensor_type(t), places[k]);
            if (!notices(n))
                printf("%s: output %d, element %zu: not noticed\n", n->c->name, i, places[k]);
            CHECK(notices(n));
            memcpy(at, kept, size);
        }
    }
    CHECK(!notices(n));
}

/* NaN compares as nothing, and is wrong all the same. */
static void test_nan(bench_node *n)
{
    const kerf_value *out = kerf_graph_output(n->g, 0);
    if (kerf_tensor_type(kerf_plan_output(n->plan, kerf_value_name(out))) != KERF_F32)
        return;
    ((float *)n->data.outputs[0])[0] = NAN;
    CHECK(notices(n));
}

static void test_case(kerf_device *dev, const char *family, const char *line)
{
    bench_case c;
    bench_node n = {0};
    case_verdict v;
    CHECK(case_read(&c, case_family_find(family), line));
    CHECK(strcmp(c.name, line) == 0);
    CHECK_OK(bench_node_open(&n, &c, dev));
    CHECK_OK(bench_node_check(&n, &v));
    if (v.why[0] != '\0')
        printf("%s: %s\n", line, v.why);
    CHECK(v.why[0] == '\0');
    test_spoiled(&n);
    test_nan(&n);
    bench_node_close(&n);
}

int main(void)
{
    kerf_device *dev = check_open_device();
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++)
        test_case(dev, CASES[i].family, CASES[i].line);
    kerf_device_close(dev);
    return check_result();
}
