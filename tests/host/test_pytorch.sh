#!/bin/sh
# test_pytorch.sh -- both kinds of PyTorch's exports (tests/golden/pytorch, docs/pytorch.md).
. "$KERF_TEST_SOURCE/tests/host/lib.sh"
golden=$KERF_TEST_SOURCE/tests/golden/pytorch
data=random:3,8,8,5

expect 0 "input x: the batch is fixed to 1; train, prune and eval free it" \
    "$KERF" info "$golden/inference.onnx"
grep -q "batch norm is folded into 1 convolution: they train without it" out.txt ||
    failed "nothing about batch norm: $(cat out.txt)"
"$KERF" info "$golden/training.onnx" >out.txt || failed "info of the training form"
grep -q warning out.txt && failed "a warning of the training form: $(cat out.txt)"

for kind in inference open_batch training; do
    expect 0 "top-1" "$KERF" train "$golden/$kind.onnx" --data $data --batch 64 --epochs 1 -o $kind.onnx
    "$KERF" info $kind.onnx >out.txt
    grep -q "the batch is fixed" out.txt && failed "$kind: what was trained has a fixed batch"
    expect 0 "top-1" "$KERF" eval $kind.onnx --data $data --batch 7
done
finish
