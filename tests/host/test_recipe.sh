#!/bin/sh
# test_recipe.sh -- `kerf run`: a recipe's folder, the same bits from what it keeps, stages, and
# going on; every file of recipes/ shortened.
. "$(dirname "$0")/lib.sh"

cat >lenet.yaml <<'RECIPE'
kerf: 1
model: lenet-300-100
width: 0.1
data: random:1,8,8,4
val: 512
train: {epochs: 1, batch: 64}
steps:
  - prune: {start: 0, end: 0.75, every: 0.25, scope: global, sparsity: 0.9}
RECIPE

expect_json "before.weights=2260 after.nonzeros=226 epochs.0.epoch=1 output=runs/lenet/model.onnx" \
    "$KERF" run lenet.yaml --json
for file in recipe.yaml metrics.jsonl choices.json model.onnx checkpoint summary.json; do
    [ -s runs/lenet/$file ] || failed "no $file in the run's folder"
done

# The recipe that the folder keeps says all: the same bits come of it.
grep -q "weight_decay: 0.0001" runs/lenet/recipe.yaml || failed "a default is not written out"
expect 0 "" "$KERF" run runs/lenet/recipe.yaml -o again -q
cmp -s runs/lenet/model.onnx again/model.onnx || failed "the complete recipe gives other bits"
expect 0 "" "$KERF" run lenet.yaml -o other -q --set seed=2
cmp -s runs/lenet/model.onnx other/model.onnx && failed "another seed gives the same bits"

# A recipe is what single commands do.
expect 0 "" "$KERF" new lenet-300-100 --width 0.1 --input 1,8,8 --classes 4 -o net.onnx
expect 0 "" "$KERF" prune net.onnx --data random:1,8,8,4 --val 512 --batch 64 --sparsity 0.9 \
    --scope global --events 4 --retrain 0.25 -o pruned.onnx -q
cmp -s runs/lenet/model.onnx pruned.onnx || failed "kerf prune gives other bits than its recipe"

# What is there is not lost by accident.
expect_error 1 "kerf: run: runs/lenet: holds a run: --resume goes on with it, -f starts over" \
    "$KERF" run lenet.yaml
expect 0 "runs/lenet: is finished" "$KERF" run lenet.yaml --resume
expect_json "after.nonzeros=226" "$KERF" run lenet.yaml --resume --json
expect_error 1 "kerf: run: --resume: none holds no run to go on with" \
    "$KERF" run lenet.yaml --resume -o none
sed 's/sparsity/sparsty/' lenet.yaml >wrong.yaml
expect_error 1 "kerf: run: wrong.yaml:8: prune.sparsty: no such key; did you mean sparsity?" \
    "$KERF" run wrong.yaml
expect_error 2 "kerf: run: --set steps.0.prune.sparsity=1: prune.sparsity 1: must be at least 0 and below 1" \
    "$KERF" run lenet.yaml -o wrong --set steps.0.prune.sparsity=1
[ -e runs/wrong ] || [ -e wrong ] && failed "a recipe that is refused leaves a folder"

# Stages, each from the one before.
expect_json "before.weights=49600 after.nonzeros=4340 epochs.0.stage=dense epochs.1.stage=pruned" \
    "$KERF" run "$KERF_TEST_SOURCE/recipes/lenet-classic.yaml" -o staged --json \
    --set data=random:1,8,8,4 --set val=512 --set stages.0.train.epochs=1 \
    --set stages.1.train.epochs=1 --set stages.1.steps.0.prune.end=0.5 \
    --set stages.1.steps.0.prune.every=0.25
expect_json "compression" "$KERF" info staged/model.onnx --json
cmp -s staged/model.onnx staged/pruned/model.onnx || failed "the last stage's model is not the run's"
rm staged/pruned/summary.json staged/summary.json
expect 0 "staged/dense: is finished" "$KERF" run staged/recipe.yaml -o staged --resume
[ -s staged/summary.json ] || failed "resumed stages leave no summary"

finish
