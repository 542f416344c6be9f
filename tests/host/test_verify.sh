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

# Folders of ONNX tests: a model, and a tensor of two 1.0 in and of two numbers out.
tensor() { # eight bytes, in printf's octal: float32 (2)
    printf '\010\002\020\001\112\010'
    printf "$1"
}
one='\000\000\200\077' minus='\000\000\200\277' nought='\000\000\000\000'
for test in good wrong; do
    mkdir -p folder/$test/test_data_set_0
    cp "$KERF_TEST_SOURCE/tests/golden/good/relu_test.onnx" folder/$test/model.onnx
    tensor "$one$minus" >folder/$test/test_data_set_0/input_0.pb
done
tensor "$one$nought" >folder/good/test_data_set_0/output_0.pb
tensor "$one$one" >folder/wrong/test_data_set_0/output_0.pb
mkdir -p folder/listed/test_data_set_0
cp "$KERF_TEST_SOURCE/tests/golden/bad/subgraph.onnx" folder/listed/model.onnx
expect 0 "passed 1, failed 0, unsupported 0 of 1" "$KERF" verify folder/good
expect 0 "unsupported: listed: If" "$KERF" verify folder/good folder/listed -v
expect 1 "passed 1, failed 1, unsupported 1 of 3" "$KERF" verify folder
grep -q "failed: wrong: output y: 1 of 2 elements are wrong, the first is 1: is 0, must be 1" out.txt ||
    failed "no reason: $(cat out.txt)"
"$KERF" verify folder --json >out.txt
[ $? = 1 ] || failed "exit 0 with a wrong result"
"$JSON_CHECK" passed failed unsupported cases.0.name cases.0.result cases.0.why cases.0.max_abs \
    cases.0.max_rel <out.txt || failed "JSON of folders"
rm folder/good/test_data_set_0/output_0.pb
expect 1 "failed: good: folder/good/test_data_set_0 has no output_0.pb" "$KERF" verify folder/good
expect 1 "none of its folders has" "$KERF" verify folder/good/test_data_set_0
expect 2 "one model at a time, or folders of ONNX tests" "$KERF" verify m.onnx m.onnx
expect 1 "none.onnx" "$KERF" verify none.onnx
expect 1 "none has that name" "$KERF" verify m.onnx --device nosuch
finish
