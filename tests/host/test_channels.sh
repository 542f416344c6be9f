#!/bin/sh
# test_channels.sh -- `kerf prune --remove` and `--groups`: channels that are gone, judged by ONNX
# Runtime on models of others, and what is said of what cannot be had.
. "$(dirname "$0")/lib.sh"
export KERF_DEVICE=0
need_python
judge="$KERF_TEST_SOURCE/tests/host/channels_judge.py"
data=random:1,28,28,10

# ---- channels that add nothing change no output --------------------------------------------------
models=$(dirname "$(dirname "$(dirname "$PYTHON")")")/venv-models
# Heights that these models take: the reader of lines 48 alone.
for model in det:64 rec:48 cls:48; do
    file=$(find "$models/" -name "*${model%:*}_infer.onnx" | head -1)
    [ -n "$file" ] || { failed "no model ${model%:*} in $models"; continue; }
    "$PYTHON" "$judge" zero "$file" zeros.onnx || failed "zero $model"
    expect 0 "" "$KERF" prune zeros.onnx --remove -f -q -o cut.onnx
    "$PYTHON" "$judge" compare zeros.onnx cut.onnx "${model#*:}" || failed "$model says something else"
done

# ---- groups ------------------------------------------------------------------------------------
"$KERF" new lenet-5 -q -o fresh.onnx || failed new
expect 0 "conv1          20    20  conv1, conv2" "$KERF" prune fresh.onnx --groups
expect 0 "stay: they are an output of the network" "$KERF" prune fresh.onnx --groups
expect 0 "goes" "$KERF" prune fresh.onnx --groups --sparsity 0.5 --layers conv1
expect_json "groups.0.channels=20 groups.0.left=10 groups.0.members.0.weight groups.0.numbers.0.score" \
    "$KERF" prune fresh.onnx --groups --sparsity 0.5 --json
[ ! -e cut2.onnx ] || failed "--groups wrote a model"

# ---- amounts -----------------------------------------------------------------------------------
expect_json "removed.0.0.left=12 after.macs before.macs" \
    "$KERF" prune fresh.onnx --remove --sparsity 0.4 --json -f -o cut.onnx
expect_json "removed.0.0.left=16" "$KERF" prune fresh.onnx --remove --sparsity 0.4 --round-to 8 --json -f -o cut.onnx
expect_json "after.macs" "$KERF" prune fresh.onnx --remove --macs 50% --json -f -o cut.onnx
"$PYTHON" -c 'import json
x = json.load(open("out.txt"))
assert 0.4 * x["before"]["macs"] < x["after"]["macs"] <= 0.5 * x["before"]["macs"], x["after"]' || failed "--macs 50% is not held"
for criterion in l1 linf fpgm lamp random; do
    expect 0 "" "$KERF" prune fresh.onnx --remove --sparsity 0.5 --criterion $criterion --scope global -q -f -o cut.onnx
    "$KERF" infer cut.onnx --random 3 -q -o y.npy 2>/dev/null || "$KERF" info cut.onnx >/dev/null || failed "$criterion: what is left does not run"
done

# Bars before and after: where a channel is gone there is none.
expect 0 "" "$KERF" prune fresh.onnx --remove --sparsity 0.4 --layers conv1 --run-dir bars -q -f -o cut.onnx
"$PYTHON" -c 'import json
layers = {x["name"]: x["norms"] for x in json.load(open("bars/layers.json"))["weights"]}
before, after = layers["conv1"]["before"], layers["conv1"]["after"]
assert len(before) == len(after) == 20 and after.count(None) == 8, layers["conv1"]
kept = [x for x in after if x is not None]
assert min(kept) >= max(b for b, a in zip(before, after) if a is None)
assert all(a is None or abs(a - b) < 1e-5 for b, a in zip(before, after))
assert layers["fc1"]["after"].count(None) == 0' || failed "no bars where channels were"
expect 0 "" "$KERF" report bars -q -f -o bars.html

for suffix in onnx kerf; do
    "$KERF" new lenet-5 -q -f -o "whole.$suffix" || failed new
    expect_json "found.0.bytes found.0.sparsity" \
        "$KERF" prune fresh.onnx --remove --size 4x --round-to 4 --json -f -o "cut.$suffix"
    [ "$(wc -c <"cut.$suffix")" -le $(($(wc -c <"whole.$suffix") / 4)) ] || failed "--size 4x is not held by .$suffix"
done
expect 0 "ms a run" "$KERF" prune fresh.onnx --remove --latency 1000 --macs 60% -f -o cut.onnx

# ---- by samples --------------------------------------------------------------------------------
expect 0 "" "$KERF" prune fresh.onnx --data $data --remove --sparsity 0.5 --criterion taylor --scope global --calibrate 64 -q -f -o cut.onnx
expect_json "removed.0.0.numbers.0.score" \
    "$KERF" prune fresh.onnx --data $data --remove --sparsity 0.5 --criterion rank --skip fc1 --calibrate 16 --json -f -o cut.onnx
"$KERF" new lenet-300-100 -q -o linear.onnx || failed new
expect_json "removed.0.0.left=150" \
    "$KERF" prune linear.onnx --data $data --remove --sparsity 0.5 --criterion zeros --json -f -o cut.onnx
expect 0 "fc1" "$KERF" prune linear.onnx --data $data --groups --sparsity 0.5 --criterion zeros

# ---- in steps, with training between them ---------------------------------------------------------
expect_json "removed.2 epochs.2 after.top1" \
    "$KERF" prune fresh.onnx --data $data --remove --macs 40% --events 3 --retrain 0.2 --finetune 0.2 --json -f -o steps.onnx
"$PYTHON" -c 'import json
x = json.load(open("out.txt"))
assert len(x["removed"]) == 3 and len(x["epochs"]) == 3, (len(x["removed"]), len(x["epochs"]))
assert x["after"]["macs"] <= 0.4 * x["before"]["macs"]' || failed "three steps are not three steps"
[ -s steps.run/round-2/checkpoint ] || failed "a step has no folder"
expect_json "found.0.bytes found.1.bytes" \
    "$KERF" prune fresh.onnx --data $data --remove --size 3x --events 2 --retrain 0.1 --json -f -o steps.onnx
[ "$(wc -c <steps.onnx)" -le $(($(wc -c <fresh.onnx) / 3)) ] || failed "--size 3x is not held in steps"

# ---- whole residual blocks --------------------------------------------------------------------
"$KERF" new resnet-18-cifar --width 0.125 --input 1,8,8 -q -o deep.onnx || failed new
expect 0 "stays: its shortcut makes (1, 16, 4, 4) of (1, 8, 8, 8)" "$KERF" prune deep.onnx --groups --structure residual
expect_json "blocks.0.block blocks.0.layers.1 blocks.0.harm blocks.0.stays=true" "$KERF" prune deep.onnx --groups --structure residual --json
expect_json "removed.0.1.block after.macs" \
    "$KERF" prune deep.onnx --remove --structure residual --sparsity 0.4 --json -f -o shallow.onnx
expect 0 "2,304 → 0" "$KERF" prune deep.onnx --remove --structure residual --sparsity 0.9 -f -o shallow.onnx
expect_json "top1 loss" "$KERF" eval shallow.onnx --data random:1,8,8,10 --json
expect_json "found.0.macs removed.0.0.lost" \
    "$KERF" prune deep.onnx --remove --structure residual --macs 70% --data random:1,8,8,10 --finetune 0.01 --json -f -o shallow.onnx
expect 3 "are left, must be 10.0 %" "$KERF" prune deep.onnx --remove --structure residual --macs 10% -q -f -o no.onnx
expect 2 "wants how much goes" "$KERF" prune deep.onnx --remove --structure residual -o no.onnx
expect 2 "residual blocks go by what is lost" "$KERF" prune deep.onnx --remove --structure residual --sparsity 0.5 --criterion l1 -o no.onnx
expect 1 "none of the residual blocks may go" "$KERF" prune fresh.onnx --remove --structure residual --sparsity 0.5 -q -o no.onnx

# ---- what cannot be had ----------------------------------------------------------------------------
expect_error 2 "kerf: prune: --macs 150%: must be a share of the multiply-adds that is left, such as 50%" \
    "$KERF" prune fresh.onnx --remove --macs 150% -o no.onnx
expect 3 "are left, must be 0.1 %" "$KERF" prune fresh.onnx --remove --macs 0.1% -q -o no.onnx
[ -s no.run/model.onnx ] || failed "the closest is not kept"
expect 3 "the file takes at least" "$KERF" prune fresh.onnx --remove --size 500 -q -f -o no.onnx
expect 3 "the file takes at least" "$KERF" prune fresh.onnx --groups --size 500
expect 3 "a run takes at least" "$KERF" prune fresh.onnx --remove --latency 1e-6 -q -f -o no.onnx
expect 2 "must be bytes such as 60000" "$KERF" prune fresh.onnx --remove --size many -o no.onnx
expect 2 "finds how much goes, must be without --sparsity" \
    "$KERF" prune fresh.onnx --remove --size 4x --sparsity 0.5 -o no.onnx
expect 1 "no BatchNormalization" "$KERF" prune fresh.onnx --remove --sparsity 0.5 --criterion bn -q -o no.onnx
expect 1 "fits no layer" "$KERF" prune fresh.onnx --remove --sparsity 0.5 --layers conv9 -q -o no.onnx
expect 1 "none of the layers' channels may go" "$KERF" prune fresh.onnx --remove --sparsity 0.5 --layers fc2 -q -o no.onnx
expect 2 "only whole channels are removed, or residual blocks" "$KERF" prune fresh.onnx --remove --structure kernel --sparsity 0.5 -o no.onnx
expect 2 "wants --remove" "$KERF" prune fresh.onnx --sparsity 0.5 --round-to 8 -o no.onnx
expect 2 "must be layer or global" "$KERF" prune fresh.onnx --sparsity 0.5 --scope isomorphic -o no.onnx
expect_error 2 "kerf: prune: --criterion: this one goes by samples, so it wants --data" \
    "$KERF" prune fresh.onnx --remove --sparsity 0.5 --criterion taylor -o no.onnx
expect 2 "by --criterion taylor, rank and zeros alone" \
    "$KERF" prune fresh.onnx --data $data --remove --sparsity 0.5 --calibrate 8 -o no.onnx
expect 1 "'fc1.weight' has no feature maps to go by" \
    "$KERF" prune fresh.onnx --data $data --remove --sparsity 0.5 --criterion rank -q -o no.onnx
[ ! -e no.onnx ] || failed "a failure wrote a model"
finish
