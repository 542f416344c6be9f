#!/bin/sh
# test_export.sh -- `kerf export` of networks whose activations are integers: what it says of each node is
# what ONNX Runtime makes of it, and top-1 there is Kerf's.
. "$(dirname "$0")/export.sh"
make_residual 1

# ---- static ------------------------------------------------------------------------------------
made new lenet-5 -o lenet5.onnx
made train lenet5.onnx --data $data --epochs 0.3 -o dense5.onnx
made quantize dense5.onnx --data $data -o int8.onnx
check_ort int8.onnx
all_fuse int8.onnx
check_top1 "Flatten NhwcMaxPool QGemm QLinearConv"
check_ort residual8.onnx
all_fuse residual8.onnx
check_top1 "Flatten NhwcMaxPool QGemm QLinearConv QLinearAdd QLinearConcat QLinearAveragePool QLinearGlobalAveragePool"
made quantize trained.onnx --ranges ranges.json --skip point --skip conv4 -o mixed.onnx
check_ort mixed.onnx
grep -q "it rounds the weights, which are floats" report.json || failed "point: weights that are rounded are not told"
grep -q "its weights are floats, or computed" report.json || failed "conv4: weights that stay floats are not told"
made quantize trained.onnx --ranges ranges.json --activations int8 -o signed.onnx
check_ort signed.onnx "rounded to uint8, the numbers as they were"
all_fuse signed.onnx
judge same signed.onnx exported.onnx
check_ort bare.onnx "QuantizeLinear and DequantizeLinear put behind it"
all_fuse bare.onnx
judge same bare.onnx exported.onnx

# ---- what is printed, and refused ----------------------------------------------------------------
expect 0 "conv1    Conv      QLinearConv" "$KERF" export int8.onnx --profile ort -f -o exported.onnx
expect 0 "7 of 7 nodes with integers run as such" "$KERF" export int8.onnx --profile ort-mobile -f -o exported.onnx
expect_error 2 "kerf: export: --profile is missing: must be ort, ort-mobile, trt or openvino" \
    "$KERF" export int8.onnx -o x.onnx
expect_error 2 "kerf: export: --profile tflite: TensorFlow Lite reads no ONNX; on a phone, ort-mobile is what runs the file" \
    "$KERF" export int8.onnx --profile tflite -o x.onnx
expect_error 1 "kerf: export: dense5.onnx: has no integers; kerf quantize makes them" \
    "$KERF" export dense5.onnx --profile ort -o x.onnx
[ ! -e x.onnx ] || failed "a failed export wrote its output"
finish
