#!/bin/sh
# test_export_weights.sh -- `kerf export` of products of matrices: weights alone are integers, or
# ranges of activations are found in each run.
. "$(dirname "$0")/export.sh"
judge make
made new lenet-300-100 -o lenet3.onnx
made train lenet3.onnx --data $data --epochs 0.3 -o dense3.onnx
made quantize dense3.onnx --mode dynamic -o dynamic.onnx
check_ort dynamic.onnx
all_fuse dynamic.onnx
check_top1 "DynamicQuantizeMatMul Flatten Relu"
made quantize dense3.onnx --data $data -o static3.onnx
check_ort static3.onnx
all_fuse static3.onnx
for form in "int8 channel" "int8 tensor" "int4 block=32" "int4 block=16" "int4 channel"; do
    made quantize dense3.onnx --weights "${form% *}" --per "${form#* }" -o only.onnx
    check_ort only.onnx "written as Max and Min"
    all_fuse "$form"
    check_top1 "Flatten Max MatMulNBits" float-sums
done
made new lenet-5 -o lenet5.onnx
made quantize lenet5.onnx --weights int4 -o only.onnx
check_ort only.onnx
grep -q "an input is a float" report.json || failed "convolutions of 4 bits stay floats"
check_ort gemm.onnx "Gemm written as MatMul and Add"
all_fuse gemm.onnx
judge same gemm.onnx exported.onnx
finish
