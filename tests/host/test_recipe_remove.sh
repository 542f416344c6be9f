#!/bin/sh
# test_recipe_remove.sh -- a recipe's step `remove`: channels and blocks that go when a stage begins, a
# run that was killed, and the recipe that comes along, shortened.
. "$(dirname "$0")/lib.sh"

cat >narrow.yaml <<'RECIPE'
kerf: 1
model: lenet-5
width: 0.3
data: random:1,16,16,4
stages:
  - name: dense
    train: {epochs: 0.1, batch: 64}
  - name: narrow
    train: {epochs: 0.5, batch: 64}
    steps:
      - remove: {sparsity: 0.5, layers: ["conv*"], round_to: 2}
      - checkpoint: {start: 0.05, every: 0.05}
      - prune: {start: 0.1, end: 0.3, every: 0.1, sparsity: 0.5}
RECIPE
expect_json "stages.1.removed stages.1.events.0.what" "$KERF" run narrow.yaml --dry --json
expect 0 "first, taken out: 50 % of the channels" "$KERF" run narrow.yaml --dry
expect_json "after.macs before.macs" "$KERF" run narrow.yaml -o whole --json
"$KERF" info whole/dense/model.onnx --json >before.json
"$KERF" info whole/model.onnx --json >after.json
grep -q '"shape":\[6,1,5,5\]' before.json || failed "the network begins with $(cat before.json)"
grep -q '"shape":\[4,1,5,5\]' after.json || failed "channels are not gone: $(cat after.json)"
expect 0 "" "$KERF" run whole/recipe.yaml -o again -q
cmp -s whole/model.onnx again/model.onnx || failed "the complete recipe gives other bits"

# Killed while the smaller network trains.
"$KERF" run narrow.yaml -o killed -q 2>/dev/null &
pid=$!
while [ ! -e killed/narrow/checkpoint.old ] && kill -0 $pid 2>/dev/null; do sleep 0.02; done
kill -9 $pid 2>/dev/null
wait $pid 2>/dev/null
[ -e killed/summary.json ] && failed "it was finished before it was killed"
expect 0 "" "$KERF" run narrow.yaml -o killed --resume -q
cmp -s whole/model.onnx killed/model.onnx || failed "a run that was killed ends with other bits"

# What cannot be reached is said, and the closest kept.
expect 3 "of the multiply-adds" "$KERF" run narrow.yaml -o missed --set stages.1.steps.0.remove.sparsity=0 \
    --set stages.1.steps.0.remove.macs=1% --set stages.1.steps.0.remove.min_channels=4

MODEL=resnet-18-cifar DATA=random:3,32,32,10 && export MODEL DATA
expect 0 "" "$KERF" run "$KERF_TEST_SOURCE/recipes/resnet-18-half.yaml" -o half -q --set width=0.1 \
    --set stages.0.train.epochs=0 --set stages.1.train.epochs=0 \
    --set stages.0.steps.0.remove.structure=residual --set stages.0.steps.0.remove.round_to=1 \
    --set stages.1.steps.0.remove.round_to=1
finish
