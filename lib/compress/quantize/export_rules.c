/* compress/quantize/export_rules.c -- what readers make of nodes with integers around them, as a
 * table.
 *
 * A reader's rules for an operator stand in the order in which it tries them.  The first whose
 * facts all hold tells what the node becomes; if none does, it stays a float, and why is the first
 * fact that the first rule misses.  ONNX Runtime's rules were found by running version 1.32 on
 * each form of each operator, OpenVINO's with 2026.4 (docs/export.md); TensorRT's are those of its
 * documents. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "compress/quantize/export_internal.h"

/* ---- the table ------------------------------------------------------------------------------ */

enum {
    ORT = 1 << KERF_PROFILE_ORT | 1 << KERF_PROFILE_ORT_MOBILE,
    TRT = 1 << KERF_PROFILE_TRT,
    OPENVINO = 1 << KERF_PROFILE_OPENVINO
};

#define PAIRS    KERF__FORM_PAIRS
#define BOTH     KERF__FORM_BOTH
#define STORED   KERF__FORM_STORED
#define INTEGERS KERF__FORM_INTEGERS
#define HAS(x)   (unsigned)KERF__FACT_##x

/* Facts that come together. */
#define ORT_IN      (HAS(ROUNDED) | HAS(BYTES) | HAS(UNSIGNED) | HAS(BOUND))
#define ORT_BOTH    (ORT_IN | HAS(AFTER))
#define ORT_WEIGHTS (HAS(WEIGHTS) | HAS(WEIGHTS_8) | HAS(CHANNELS))
#define ORT_GEMM    (ORT_IN | HAS(ALPHA) | HAS(BETA))
#define TRT_IN      (HAS(ROUNDED) | HAS(BYTES) | HAS(SIGNED) | HAS(CENTRED))
#define S8_WEIGHTS                                                                                 \
    (HAS(WEIGHTS) | HAS(WEIGHTS_8) | HAS(SIGNED_WEIGHTS) | HAS(SYMMETRIC) | HAS(CHANNELS))
#define TRT_WEIGHTS     (S8_WEIGHTS | HAS(FLOAT_BIAS))
#define OPENVINO_IN     (HAS(ROUNDED) | HAS(BYTES))
#define OPENVINO_ALL    (OPENVINO_IN | S8_WEIGHTS)
#define OPENVINO_STORED (HAS(WEIGHTS_4) | HAS(TERMS) | HAS(WHOLE_BLOCKS) | HAS(ALPHA))

#define ROUNDS "it rounds the weights, which are floats, itself, with one scale for all"

static const struct {
    unsigned profiles;
    kerf__form form;
    const char *op, *becomes;
    unsigned facts;
    const char *note; /* NULL: none */
} RULES[] = {
    {ORT, PAIRS, "Conv", "QLinearConv", ORT_BOTH | ORT_WEIGHTS | HAS(BIAS_SCALE), NULL},
    {ORT, PAIRS, "Conv", "QLinearConv", ORT_BOTH | HAS(FLOAT_WEIGHTS), ROUNDS},
    {ORT, PAIRS, "Gemm", "QGemm", ORT_GEMM | ORT_WEIGHTS, NULL},
    {ORT, PAIRS, "Gemm", "QGemm", ORT_GEMM | HAS(AFTER) | HAS(FLOAT_WEIGHTS), ROUNDS},
    {ORT, PAIRS, "MatMul", "QLinearMatMul", ORT_BOTH | ORT_WEIGHTS, NULL},
    {ORT, PAIRS, "MatMul", "MatMulIntegerToFloat", ORT_IN | ORT_WEIGHTS, NULL},
    {ORT, BOTH, "MatMul", "QLinearMatMul", ORT_BOTH, NULL},
    {ORT, BOTH, "MatMul", "MatMulIntegerToFloat", ORT_IN, NULL},
    {ORT, PAIRS, "Add", "QLinearAdd", ORT_BOTH, NULL},
    {ORT, PAIRS, "Mul", "QLinearMul", ORT_BOTH, NULL},
    {ORT, PAIRS, "Concat", "QLinearConcat", ORT_BOTH, NULL},
    {ORT, PAIRS, "AveragePool", "QLinearAveragePool", ORT_BOTH, NULL},
    {ORT, PAIRS, "GlobalAveragePool", "QLinearGlobalAveragePool", ORT_BOTH, NULL},
    {ORT, PAIRS, "LeakyRelu", "QLinearLeakyRelu", ORT_BOTH, NULL},
    {ORT, PAIRS, "Sigmoid", "QLinearSigmoid", ORT_BOTH, NULL},
    {ORT, PAIRS, "Softmax", "QLinearSoftmax", ORT_BOTH, NULL},
    {ORT, PAIRS, "MaxPool", "NhwcMaxPool", ORT_BOTH | HAS(SAME), NULL},
    {ORT, PAIRS, "Flatten", "Flatten", ORT_BOTH | HAS(SAME), NULL},
    {ORT, PAIRS, "Reshape", "Reshape", ORT_BOTH | HAS(SAME), NULL},
    {ORT, PAIRS, "Squeeze", "Squeeze", ORT_BOTH | HAS(SAME), NULL},
    {ORT, PAIRS, "Transpose", "Transpose", ORT_BOTH | HAS(SAME), NULL},
    {ORT, PAIRS, "Unsqueeze", "Unsqueeze", ORT_BOTH | HAS(SAME), NULL},
    {ORT, STORED, "Conv", "QLinearConv", ORT_BOTH | ORT_WEIGHTS, NULL},
    {ORT, STORED, "Gemm", "MatMulNBits", HAS(PACKED) | HAS(UNBOUND) | HAS(ALPHA) | HAS(BETA), NULL},
    {ORT, STORED, "MatMul", "MatMulNBits", HAS(PACKED) | HAS(UNBOUND), NULL},
    {ORT, INTEGERS, "MatMulInteger", "DynamicQuantizeMatMul", HAS(SCALED), NULL},
    {ORT, INTEGERS, "MatMulInteger", "MatMulInteger", 0, NULL},
    {ORT, INTEGERS, "ConvInteger", "ConvInteger", 0, NULL},
    {ORT, INTEGERS, "QLinearConv", "QLinearConv", 0, NULL},
    {ORT, INTEGERS, "QLinearMatMul", "QLinearMatMul", 0, NULL},
    {ORT, INTEGERS, "com.microsoft.QGemm", "QGemm", 0, NULL},
    {ORT, INTEGERS, "com.microsoft.QLinearAdd", "QLinearAdd", 0, NULL},
    {ORT, INTEGERS, "com.microsoft.QLinearAveragePool", "QLinearAveragePool", 0, NULL},
    {ORT, INTEGERS, "com.microsoft.QLinearConcat", "QLinearConcat", 0, NULL},
    {ORT, INTEGERS, "com.microsoft.QLinearGlobalAveragePool", "QLinearGlobalAveragePool", 0, NULL},
    {ORT, INTEGERS, "com.microsoft.QLinearLeakyRelu", "QLinearLeakyRelu", 0, NULL},
    {ORT, INTEGERS, "com.microsoft.QLinearMul", "QLinearMul", 0, NULL},
    {ORT, INTEGERS, "com.microsoft.QLinearSigmoid", "QLinearSigmoid", 0, NULL},
    {ORT, INTEGERS, "com.microsoft.QLinearSoftmax", "QLinearSoftmax", 0, NULL},

    {TRT, PAIRS, "Conv", "int8 convolution", TRT_IN | TRT_WEIGHTS, NULL},
    {TRT, PAIRS, "ConvTranspose", "int8 deconvolution", TRT_IN | TRT_WEIGHTS, NULL},
    {TRT, PAIRS, "Gemm", "int8 matrix product", TRT_IN | TRT_WEIGHTS, NULL},
    {TRT, PAIRS, "MatMul", "int8 matrix product", TRT_IN | TRT_WEIGHTS, NULL},
    {TRT, BOTH, "MatMul", "int8 matrix product", TRT_IN, NULL},
    {TRT, PAIRS, "Add", "int8 sum", TRT_IN | HAS(AFTER), NULL},
    {TRT, PAIRS, "AveragePool", "int8 pooling", TRT_IN | HAS(AFTER), NULL},
    {TRT, PAIRS, "Concat", "int8 concatenation", TRT_IN | HAS(AFTER), NULL},
    {TRT, PAIRS, "GlobalAveragePool", "int8 pooling", TRT_IN | HAS(AFTER), NULL},
    {TRT, PAIRS, "MaxPool", "int8 pooling", TRT_IN | HAS(AFTER), NULL},
    {TRT, PAIRS, "Flatten", "Flatten", TRT_IN, NULL},
    {TRT, PAIRS, "Reshape", "Reshape", TRT_IN, NULL},
    {TRT, PAIRS, "Transpose", "Transpose", TRT_IN, NULL},
    {TRT, STORED, "Conv", "int8 convolution", TRT_IN | TRT_WEIGHTS, NULL},
    {TRT, STORED, "MatMul", "weight-only matrix product",
     HAS(PACKED) | HAS(SYMMETRIC) | HAS(WEIGHTS_4) | HAS(WHOLE_BLOCKS), NULL},

    {OPENVINO, PAIRS, "Conv", "Convolution", OPENVINO_ALL, NULL},
    {OPENVINO, PAIRS, "Gemm", "FullyConnected", OPENVINO_ALL, NULL},
    {OPENVINO, PAIRS, "MatMul", "FullyConnected", OPENVINO_ALL, NULL},
    {OPENVINO, BOTH, "MatMul", "MatMul", OPENVINO_IN | HAS(SIGNED) | HAS(CENTRED), NULL},
    {OPENVINO, PAIRS, "Add", "Eltwise", OPENVINO_IN, NULL},
    {OPENVINO, PAIRS, "AveragePool", "Pooling", OPENVINO_IN, NULL},
    {OPENVINO, PAIRS, "Concat", "Concatenation", OPENVINO_IN, NULL},
    {OPENVINO, PAIRS, "Flatten", "Reshape", OPENVINO_IN, NULL},
    {OPENVINO, PAIRS, "GlobalAveragePool", "Reduce", OPENVINO_IN, NULL},
    {OPENVINO, PAIRS, "MaxPool", "Pooling", OPENVINO_IN, NULL},
    {OPENVINO, PAIRS, "Mul", "Eltwise", OPENVINO_IN, NULL},
    {OPENVINO, PAIRS, "Reshape", "Reshape", OPENVINO_IN, NULL},
    {OPENVINO, PAIRS, "Squeeze", "Reshape", OPENVINO_IN, NULL},
    {OPENVINO, PAIRS, "Sub", "Eltwise", OPENVINO_IN, NULL},
    {OPENVINO, PAIRS, "Transpose", "Transpose", OPENVINO_IN, NULL},
    {OPENVINO, PAIRS, "Unsqueeze", "Reshape", OPENVINO_IN, NULL},
    {OPENVINO, STORED, "Conv", "Convolution", OPENVINO_ALL, NULL},
    {OPENVINO, STORED, "Gemm", "FullyConnected", OPENVINO_STORED, NULL},
    {OPENVINO, STORED, "MatMul", "FullyConnected", OPENVINO_STORED, NULL},
    {OPENVINO, INTEGERS, "QLinearConv", "Convolution", 0, NULL},
    {OPENVINO, INTEGERS, "QLinearMatMul", "FullyConnected", 0, NULL},
};

/* ---- asking it ---------------------------------------------------------------------------- */

static const char *text_of(unsigned missing)
{
    static const char *const TEXTS[] = {
#define X(name, text) text,
        KERF__FACT_LIST(X)
#undef X
    };
    size_t i = 0;
    while ((missing >> i & 1) == 0)
        i++;
    return TEXTS[i];
}

static void judge(kerf_export_node *out, const kerf_node *n, kerf_profile profile, kerf__form form)
{
    const unsigned facts = kerf__export_facts(n);
    unsigned missing = 0;
    for (size_t i = 0; i < sizeof RULES / sizeof RULES[0]; i++) {
        if ((RULES[i].profiles >> profile & 1) == 0 || RULES[i].form != form ||
            strcmp(RULES[i].op, n->op) != 0)
            continue;
        if ((RULES[i].facts & ~facts) == 0) {
            out->becomes = RULES[i].becomes;
            out->why = RULES[i].note != NULL ? RULES[i].note : "";
            out->fuses = 1;
            return;
        }
        missing = missing == 0 ? RULES[i].facts & ~facts : missing;
    }
    out->becomes = "stays float";
    out->why = text_of(missing != 0 ? missing : HAS(KERNEL));
}

kerf_status kerf_export_predict(kerf_export_node **out, size_t *num, const kerf_graph *g,
                                kerf_profile profile)
{
    *num = 0;
    *out = kerf__alloc(g->num_nodes + 1, sizeof **out);
    if (*out == NULL)
        return kerf__fail_memory("export", (g->num_nodes + 1) * sizeof **out);
    for (size_t i = 0; i < g->num_nodes; i++) {
        const kerf_node *n = g->nodes[i];
        const kerf__form form = kerf__export_form(n);
        if (form == KERF__FORM_NONE)
            continue;
        kerf_export_node *item = &(*out)[(*num)++];
        snprintf(item->name, sizeof item->name, "%s", n->name);
        snprintf(item->op, sizeof item->op, "%s", n->op);
        judge(item, n, profile, form);
    }
    return KERF_OK;
}
