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

# Pruned and with roundings in one run, taken up in its middle: the same bits.
cat >both.yaml <<'RECIPE'
model: lenet-300-100
width: 0.1
data: random:1,8,8,4
val: 512
train: {epochs: 1, batch: 64}
steps:
  - prune: {start: 0, end: 0.5, every: 0.25, scope: global, sparsity: 0.8}
  - quantize: {start: 0.6, freeze_observers: 0.8}
  - lr: {start: 0.6, lr: 0.005}
  - freeze: {start: 0.5, end: 0.55, layers: fc3*}
  - evaluate: {start: 0.25, every: 0.5}
  - checkpoint: {start: 0.7}
RECIPE
expect 0 "" "$KERF" run both.yaml -q
expect_json "after.nonzeros=452" "$KERF" run both.yaml --resume --json
expect 0 "" "$KERF" run runs/both/recipe.yaml -o both -q
cmp -s runs/both/model.onnx both/model.onnx || failed "a quantized run is not the same again"

# What it would do, and nothing done.
expect_json "stages.0.steps=120 stages.0.events.0.what=prune stages.0.largest_bytes stages.0.step_ms" \
    "$KERF" run both.yaml --dry --json -o dry
[ -e dry ] && failed "--dry leaves a folder"
expect 0 "100.0 % of the amount" "$KERF" run both.yaml --dry
expect 1 "a batch of 100000 is more than all 7680 samples" \
    "$KERF" run both.yaml --dry --set train.batch=100000

printf 'model: lenet-5\ndata: random:1,28,28,10\ntrain: {batch: 8000}\n' >big.yaml
expect_error 1 "kerf: run: train.batch 8000: does not fit into the device's 1.00 GiB, of which one piece has 256.00 MiB at most; 1000 does" \
    env POCL_MEMORY_LIMIT=1 "$KERF" run big.yaml --dry

# A grid, and the half of it that is missing.
grid='--sweep steps.0.prune.sparsity=[0.5,"fc1=0.9,*=0.5",0.9] --seeds 2 -o grid'
printf 'model: lenet-300-100\nwidth: 0.1\ndata: random:1,8,8,4\n' >grid.yaml
printf 'train: {epochs: 0.25}\nsteps: [{prune: {sparsity: 0.9}}]\n' >>grid.yaml
# shellcheck disable=SC2086 -- words
expect_json "points.0.nonzeros.mean=1130 points.2.nonzeros.mean=226 points.1.seeds.1.seed=2 points.0.top1.deviation" \
    "$KERF" run grid.yaml $grid --json
[ -s grid/sweep.json ] || failed "no sweep.json"
rm -r grid/point-3-seed-2
expect 1 "grid/point-1-seed-1: holds a run" "$KERF" run grid.yaml $grid
expect 0 "grid/point-3-seed-1: is finished" "$KERF" run grid.yaml $grid --resume
[ -s grid/point-3-seed-2/summary.json ] || failed "a grid that is taken up leaves a point out"
expect_error 1 "kerf: run: --set steps.0.prune.sparsity=1: prune.sparsity 1: must be at least 0 and below 1" \
    "$KERF" run grid.yaml --sweep 'steps.0.prune.sparsity=[0.5,1]' -o never
expect 2 "must be KEY=[A,B,...]" "$KERF" run grid.yaml --sweep steps.0.prune.sparsity=0.5

# ---- every recipe that comes along, shortened ---------------------------------------------------
recipes=$KERF_TEST_SOURCE/recipes
expect 0 "" "$KERF" run "$recipes/lenet-5-prune-qat.yaml" -o qat -q --set data=random:1,28,28,4 \
    --set width=0.1 --set val=64 --set train.epochs=0.25 --set steps.0.prune.start=0 \
    --set steps.0.prune.end=0.1 --set steps.0.prune.every=0.05 --set steps.1.quantize.start=0.15 \
    --set steps.1.quantize.freeze_observers=0.2 --set steps.2.lr.start=0.15
for net in lenet-5 lenet-300-100; do
    expect 0 "" "$KERF" run "$recipes/deep-compression-$net.yaml" -o deep-$net -q \
        --set data=random:1,28,28,4 --set width=0.1 --set stages.0.train.epochs=0.1 \
        --set stages.1.train.epochs=0.1 --set stages.1.steps.0.prune.end=0.05 \
        --set stages.1.steps.0.prune.every=0.05 --set stages.2.train.epochs=0.05
    "$KERF" info deep-$net/model.onnx | grep -q " 4 " || failed "shared weights are not of 4 bits"
    expect 0 "" "$KERF" unpack deep-$net/model.kerf -q -f -o back.onnx
    cmp deep-$net/model.onnx back.onnx || failed "the packed file of a run is another model"
    [ -s deep-$net/report.html ] || failed "a run that is to make a page makes none"
done

expect 0 "" "$KERF" run "$recipes/self-distilled.yaml" -o self -q --set data=random:1,28,28,4 \
    --set width=0.1 --set val=64 --set stages.0.train.epochs=0.1 --set stages.1.train.epochs=0.2 \
    --set stages.1.steps.0.prune.end=0.1 --set stages.1.steps.0.prune.every=0.05 \
    --set stages.1.steps.2.quantize.start=0.15 --set stages.1.steps.3.lr.start=0.15 \
    --set stages.1.steps.2.quantize.freeze_observers=0.18

# FitNets in two stages: hints alone, through a layer between widths that differ, then outputs; by
# two teachers.  A layer that is not there is named with its line.
cat >fitnet.yaml <<'RECIPE'
model: lenet-300-100
width: 0.05
data: random:1,8,8,4
stages:
  - name: hints
    train: {epochs: 0.1, batch: 64}
    steps:
      - distill:
          teacher: [again/model.onnx, other/model.onnx]
          alpha: 0
          taps:
            - fc1=2#fc1:mse
            - fc2=fc2:mse@0-0.05
  - name: taught
    train: {epochs: 0.1, batch: 64}
    steps: [distill: {teacher: again/model.onnx, end: 0.05, taps: "relu*=relu*:similarity:2", cache: true}]
RECIPE
expect 0 "" "$KERF" run fitnet.yaml -o fitnet -q
expect 0 "" "$KERF" run fitnet/recipe.yaml -o fitnet-again -q
cmp -s fitnet/model.onnx fitnet-again/model.onnx || failed "a recipe with taps is not the same again"
[ -s fitnet/taught/teacher.cache ] || failed "what the teacher says is not kept"
sed 's/=fc2:mse/=fc7:mse/' fitnet.yaml >lost.yaml
expect_error 1 "kerf: run: lost.yaml:13: the teacher has no layer 'fc7'; near are 'fc1', 'fc2', 'fc3'" \
    "$KERF" run lost.yaml -o lost -q
expect 0 "" "$KERF" new resnet-18-cifar --width 0.05 --classes 4 --input 3,8,8 -o teacher.onnx
export CIFAR100=none TEACHER=teacher.onnx MODEL=teacher.onnx DATA=random:3,8,8,4
expect 0 "" "$KERF" run "$recipes/resnet-18-cifar-100-distill.yaml" -o taught -q \
    --set data=random:3,8,8,4 --set width=0.05 --set val=64 --set train.epochs=0.03
expect 0 "" "$KERF" run "$recipes/2-4-then-int8.yaml" -o sparse -q \
    --set stages.0.train.epochs=0.02 --set stages.1.steps.0.quantize.calibrate=32
"$KERF" info sparse/model.onnx --json | grep -q '"bits": *8' || failed "2:4 is not of 8 bits"
expect 0 "" "$KERF" new mobilenet-v2 --width 0.1 --classes 4 --input 3,32,32 -o mobile.onnx
expect 0 "" env MODEL=mobile.onnx DATA=random:3,32,32,4 "$KERF" run \
    "$recipes/mobilenet-v2-int8.yaml" -o mobile -q --set steps.0.quantize.calibrate=32

finish
