#!/bin/sh
# test_ort_quantized.sh -- files that ONNX Runtime's own quantizer wrote, in all its ways, give what
# they give there (ort_quantized.py); and `kerf export` says of each node what becomes of it.
. "$(dirname "$0")/export.sh"
quantized="$KERF_TEST_SOURCE/tests/host/ort_quantized.py"
"$KERF" new lenet-5 -q -o lenet.onnx || failed new
"$PYTHON" "$quantized" make lenet.onnx || failed "quantizing"
while read -r file; do
    expect 0 "" "$KERF" infer "$file" --input x.npy -q -o "${file%.onnx}.npy"
done <files.txt
"$PYTHON" "$quantized" compare || failed "comparing"
for network in lenet residual products; do
    for way in pairs_channel pairs_signed; do
        check_ort ${network}_$way.onnx
        check_openvino ${network}_$way.onnx
    done
    check_ort ${network}_operators_channel.onnx
    check_ort ${network}_dynamic.onnx
done
finish
