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

# Commands with a batch of their own open that of a file.
expect_json "infer.runs=2" "$KERF" bench "$golden/inference.onnx" --batch 8 --runs 2 --warm 0 --json
expect_json "train.runs=2" "$KERF" bench "$golden/inference.onnx" --train --runs 2 --warm 0 --json
expect_json "agreement=100" "$KERF" eval "$golden/open_batch.onnx" --data $data --batch 7 \
    --reference "$golden/inference.onnx" --json

# A device that is too small says so in one line, with what is largest.
KERF_TEST_LIMITS=0,0,100000 "$KERF" eval "$golden/open_batch.onnx" --data $data 2>err.txt &&
    failed "a network that does not fit was evaluated"
grep -q "^kerf: eval: plan: needs at least .*; the largest is .*; a smaller batch needs less$" err.txt ||
    failed "a small device: $(cat err.txt)"
finish
