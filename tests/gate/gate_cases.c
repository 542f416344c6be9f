/* gate_cases.c -- small cases that together make every variant with every candidate and every
 * set of -D options; gate_programs.c walks them and fails if something is reached by none.
 *
 * A case holds for its operation and all relatives (same variants, same number of inputs)
 * whose shape rule takes it, so a new formula needs no line here. */
#include "gate_cases.h"

#include <stddef.h>

#define LENGTH(array) ((int)(sizeof(array) / sizeof(array)[0]))

/* clang-format off */
const gate_case gate_cases[] = {
    /* One row, rows, and what only strides can describe. */
    {"Abs",    "f32:5000",             NULL, 0},
    {"Expand", "f32:5000",             "shape=5000", 0},
    {"Expand", "f32:5,1,9",            "shape=5,7,9", 0},
    {"Expand", "f32:3,1,7,1",          "shape=3,5,7,9", 0},
    {"Add",    "f32:5000 f32:5000",    "fmod=1", 0},
    {"Add",    "f32:50,70 f32:70",     "fmod=1", 0},
    {"Add",    "f32:5,7,9 f32:5,1,9",  "fmod=1", 0},
    {"Add",    "f32:3,5,7,9 f32:5,1,9", "fmod=1", 0},

    /* Any type: a formula has a program for integers, for floats, or for both. */
    {"Abs",    "s32:5000",             NULL, 0},
    {"Add",    "s32:50,70 s32:70",     NULL, 0},
    {"Pow",    "f32:50,70 s32:70",     NULL, 0},
    {"Expand", "s32:5,1,9",            "shape=5,7,9", 0},
    {"Cast",   "f32:5000",             "to=7", 0},
    {"Cast",   "s64:5000",             "to=1", 0},
    {"Not",    "bool:5000",            NULL, 0},
    {"BitwiseNot", "s32:5000",         NULL, 0},
    {"Equal",  "f32:50,70 f32:70",     NULL, 0},
    {"Equal",  "s32:50,70 s32:70",     NULL, 0},
    {"And",    "bool:50,70 bool:70",   NULL, 0},
    {"Where",  "bool:50,70 f32:70 f32:", NULL, 0},

    /* Elements of each size by either integer; sums, and the last of several. */
    {"Gather", "u8:50,70 s64:9",   NULL, 0},
    {"Gather", "f16:50,70 s64:9",  NULL, 0},
    {"Gather", "f32:50,70 s64:9",  NULL, 0},
    {"Gather", "s64:50,70 s64:9",  NULL, 0},
    {"Gather", "f32:50,70 s32:9",  NULL, 0},
    {"GatherElements", "u8:5,7 s64:5,7",  "axis=1", 0},
    {"GatherElements", "f16:5,7 s64:5,7", "axis=1", 0},
    {"GatherElements", "f32:5,7 s64:5,7", "axis=1", 0},
    {"GatherElements", "s64:5,7 s64:5,7", "axis=1", 0},
    {"GatherElements", "f32:5,7 s32:5,7", "axis=1", 0},
    {"kerf.GatherGrad", "s64:9 f32:9,70",  "shape=50,70", 0},
    {"kerf.GatherGrad", "s32:9 f32:9,70",  "shape=50,70", 0},
    {"kerf.GatherElementsGrad", "s64:5,7 f32:5,7", "shape=5,9 axis=1", 0},
    {"GatherND", "f32:50,70 s64:9,1", NULL, 0},
    {"kerf.GatherNDGrad", "s64:9,1 f32:9,70", "shape=50,70", 0},
    {"ScatterElements", "f32:5,7 s64:5,7 f32:5,7", "axis=1", 0},
    {"ScatterElements", "f32:5,7 s64:5,7 f32:5,7", "axis=1 reduction=mul", 0},
    {"ScatterElements", "f32:5,7 s64:5,7 f32:5,7", "axis=1 reduction=max", 0},
    {"ScatterElements", "f32:5,7 s64:5,7 f32:5,7", "axis=1 reduction=min", 0},
    {"ScatterND", "f32:50,70 s64:9,1 f32:9,70", NULL, 0},
    {"ScatterND", "f32:50,70 s64:9,1 f32:9,70", "reduction=mul", 0},
    {"ScatterND", "f32:50,70 s64:9,1 f32:9,70", "reduction=max", 0},
    {"ScatterND", "f32:50,70 s64:9,1 f32:9,70", "reduction=min", 0},

    {"Gemm",   "f32:70,50 f32:50,60 f32:60", NULL, 0},
    {"Gemm",   "f32:70,50 f32:60,50",        "transB=1", 0}, /* both contiguous along k */
    {"Gemm",   "f32:7,50 f32:50,8",          NULL, 0},       /* narrower than any tile */
    {"MatMul", "f32:3,70,50 f32:3,50,60",    NULL, 0},
    {"MatMulInteger", "u8:70,50 s8:50,60", NULL, 0},
    {"QLinearMatMul", "u8:70,50 f32: u8: s8:50,60 f32:60 s8:60 f32: u8: s32:60", NULL, 0},
    /* Packed, with and without the sums of rows. */
    {"MatMulInteger", "u8:70,50 s8:4,14,64", "layouts=plain,k4>", 0},
    {"MatMulInteger", "s8:70,50 s8:4,14,64", "layouts=plain,k4>", 0},
    {"MatMulInteger", "u8:70,50 u8:4,14,64", "layouts=plain,k4>", 0},
    {"QLinearMatMul", "u8:70,50 f32: u8: s8:4,14,64 f32:64 s8:64 f32: u8: s32:64",
     "layouts=plain,plain,plain,n4>", 0},
    {"MatMulInteger", "s8:70,50 u8:4,14,64", "layouts=plain,k4>", 0},
    {"QLinearMatMul", "s8:70,50 f32: s8: s8:4,14,64 f32:64 s8:64 f32: u8: s32:64",
     "layouts=plain,plain,plain,k4>", 0},
    {"QLinearMatMul", "u8:70,50 f32: u8: s8:4,14,64 f32:64 0s8: f32: u8: s32:64",
     "layouts=plain,plain,plain,k4>", 0},
    {"QLinearMatMul", "s8:70,50 f32: s8: s8:4,14,64 f32:64 0s8: f32: u8: s32:64",
     "layouts=plain,plain,plain,k4>", 0},
    {"com.microsoft.QLinearAdd", "u8:50,70 f32: u8: s8:50,70 f32: s8: f32: u8:", NULL, 0},
    {"ConvInteger", "u8:2,5,9,11 s8:7,5,3,3", "pads=1,1,1,1", 0},
    {"QLinearConv", "u8:2,5,9,11 f32: u8: s8:7,5,3,3 f32:7 s8:7 f32: u8: s32:7", "pads=1,1,1,1", 0},
    {"QLinearConv", "u8:2,2,9,11,16 f32: u8: s8:2,8,3,3,64 f32:32 s8: f32: u8: s32:32",
     "layouts=c16,plain,plain,v16>c16 pads=1,1,1,1", 0},
    {"QLinearConv", "u8:2,2,9,11,16 f32: u8: s8:2,8,1,1,64 f32: s8: f32: u8:",
     "layouts=c16,plain,plain,v16>c16", 0},

    {"Conv",          "f32:2,5,9,11 f32:7,5,3,3 f32:7", "pads=1,1,1,1", 0},
    {"ConvTranspose", "f32:2,7,9,11 f32:7,5,3,3 f32:5", "strides=2,2", 0},
    {"kerf.ConvGradInput",   "f32:2,7,9,11 f32:7,5,3,3",    "pads=1,1,1,1 output_shape=9,11", 0},
    {"kerf.ConvGradWeights", "f32:2,5,9,11 f32:2,7,9,11",   "pads=1,1,1,1 kernel_shape=3,3", 0},
    {"kerf.ConvGradWeights", "f32:9,5,29,31 f32:9,7,29,31", "pads=1,1,1,1 kernel_shape=3,3", 0}, /* in parts */
    {"Conv", "f32:2,2,9,11,16 f32:2,32,3,3,16 f32:32", "layouts=c16,o16>c16 pads=1,1,1,1", 0},
    {"Conv", "f32:2,2,9,11,16 f32:2,4,4,32,16 f32:32", "layouts=c16,w16>c16 pads=1,1,1,1", 0},
    {"Conv", "f32:2,2,9,11,16 f32:2,32,1,1,16 f32:32", "layouts=c16,o16>c16", 0},
    {"kerf.ConvGradInput", "f32:2,2,9,11,16 f32:2,32,3,3,16",
     "layouts=c16,i16>c16 pads=1,1,1,1 output_shape=9,11", 0},
    {"kerf.ConvGradWeights", "f32:2,2,9,11,16 f32:2,2,9,11,16",
     "layouts=c16,c16> pads=1,1,1,1 kernel_shape=3,3", 0},
    {"kerf.ConvGradWeights", "f32:2,2,9,11,16 f32:2,2,9,11,16",
     "layouts=c16,c16> kernel_shape=1,1", 0},
    {"kerf.ConvGradWeights", "f32:2,2,9,11,16 f32:2,2,7,9,16",
     "layouts=c16,c16> kernel_shape=3,3", 0},
    {"kerf.ConvGradWeights", "f32:2,3,9,11 f32:2,2,9,11,16",
     "layouts=plain,c16> pads=1,1,1,1 kernel_shape=3,3", 0},
    {"kerf.ConvGradWeights", "f32:2,3,9,11 f32:2,2,5,7,16", "layouts=plain,c16> kernel_shape=5,5", 0},
    {"Conv", "f32:2,3,9,11 f32:2,3,3,3,16 f32:32",     "layouts=plain,o16>c16 pads=1,1,1,1", 0},
    {"Conv", "f32:2,2,9,11,16 f32:2,1,3,3,16 f32:32", "layouts=c16,o16>c16 group=32 pads=1,1,1,1", 0},
    {"Conv", "f32:2,2,9,11,16 f32:2,1,3,3,16", "layouts=c16,o16>c16 group=32 strides=2,2", 0},
    {"Conv", "f32:2,2,9,11,16 f32:2,1,3,3,16", "layouts=c16,o16>c16 group=32 strides=3,3", 0},
    {"kerf.ConvGradWeights", "f32:2,2,9,11,16 f32:2,2,9,11,16",
     "layouts=c16,c16> group=32 pads=1,1,1,1 kernel_shape=3,3", 0},

    /* Channels of many pixels, of one, and in blocks; statistics of the batch. */
    {"BatchNormalization", "f32:2,5,9,7 f32:5 f32:5 f32:5 f32:5", "training_mode=1", 5},
    {"BatchNormalization", "f32:9,5 f32:5 f32:5 f32:5 f32:5",     "training_mode=1", 5},
    {"BatchNormalization", "f32:2,1,9,7,16 f32:5 f32:5 f32:5 f32:5",
     "training_mode=1 layouts=c16>c16", 5},
    {"kerf.BatchNormGrad", "f32:2,5,9,7 f32:2,5,9,7 f32:5 f32:5 f32:5", NULL, 0},
    {"kerf.BatchNormGrad", "f32:9,5 f32:9,5 f32:5 f32:5 f32:5",         NULL, 0},
    {"kerf.BatchNormGrad", "f32:2,1,9,7,16 f32:2,1,9,7,16 f32:5 f32:5 f32:5",
     "layouts=c16,c16>c16", 0},

    {"kerf.Dropout",       "f32:5000 f32:16",                    "key=1,2", 0},
    {"LayerNormalization", "f32:50,70 f32:70 f32:70",            NULL, 0},
    {"GroupNormalization", "f32:2,6,9,7 f32:6 f32:6",            "num_groups=3", 0},
    {"kerf.NormGrad",      "f32:50,70 f32:50,70 f32:50 f32:50",  NULL, 0},

    /* Windows over lines, planes and spaces, with and without places; over a whole plane. */
    {"MaxPool",              "f32:2,3,9,37",              "kernel_shape=3,3 strides=2,2", 1},
    {"MaxPool",              "f32:2,3,9,37",              "kernel_shape=3,3 strides=2,2", 2},
    {"AveragePool",          "f32:2,3,9,37",              "kernel_shape=3,3 strides=2,2", 1},
    {"LpPool",               "f32:2,3,9,37",              "kernel_shape=3,3 strides=2,2", 1},
    {"MaxPool",              "f32:2,3,9,37",              "kernel_shape=9,37", 1},
    {"MaxPool",              "u8:2,3,9,37",               "kernel_shape=3,3 strides=2,2", 1},
    {"MaxPool",              "s8:2,3,9,37",               "kernel_shape=3,3 strides=2,2", 1},
    {"MaxPool",              "s8:2,3,9,37",               "kernel_shape=3,3 strides=2,2", 2},
    {"kerf.MaxPoolGrad",     "f32:2,3,9,37 f32:2,3,7,35", "kernel_shape=3,3", 0},
    {"kerf.AveragePoolGrad", "f32:2,3,7,35",              "kernel_shape=3,3 shape=2,3,9,37", 0},
    /* In blocks, with loops for any window and for those that are known. */
    {"MaxPool", "f32:2,2,9,9,16", "kernel_shape=3,3 strides=3,3 layouts=c16>c16", 1},
    {"kerf.MaxPoolGrad", "f32:2,2,9,9,16 f32:2,2,3,3,16", "kernel_shape=3,3 strides=3,3 layouts=c16,c16>c16", 0},
    {"kerf.AveragePoolGrad", "f32:2,2,3,3,16",
     "shape=2,20,9,9 kernel_shape=3,3 strides=3,3 layouts=c16>c16", 0},
    {"MaxPool", "f32:2,2,9,9,16", "kernel_shape=2,2 strides=2,2 layouts=c16>c16", 1},
    {"kerf.MaxPoolGrad", "f32:2,2,9,9,16 f32:2,2,4,4,16", "kernel_shape=2,2 strides=2,2 layouts=c16,c16>c16", 0},
    {"kerf.AveragePoolGrad", "f32:2,2,4,4,16",
     "shape=2,20,9,9 kernel_shape=2,2 strides=2,2 layouts=c16>c16", 0},
    {"MaxPool", "f32:2,2,9,9,16", "kernel_shape=3,3 strides=1,1 layouts=c16>c16", 1},
    {"kerf.MaxPoolGrad", "f32:2,2,9,9,16 f32:2,2,7,7,16", "kernel_shape=3,3 strides=1,1 layouts=c16,c16>c16", 0},
    {"kerf.AveragePoolGrad", "f32:2,2,7,7,16",
     "shape=2,20,9,9 kernel_shape=3,3 strides=1,1 layouts=c16>c16", 0},
    {"MaxPool", "f32:2,2,9,9,16", "kernel_shape=3,3 strides=2,2 layouts=c16>c16", 1},
    {"kerf.MaxPoolGrad", "f32:2,2,9,9,16 f32:2,2,4,4,16", "kernel_shape=3,3 strides=2,2 layouts=c16,c16>c16", 0},
    {"kerf.AveragePoolGrad", "f32:2,2,4,4,16",
     "shape=2,20,9,9 kernel_shape=3,3 strides=2,2 layouts=c16>c16", 0},

    /* Every type there and back, and what is made of both. */
    {"QuantizeLinear",    "f32:50,70 f32: u8:",  NULL, 0},
    {"QuantizeLinear",    "f32:50,70 f32: s8:",  NULL, 0},
    {"QuantizeLinear",    "f32:50,70 f32: u16:", NULL, 0},
    {"QuantizeLinear",    "f32:50,70 f32: s16:", NULL, 0},
    {"QuantizeLinear",    "f32:50,70 f32: u4:",  NULL, 0},
    {"QuantizeLinear",    "f32:50,70 f32: s4:",  NULL, 0},
    {"QuantizeLinear",    "f32:50,70 f32: u2:",  NULL, 0},
    {"QuantizeLinear",    "f32:50,70 f32: s2:",  NULL, 0},
    {"DequantizeLinear",  "u8:50,70 f32:",  NULL, 0},
    {"DequantizeLinear",  "s8:50,70 f32:",  NULL, 0},
    {"DequantizeLinear",  "u16:50,70 f32:", NULL, 0},
    {"DequantizeLinear",  "s16:50,70 f32:", NULL, 0},
    {"DequantizeLinear",  "u4:50,70 f32:",  NULL, 0},
    {"DequantizeLinear",  "s4:50,70 f32:",  NULL, 0},
    {"DequantizeLinear",  "u2:50,70 f32:",  NULL, 0},
    {"DequantizeLinear",  "s2:50,70 f32:",  NULL, 0},
    {"DequantizeLinear",  "s32:50,70 f32:", NULL, 0},
    {"kerf.QuantizeGrad", "f32:50,70 f32:50,70 f32: u8:",  NULL, 0},
    {"kerf.QuantizeGrad", "f32:50,70 f32:50,70 f32: s8:",  NULL, 0},
    {"kerf.QuantizeGrad", "f32:50,70 f32:50,70 f32: u4:",  NULL, 0},
    {"kerf.QuantizeGrad", "f32:50,70 f32:50,70 f32: s4:",  NULL, 0},
    {"kerf.QuantizeRange", "f32: f32:", NULL, 0},

    /* Along rows, columns, neither; long enough to be cut into parts. */
    {"ReduceSum", "f32:50,70",       "axes=1", 0},
    {"ReduceSum", "f32:50,70",       "axes=0", 0},
    {"ReduceSum", "f32:5,7,9",       "axes=0,2", 0},
    {"ReduceSum", "f32:5,7,9,3",     "axes=0,2", 0},
    {"ReduceSum", "f32:3,300001",    "axes=1", 0},
    {"ReduceSum", "f32:70001,10",    "axes=0", 0},
    {"kerf.StdDev",       "f32:5000",  NULL, 0},
    {"kerf.CountNonzero", "bool:5000", NULL, 0},

    /* Rows, short rows, columns, and what is cut into parts, in every type. */
    {"ArgMax", "f32:50,70",  "axis=1", 0},
    {"ArgMax", "f32:50,10",  "axis=1", 0},
    {"ArgMax", "f32:5,7,90", "axis=1", 0},
    {"ArgMax", "f32:3,300001", "axis=1", 0},
    {"ArgMax", "s32:50,70",  "axis=1", 0},
    {"ArgMax", "s64:50,70",  "axis=1", 0},
    {"ArgMax", "u8:50,70",   "axis=1", 0},
    {"ArgMax", "s8:50,70",   "axis=1", 0},
    {"ArgMax", "s32:5,7,90", "axis=1", 0},
    {"ArgMax", "s64:5,7,90", "axis=1", 0},
    {"ArgMax", "u8:5,7,90",  "axis=1", 0},
    {"ArgMax", "s8:5,7,90",  "axis=1", 0},

    {"kerf.Reorder", "f32:2,20,9,5",    "layouts=plain>c16", 0},
    {"kerf.Reorder", "f32:2,20,9,5",    "layouts=plain>i16", 0},
    {"kerf.Reorder", "f32:20,7,3,3",    "layouts=plain>w16", 0},
    {"kerf.Reorder", "s8:50,60",        "layouts=plain>k4", 0},
    {"kerf.Reorder", "f32:2,2,9,5,16",  "layouts=c16>plain channels=20", 0},
    {"kerf.Reorder", "u8:2,20,9,5",     "layouts=plain>c16", 0},
    {"kerf.Reorder", "u8:2,2,9,5,16",   "layouts=c16>plain channels=20", 0},
    {"kerf.Reorder", "s8:20,7,3,3",     "layouts=plain>v16", 0},

    {"Softmax",          "f32:50,70",           "axis=1", 0},
    {"Softmax",          "f32:5,7,9",           "axis=1", 0},
    {"kerf.SoftmaxGrad", "f32:50,70 f32:50,70", "axis=1", 0},
    {"kerf.SoftmaxGrad", "f32:5,7,9 f32:5,7,9", "axis=1", 0},

    {"SoftmaxCrossEntropyLoss",      "f32:50,10 s32:50",      NULL, 2},
    {"kerf.SoftmaxCrossEntropyGrad", "f32:50,10 s32:50 f32:", NULL, 0},
    {"NegativeLogLikelihoodLoss", "f32:50,10 s32:50", NULL, 0},
    {"NegativeLogLikelihoodLoss", "f32:50,10 s64:50", NULL, 0},
    {"kerf.MseLoss", "f32:50,10 s32:50",         NULL, 0},
    {"kerf.MseLoss", "f32:50,10 f32:50,10",      NULL, 0},
    {"kerf.MseGrad", "f32:50,10 s32:50 f32:",    NULL, 0},
    {"kerf.MseGrad", "f32:50,10 f32:50,10 f32:", NULL, 0},
    {"kerf.Metrics", "f32: f32:50,10 s32:50 f32:4", NULL, 0},

    /* Elements of each size: whole rows, turned planes, any strides, a part among zeros. */
    {"Concat",    "u8:5,7 u8:5,9",   "axis=1", 1},
    {"Concat",    "f16:5,7 f16:5,9", "axis=1", 1},
    {"Concat",    "f32:5,7 f32:5,9", "axis=1", 1},
    {"Concat",    "s64:5,7 s64:5,9", "axis=1", 1},
    {"Split",     "f32:5,8",         "axis=1", 2},
    {"Tile",      "f32:5,8",         "repeats=2,3", 1},
    {"Pad",       "f32:5,8",         "pads=1,2,3,4 mode=reflect", 1},
    {"SpaceToDepth", "f32:1,4,8,8",  "blocksize=2", 1},
    {"Transpose", "u8:50,70",        "perm=1,0", 1},
    {"Transpose", "f16:50,70",       "perm=1,0", 1},
    {"Transpose", "f32:50,70",       "perm=1,0", 1},
    {"Transpose", "s64:50,70",       "perm=1,0", 1},
    {"Transpose", "f32:32,48",       "perm=1,0", 1}, /* rows of whole vectors */
    {"Transpose", "s64:32,48",       "perm=1,0", 1},
    {"Transpose", "u8:5,7",          "perm=1,0", 1},
    {"Transpose", "f16:5,7",         "perm=1,0", 1},
    {"Transpose", "f32:5,7",         "perm=1,0", 1},
    {"Transpose", "s64:5,7",         "perm=1,0", 1},
    {"kerf.SliceGrad", "u8:35",      "shape=39 starts=3 steps=1", 1},
    {"kerf.SliceGrad", "f16:35",     "shape=39 starts=3 steps=1", 1},
    {"kerf.SliceGrad", "f32:35",     "shape=39 starts=3 steps=1", 1},
    {"kerf.SliceGrad", "s64:35",     "shape=39 starts=3 steps=1", 1},

    {"Trilu", "u8:50,70",  "upper=0", 0},
    {"Trilu", "f16:50,70", "upper=0", 0},
    {"Trilu", "f32:50,70", "upper=0", 0},
    {"Trilu", "s64:50,70", "upper=0", 0},
    {"Trilu", "u8:50,70",  "upper=1", 0},
    {"Trilu", "f16:50,70", "upper=1", 0},
    {"Trilu", "f32:50,70", "upper=1", 0},
    {"Trilu", "s64:50,70", "upper=1", 0},

    /* The gradient has its numbers; of Resize, the scales as Upsample has them. */
    {"kerf.ResizeGrad", "f32:5,8", "shape=5,4 starts=0,-1073741824 steps=4294967296,2147483648 linear=0", 0},
    {"kerf.ResizeGrad", "f32:5,8", "shape=5,4 starts=0,-1073741824 steps=4294967296,2147483648 linear=1", 0},
    {"Upsample", "u8:5,4",  "mode=nearest scales=1.5,2.5", 0},
    {"Upsample", "f16:5,4", "mode=nearest scales=1.5,2.5", 0},
    {"Upsample", "f32:5,4", "mode=nearest scales=1.5,2.5", 0},
    {"Upsample", "s64:5,4", "mode=nearest scales=1.5,2.5", 0},
    {"Upsample", "f32:5,4", "mode=linear scales=1.5,2.5",  0},

    /* weight, gradient, moments, mask, step: with each choice that a kernel is compiled for. */
    {"kerf.SgdUpdate", "f32:5000 f32:5000 f32:5000 bool:5000 f32:16", "nesterov=0", 2},
    {"kerf.SgdUpdate", "f32:5000 f32:5000 f32:5000 bool:5000 f32:16", "nesterov=1", 2},
    {"kerf.SgdUpdate", "f32:5000 f32:5000 f32:5000 - f32:16",         "nesterov=0", 2},
    {"kerf.SgdUpdate", "f32:5000 f32:5000 f32:5000 - f32:16",         "nesterov=1", 2},
    {"kerf.SgdUpdate", "f32:5000 f32:5000 - bool:5000 f32:16",        NULL, 1},
    {"kerf.SgdUpdate", "f32:5000 f32:5000 - - f32:16",                NULL, 1},
    {"kerf.AdamUpdate", "f32:5000 f32:5000 f32:5000 f32:5000 bool:5000 f32:16", "decoupled=0", 3},
    {"kerf.AdamUpdate", "f32:5000 f32:5000 f32:5000 f32:5000 bool:5000 f32:16", "decoupled=1", 3},
    {"kerf.AdamUpdate", "f32:5000 f32:5000 f32:5000 f32:5000 - f32:16",         "decoupled=0", 3},
    {"kerf.AdamUpdate", "f32:5000 f32:5000 f32:5000 f32:5000 - f32:16",         "decoupled=1", 3},

    {"kerf.Mask",          "f32:5000 bool:5000",           NULL, 0},
    {"kerf.Histogram",     "f32:5000 f32:2 s32:100",       NULL, 0},
    {"kerf.ThresholdMask", "f32: f32:5000 bool:5000",      NULL, 0},
    {"kerf.TopKMask",      "s32: f32:5000 bool:5000",      NULL, 2},
};
const int gate_num_cases = LENGTH(gate_cases);
/* clang-format on */

/* As lib/device/measure_float.c and measure_dot.c put their options together. */
#define MULTIPLY_ADD(vector, chains, form)                                                         \
    "-DPROBE_VECTOR=" vector " -DPROBE_CHAINS=" chains " -DPROBE_MULTIPLY_ADD=" form
#define DOT(form)            "-DDOT_FORM=DOT_" form " -DPROBE_DOT"
#define DOT_RATE(form, sign) "-DDOT_FORM=DOT_" form " -DPROBE_DOT_RATE=dot_" sign " -DPROBE_CHAINS="
#define WIDE_DOT_RATE(form, signs)                                                                 \
    "-DDOT_FORM=DOT_" form " -DDOT_V=16 -DPROBE_DOT_RATE=dot_" signs " -DPROBE_CHAINS=12"
#define KHR "-cl-std=CL3.0 "

/* clang-format off */
const gate_probe gate_probes[] = {
    {"",                  "probe_group",       256, 1024,  NULL},
    {"",                  "probe_local",       64,  16384, NULL},
    {"",                  "probe_divide",      256, 0,     NULL},
    {"",                  "probe_nothing",     64,  0,     NULL},
    {"",                  "probe_copy",        64,  0,     NULL},
    {"-DPROBE_F16",       "probe_f16",         256, 0,     "cl_khr_fp16"},
    {"-DPROBE_F64",       "probe_f64",         256, 0,     "cl_khr_fp64"},
    {"-DPROBE_SUB_GROUPS", "probe_sub_groups", 256, 0,     "cl_khr_subgroups"},
    {"-DPROBE_STREAM",    "probe_copy_stream", 64,  0,     "clang"},
    /* GPUs, with and without fma; CPUs by the width of their registers. */
    {MULTIPLY_ADD("float4", "4", "fma"),   "probe_multiply_add", 64, 0, NULL},
    {MULTIPLY_ADD("float4", "4", "mad"),   "probe_multiply_add", 64, 0, NULL},
    {MULTIPLY_ADD("half4", "4", "fma") " -DPROBE_HALF",
                                           "probe_multiply_add", 64, 0, "cl_khr_fp16"},
    {MULTIPLY_ADD("float16", "3", "fma"),  "probe_multiply_add", 1,  0, NULL},
    {MULTIPLY_ADD("float16", "6", "fma"),  "probe_multiply_add", 1,  0, NULL},
    {MULTIPLY_ADD("float16", "12", "fma"), "probe_multiply_add", 1,  0, NULL},
    /* The forms of the dot product (kernels/dot.clh). */
    {DOT("PLAIN"),                   "probe_dot_ss",   256, 0, NULL},
    {DOT("PLAIN"),                   "probe_dot_us",   256, 0, NULL},
    {"-DDOT_FORM=DOT_PLAIN -DDOT_V=16 -DPROBE_DOT", "probe_dot_ss", 1, 0, NULL},
    {"-DDOT_FORM=DOT_PLAIN -DDOT_V=16 -DPROBE_DOT", "probe_dot_us", 1, 0, NULL},
    {DOT_RATE("PLAIN", "ss") "4",    "probe_dot_rate", 64,  0, NULL},
    {DOT_RATE("PLAIN", "us") "4",    "probe_dot_rate", 64,  0, NULL},
    {WIDE_DOT_RATE("PLAIN", "ss"),   "probe_dot_rate", 1,   0, NULL},
    {WIDE_DOT_RATE("PLAIN", "us"),   "probe_dot_rate", 1,   0, NULL},
    {DOT("AMD"),                     "probe_dot_ss",   256, 0, "amd_dot"},
    {DOT_RATE("AMD", "ss") "4",      "probe_dot_rate", 64,  0, "amd_dot"},
    {KHR DOT("KHR"),                 "probe_dot_ss",   256, 0, "cl_khr_integer_dot_product"},
    {KHR DOT("KHR"),                 "probe_dot_us",   256, 0, "cl_khr_integer_dot_product"},
    {KHR DOT("KHR_ACC"),             "probe_dot_ss",   256, 0, "cl_khr_integer_dot_product"},
    {KHR DOT("KHR_ACC"),             "probe_dot_us",   256, 0, "cl_khr_integer_dot_product"},
    {"-DDOT_FORM=DOT_X86 -DDOT_V=16 -DPROBE_DOT", "probe_dot_us", 1, 0, "x86"},
    {WIDE_DOT_RATE("X86", "us"),     "probe_dot_rate", 1,   0, "x86"},
};
const int gate_num_probes = LENGTH(gate_probes);
/* clang-format on */
