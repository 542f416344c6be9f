#!/bin/sh
# test_ort_quantized.sh -- files that ONNX Runtime's own quantizer wrote, in its three ways, give
# what they give there (ort_quantized.py).  PYTHON has onnx and onnxruntime.
. "$(dirname "$0")/lib.sh"
export KERF_DEVICE=0
need_python
judge="$KERF_TEST_SOURCE/tests/host/ort_quantized.py"
"$KERF" new lenet-5 -q -o lenet.onnx || failed new
"$PYTHON" "$judge" make lenet.onnx || failed "quantizing"
for way in pairs operators channels dynamic; do
    expect 0 "" "$KERF" infer $way.onnx --input x.npy -q -o $way.npy
    "$PYTHON" "$judge" compare $way.onnx || failed "$way"
done
finish
