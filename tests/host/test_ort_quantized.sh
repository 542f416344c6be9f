#!/bin/sh
# test_ort_quantized.sh -- files that ONNX Runtime's own quantizer wrote, in all its ways, give what
# they give there (ort_quantized.py).  PYTHON has onnx and onnxruntime.
. "$(dirname "$0")/lib.sh"
export KERF_DEVICE=0
need_python
judge="$KERF_TEST_SOURCE/tests/host/ort_quantized.py"
"$KERF" new lenet-5 -q -o lenet.onnx || failed new
"$PYTHON" "$judge" make lenet.onnx || failed "quantizing"
while read -r file; do
    expect 0 "" "$KERF" infer "$file" --input x.npy -q -o "${file%.onnx}.npy"
done <files.txt
"$PYTHON" "$judge" compare || failed "comparing"
finish
