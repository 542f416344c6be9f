#!/bin/sh
# test_export.sh -- `kerf export`: what it says of each node is what ONNX Runtime makes of it
# (export_judge.py), and top-1 there is Kerf's (quantize_judge.py).  PYTHON has onnx and onnxruntime.
. "$(dirname "$0")/lib.sh"
data=fashion-mnist
export KERF_DEVICE=0
need_python

judge() {
    "$PYTHON" "$KERF_TEST_SOURCE/tests/host/export_judge.py" "$@" || failed "export_judge.py $*"
}

# check_ort FILE [WORDS]: exported for ONNX Runtime, FILE becomes what is predicted; WORDS are among
# what was changed.  Leaves exported.onnx.
check_ort() {
    "$KERF" export "$1" --profile ort --json -f -o exported.onnx >report.json || failed "export $1"
    judge ort exported.onnx report.json
    [ -z "${2-}" ] || grep -qF "$2" report.json || failed "$1: no '$2' in $(cat report.json)"
}

# check_top1 OPERATORS [float-sums]: of exported.onnx, in both.
check_top1() {
    "$KERF" eval exported.onnx --data $data --json >eval.json || failed "eval"
    "$PYTHON" "$KERF_TEST_SOURCE/tests/host/quantize_judge.py" exported.onnx eval.json "$1" "${2-}" || failed "top-1"
}

# all_fuse: nothing in report.json stays a float.
all_fuse() {
    ! grep -q '"fuses": *false' report.json || failed "$1: not all fuses: $(cat report.json)"
}

judge make

# ---- static ------------------------------------------------------------------------------------
"$KERF" new lenet-5 -q -o lenet5.onnx || failed new
"$KERF" train lenet5.onnx --data $data --epochs 0.3 -q -o dense5.onnx >out.txt || failed train
"$KERF" quantize dense5.onnx --data $data -q -o int8.onnx >out.txt || failed quantize
check_ort int8.onnx
all_fuse int8.onnx
check_top1 "Flatten NhwcMaxPool QGemm QLinearConv"
"$KERF" train residual.onnx --data $data --epochs 0.2 -q -o trained.onnx >out.txt || failed train
"$KERF" quantize trained.onnx --data $data --ranges ranges.json -q -o residual8.onnx >out.txt || failed quantize
check_ort residual8.onnx
all_fuse residual8.onnx
check_top1 "Flatten NhwcMaxPool QGemm QLinearConv QLinearAdd QLinearConcat QLinearAveragePool QLinearGlobalAveragePool"
"$KERF" quantize trained.onnx --ranges ranges.json --skip point --skip conv4 -q -o mixed.onnx >out.txt || failed quantize
check_ort mixed.onnx
grep -q "it rounds the weights, which are floats" report.json || failed "point: weights that are rounded are not told"
grep -q "its weights are floats, or computed" report.json || failed "conv4: weights that stay floats are not told"
check_ort bare.onnx "QuantizeLinear and DequantizeLinear put behind it"
all_fuse bare.onnx
judge same bare.onnx exported.onnx

# ---- dynamic and weight-only ---------------------------------------------------------------------
"$KERF" new lenet-300-100 -q -o lenet3.onnx || failed new
"$KERF" train lenet3.onnx --data $data --epochs 0.3 -q -o dense3.onnx >out.txt || failed train
"$KERF" quantize dense3.onnx --mode dynamic -q -o dynamic.onnx >out.txt || failed quantize
check_ort dynamic.onnx
all_fuse dynamic.onnx
check_top1 "DynamicQuantizeMatMul Flatten Relu"
"$KERF" quantize dense3.onnx --data $data -q -o static3.onnx >out.txt || failed quantize
check_ort static3.onnx
all_fuse static3.onnx
for form in "int8 channel" "int8 tensor" "int4 block=32" "int4 block=16" "int4 channel"; do
    "$KERF" quantize dense3.onnx --weights "${form% *}" --per "${form#* }" -q -f -o only.onnx >out.txt || failed quantize
    check_ort only.onnx "written as Max and Min"
    all_fuse "$form"
    check_top1 "Flatten Max MatMulNBits" float-sums
done
"$KERF" quantize dense5.onnx --weights int4 -q -f -o only.onnx >out.txt || failed quantize
check_ort only.onnx
grep -q "an input is a float" report.json || failed "convolutions of 4 bits stay floats"
check_ort gemm.onnx "Gemm written as MatMul and Add"
all_fuse gemm.onnx
judge same gemm.onnx exported.onnx

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
