#!/bin/sh
# test_usage.sh -- what the command says when it is used wrongly, and its help; no device.
. "$(dirname "$0")/lib.sh"

# ---- help ----------------------------------------------------------------------------------
expect 0 "usage: kerf COMMAND" "$KERF" --help
expect 0 "kerf demo" "$KERF" help
expect 2 "usage: kerf COMMAND" "$KERF"
for command in devices new info train eval infer prune distill quantize share run fold bench tune verify demo; do
    expect 0 "usage: kerf $command" "$KERF" $command --help
    expect 0 "examples:" "$KERF" help $command
done
expect 0 "kerf 0." "$KERF" --version
expect 0 "jansson 2." "$KERF" --version -v
expect 0 "Permission is hereby granted" "$KERF" --version -v

# ---- commands -------------------------------------------------------------------------------
expect_error 2 "kerf: trian: no such command; did you mean kerf train?" "$KERF" trian
expect_error 2 "kerf: xyzzy: no such command; kerf --help lists them" "$KERF" xyzzy
# ---- options --------------------------------------------------------------------------------
expect_error 2 "kerf: prune: --sparsity 1.2: must be at least 0 and below 1" \
    "$KERF" prune m.onnx --sparsity 1.2 -o x.onnx
expect_error 2 "kerf: prune: --sparsity -0.1: must be at least 0 and below 1" \
    "$KERF" prune m.onnx --sparsity=-0.1 -o x.onnx
expect_error 2 "kerf: prune: --sparsity 1: must be at least 0 and below 1" \
    "$KERF" prune m.onnx --sparsity fc1=0.5,fc2=1 -o x.onnx
expect_error 2 "kerf: prune: --sparsity nan: must be at least 0 and below 1" \
    "$KERF" prune m.onnx --sparsity nan -o x.onnx
expect_error 2 "kerf: prune: --sparsity half: must be a number, or LAYER=NUMBER,..." \
    "$KERF" prune m.onnx --sparsity half -o x.onnx
expect_error 2 "kerf: prune: --sparsity =0.5: the layer's name is missing" \
    "$KERF" prune m.onnx --sparsity =0.5 -o x.onnx
expect_error 2 "kerf: prune: --sparsty: no such option; did you mean --sparsity?" \
    "$KERF" prune m.onnx --sparsty 0.5
expect_error 2 "kerf: prune: --structure 4x1: must be weight, block=4x1, n:m=2:4, kernel or channel" \
    "$KERF" prune m.onnx --structure 4x1 --sparsity 0.5 -o x.onnx
expect_error 2 "kerf: prune: --structure 4,1: must be two whole numbers with 'x' between them" \
    "$KERF" prune m.onnx --structure block=4,1 --sparsity 0.5 -o x.onnx
expect_error 2 "kerf: prune: --analyse: needs --data to measure on" "$KERF" prune m.onnx --analyse
expect_error 2 "kerf: prune: --analyse: writes no model, must be without --output" \
    "$KERF" prune m.onnx --data fashion-mnist --analyse -o x.onnx
expect_error 2 "kerf: prune: --method: this one chooses by gradients, so it wants --retrain or --finetune, and --data" \
    "$KERF" prune m.onnx --method rigl --sparsity 0.5 -o x.onnx
expect_error 2 "kerf: info: --sparsity: not an option of this command; see kerf info --help" \
    "$KERF" info m.onnx --sparsity 0.5
expect_error 2 "kerf: info: -z: no such option; see kerf info --help" "$KERF" info m.onnx -z
expect_error 2 "kerf: train: --batch 0: must be at least 1 and at most 1048576" \
    "$KERF" train m.onnx --batch 0
expect_error 2 "kerf: train: --batch 1.5: must be a whole number" "$KERF" train m.onnx --batch 1.5
expect_error 2 "kerf: train: --batch 9999999999999999999999: must be at least 1 and at most 1048576" \
    "$KERF" train m.onnx --batch 9999999999999999999999
expect_error 2 "kerf: train: --memory 2X: must be a number of bytes like 512M or 2G" \
    "$KERF" train m.onnx --memory 2X
expect_error 2 "kerf: train: --lr fast: must be a number" "$KERF" train m.onnx --lr fast
expect_error 2 "kerf: train: --lr inf: must be at least 0" "$KERF" train m.onnx --lr inf
expect_error 2 "kerf: train: --epochs: needs a value (E)" "$KERF" train m.onnx --epochs
expect_error 2 "kerf: train: --optimizer sdg: must be one of sgd|adam|adamw" \
    "$KERF" train m.onnx --optimizer sdg
expect_error 2 "kerf: train: --json=1: takes no value" "$KERF" train m.onnx --json=1
expect_error 2 "kerf: train: --precision f8: must be one of f32|f16|mixed|auto" "$KERF" train m.onnx --precision f8
expect_error 2 "kerf: train: --accumulate 0: must be at least 1 and at most 1048576" \
    "$KERF" train m.onnx --accumulate 0
expect_error 2 "kerf: train: --clip -1: must be at least 0 and at most 1000000000" \
    "$KERF" train m.onnx --clip -1
expect_error 2 "kerf: prune: --max-drop: finds how much goes, must be without --sparsity, --s and --mask; with --retrain --max-drop stops before a --sparsity" \
    "$KERF" prune m.onnx --max-drop 0.5 --sparsity 0.5 -o x.onnx
expect_error 2 "kerf: prune: --max-drop: with --sparsity it stops rounds of --retrain, must be without --finetune" \
    "$KERF" prune m.onnx --data fashion-mnist --max-drop 0.5 --sparsity 0.9 --retrain 1 --finetune 2 -o x.onnx
expect_error 2 "kerf: prune: --max-drop: rounds take more and more, must be without n:m, and by a method other than mask, snip and rigl" \
    "$KERF" prune m.onnx --data fashion-mnist --method rigl --max-drop 0.5 --sparsity 0.9 --retrain 1 -o x.onnx
expect_error 2 "kerf: prune: --penalty l2=1: must be l1, group, l0, l0-group, variational, bn or saliency with its strength, such as l1=1e-4" \
    "$KERF" prune m.onnx --data fashion-mnist --sparsity 0.5 --retrain 1 --penalty l2=1 -o x.onnx
expect_error 2 "kerf: train: --penalty-from: acts with --penalty alone, such as --penalty l1=1e-4" \
    "$KERF" train m.onnx --data fashion-mnist --penalty-from 2 -o x.onnx
expect_error 2 "kerf: prune: --max-drop: needs --data to measure on" \
    "$KERF" prune m.onnx --max-drop 0.5 -o x.onnx
expect_error 2 "kerf: quantize: --mode best: must be one of dynamic|static|weight-only|qat" \
    "$KERF" quantize m.onnx --mode best
expect_error 2 "kerf: info: the model is missing: kerf info M" "$KERF" info
expect_error 2 "kerf: info: b: one argument too many: kerf info M" "$KERF" info a b

# ---- what goes together -----------------------------------------------------------------------
expect_error 2 "kerf: train: --data is missing, such as --data fashion-mnist" \
    "$KERF" train m.onnx -o x.onnx
expect_error 2 "kerf: eval: --data is missing, such as --data fashion-mnist" "$KERF" eval m.onnx
expect_error 2 "kerf: eval: --split dev: must be train, val or test" \
    "$KERF" eval m.onnx --data fashion-mnist --split dev
expect_error 2 "kerf: prune: --sparsity is missing: method magnitude wants it, such as --sparsity 0.9" \
    "$KERF" prune m.onnx -o x.onnx
expect_error 2 "kerf: prune: --s is missing: method std wants it, such as --s 1.5" \
    "$KERF" prune m.onnx --method std --sparsity 0.5 -o x.onnx
expect_error 2 "kerf: prune: --retrain: needs --data to train on" \
    "$KERF" prune m.onnx --sparsity 0.5 --retrain 1 -o x.onnx
expect_error 2 "kerf: prune: --min-keep: is a bound of --scope global; a layer keeps what its --sparsity leaves" \
    "$KERF" prune m.onnx --sparsity 0.5 --min-keep 0.1 -o x.onnx
expect_error 2 "kerf: prune: --scope global: takes one amount for all, and bounds by layer behind it, such as 0.98,fc3=0.9" \
    "$KERF" prune m.onnx --sparsity fc1=0.5 --scope global -o x.onnx
expect_error 2 "kerf: train: --json: cannot go with -o -, both want standard output" \
    "$KERF" train m.onnx --data fashion-mnist --json -o -
expect_error 2 "kerf: infer: --input is missing: --input X.npy or an image" "$KERF" infer m.onnx
expect_error 2 "kerf: infer: - stands for standard input once only" "$KERF" infer - --input -
expect_error 2 "kerf: bench: --train: goes with a model: kerf bench M.onnx" "$KERF" bench --train
expect_error 2 "kerf: new: the network's name is missing; kerf new --list names them" \
    "$KERF" new -o x.onnx
expect_error 2 "kerf: new: --input 1,2: must be three numbers above 0 like 1,28,28" \
    "$KERF" new lenet-300-100 --input 1,2 -o x.onnx
expect_error 2 "kerf: new: -o is missing: where the result goes; see kerf new --help" \
    "$KERF" new lenet-300-100
[ -z "$(ls | grep -v -e '^out.txt$' -e '^err.txt$')" ] || failed "wrong usage left files: $(ls)"
finish
