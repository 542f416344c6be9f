#!/bin/sh
# test_ort_quantized.sh -- files that ONNX Runtime's own quantizer wrote, in all its ways, give what
# they give there (ort_quantized.py), and can teach; and `kerf export` says of each node what becomes of it.
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
# They teach as any network does, and what was taught differs from what labels alone teach.
"$KERF" new lenet-300-100 --width 0.1 -q -o student.onnx || failed "new, of the student"
for teacher in lenet_operators_channel lenet_dynamic; do
    expect 0 "" "$KERF" distill $teacher.onnx student.onnx --data random:1,28,28,10 --epochs 0.02 --alpha 1 -q -o taught_$teacher.onnx
done
cmp -s taught_lenet_operators_channel.onnx taught_lenet_dynamic.onnx && failed "two teachers teach the same"
finish
