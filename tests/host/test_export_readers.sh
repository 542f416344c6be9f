#!/bin/sh
# test_export_readers.sh -- `kerf export` for TensorRT, whose rules are its documents' as it is not run here, and
# for OpenVINO: what it says of each node is what the executed graph is made of.
. "$(dirname "$0")/export.sh"
make_residual 0.5

# ---- TensorRT: as its documents ask for it, with the network's results -----------------------------
exported residual8.onnx trt "its bias stored as floats"
all_fuse residual8.onnx
judge signed exported.onnx
judge same residual8.onnx exported.onnx 0.1 # its steps are wider
check_top1 "Add Concat Flatten FusedConv QGemm QLinearAveragePool QLinearConv QLinearGlobalAveragePool Relu"

# ---- OpenVINO: what is predicted, node by node -----------------------------------------------------
check_openvino residual8.onnx
all_fuse residual8.onnx
made quantize trained.onnx --ranges ranges.json --skip point --skip conv4 -o mixed.onnx
check_openvino mixed.onnx
grep -q "its weights are floats, or computed" report.json || failed "openvino: weights that stay floats are not told"
made quantize trained.onnx --ranges ranges.json --activations int8 -o signed.onnx
check_openvino signed.onnx
all_fuse signed.onnx
check_openvino bare.onnx
all_fuse bare.onnx
check_openvino gemm.onnx
all_fuse gemm.onnx
made new lenet-300-100 -o lenet3.onnx
for form in "int8 channel" "int8 tensor" "int4 channel"; do
    made quantize lenet3.onnx --weights "${form% *}" --per "${form#* }" -o only.onnx
    check_openvino only.onnx
    all_fuse "$form"
done
for weights in int4 int2; do
    made quantize lenet3.onnx --weights $weights --per block=32 -o only.onnx
    check_openvino only.onnx "its last block was not whole"
    all_fuse $weights
    judge same only.onnx exported.onnx
done
grep -q "its weights of 2 bits stored in 4" report.json || failed "openvino: 2 bits"
made new lenet-5 -o lenet5.onnx
made quantize lenet5.onnx --weights int4 -o only.onnx
check_openvino only.onnx
grep -q "an input is a float" report.json || failed "openvino: convolutions of 4 bits stay floats"
finish
