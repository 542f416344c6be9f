#!/bin/sh
# test_ranks_commands.sh -- each command that ranks share, with two of them: it ends where one process
# with --accumulate 2 does, to rounding, and says so once (docs/cluster.md).
. "$(dirname "$0")/lib.sh"
need_python

expect 0 "" "$KERF" new lenet-300-100 --width 0.1 --input 1,8,8 --classes 4 -o m.onnx
data="--data random:1,8,8,4 --val 256 --batch 384"
pairs=""

# both NAME COMMAND WORDS...: alone and by two; FILES grow by both models.
both() {
    name=$1
    shift
    expect 0 "" "$KERF" "$@" -o "alone-$name.onnx" --accumulate 2 -q
    expect 0 "written in" together 2 "$@" -o "ranks-$name.onnx"
    [ "$(grep -c "written in" out.txt)" = 1 ] || failed "$name: not one of two ranks speaks"
    pairs="$pairs alone-$name.onnx ranks-$name.onnx"
}

# shellcheck disable=SC2086 -- options are words
{
    both train train m.onnx $data --epochs 0.5
    both distill distill alone-train.onnx m.onnx $data --epochs 0.1
    both prune prune alone-train.onnx $data --max-drop 5 --retrain 0.1
    both ptq quantize alone-train.onnx $data --observer entropy --calibrate 300
    both qat quantize alone-train.onnx $data --mode qat --learn-ranges --epochs 0.1
    both share share alone-train.onnx $data --bits 3 --epochs 0.1
}

# ---- a recipe of all ----------------------------------------------------------------------------
cat >r.yaml <<'RECIPE'
model: lenet-300-100
width: 0.1
data: random:1,8,8,4
val: 256
train: {epochs: 0.2, batch: 384}
steps:
  - prune: {sparsity: 0.5}
  - quantize: {mode: qat, freeze_observers: 0}
RECIPE
expect 0 "" "$KERF" run r.yaml -o alone --set train.accumulate=2 -q
expect 0 "written in" together 2 run r.yaml -o ranks
[ "$(grep -c "written in" out.txt)" = 1 ] || failed "run: not one of two ranks speaks"

# shellcheck disable=SC2086
expect 0 "" "$PYTHON" "$KERF_TEST_SOURCE/tests/host/weights_judge.py" $pairs alone/model.onnx ranks/model.onnx

# ---- stages -------------------------------------------------------------------------------------
# Rank 0 makes the folder of each, which the others may come to first.
cat >stages.yaml <<'RECIPE'
model: m.onnx
data: random:1,8,8,4
val: 256
stages:
  - name: first
    train: {epochs: 1, batch: 384}
    steps:
      - exchange: {gradients: int8}
  - name: second
    train: {epochs: 1, batch: 384}
    steps:
      - exchange: {local_steps: 4}
      - remove: {macs: 50%, events: 2, retrain: 1}
RECIPE
for _ in 1 2 3; do
    rm -rf stages
    expect 0 "" together 3 run stages.yaml -o stages -q
done
rm -r stages/second-2 stages/summary.json stages/model.onnx
expect 0 "stages/second-1: is finished" together 2 run stages.yaml -o stages --resume
[ -e stages/second-2/summary.json ] && [ -e stages/summary.json ] || failed "what is not finished is not gone on with"

finish
