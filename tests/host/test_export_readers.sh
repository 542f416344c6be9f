#!/bin/sh
# test_export_readers.sh -- `kerf export` for TensorRT, which is not run here, and for OpenVINO.
. "$(dirname "$0")/export.sh"
make_residual 0.5

# ---- TensorRT: as its documents ask for it, with the network's results -----------------------------
exported residual8.onnx trt "its bias stored as floats"
all_fuse residual8.onnx
judge signed exported.onnx
judge same residual8.onnx exported.onnx 0.1 # its steps are wider
check_top1 "Add Concat Flatten FusedConv QGemm QLinearAveragePool QLinearConv QLinearGlobalAveragePool Relu"

# ---- OpenVINO ----------------------------------------------------------------------------------
made new lenet-300-100 -o lenet3.onnx
for weights in int4 int2; do
    made quantize lenet3.onnx --weights $weights --per block=32 -o only.onnx
    exported only.onnx openvino "its last block was not whole"
    all_fuse $weights
    judge same only.onnx exported.onnx
    judge whole exported.onnx
done
grep -q "its weights of 2 bits stored in 4" report.json || failed "openvino: 2 bits"
finish
