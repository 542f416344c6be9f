#!/bin/sh
# test_verify.sh -- `kerf verify` as a person uses it; KERF_WRONG is the command with a kernel
# that is wrong (wrong_kernel.c).
. "$KERF_TEST_SOURCE/tests/host/lib.sh"

"$KERF" new lenet-300-100 --input 1,4,4 --width 0.1 -o m.onnx >/dev/null
expect_json "devices.0.device devices.0.max_rel devices.0.mask_digest devices.0.layers \
    devices.0.kernels devices.0.bad_kernels" "$KERF" verify m.onnx --device all --batch 4 --json
grep -q '"first_bad_layer":null' out.txt || failed "a good device has a bad layer: $(cat out.txt)"
grep -q '"top1":null' out.txt || failed "an accuracy without data"
expect 0 "first bad layer" "$KERF" verify m.onnx --batch 4 --data random:1,4,4,10
grep -q " %.* none" out.txt || failed "no accuracy with data"

expect 1 "lies: the result is off by inf of its largest number, must be within" \
    "$KERF_WRONG" verify m.onnx --device all --batch 4
"$KERF_WRONG" verify m.onnx --device all --batch 4 --json >out.txt
[ $? = 1 ] || failed "exit 0 with a wrong kernel"
grep -q '"first_bad_layer":"relu[^"]*grad' out.txt || failed "not named: $(cat out.txt)"
expect 1 "(backward): wrong on" "$KERF_WRONG" verify m.onnx --batch 4 -v

mkdir folder
expect_error 1 "kerf: verify: folder: folders of ONNX tests are not in this version yet, must be a \
model" "$KERF" verify folder
expect 1 "none.onnx" "$KERF" verify none.onnx
expect 1 "none has that name" "$KERF" verify m.onnx --device nosuch
finish
