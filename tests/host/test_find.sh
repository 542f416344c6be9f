#!/bin/sh
# test_find.sh -- the value of a recipe's key by which a target holds, found by runs of the whole.
. "$(dirname "$0")/lib.sh"

cat >r.yaml <<'RECIPE'
model: lenet-300-100
width: 0.1
data: random:1,8,8,4
val: 512
train: {epochs: 0.25, batch: 64}
steps: [prune: {sparsity: 0.5, scope: global}]
output: {formats: [onnx, kerf]}
RECIPE
key=steps.0.prune.sparsity

# ---- bytes: the first that is small enough, and the one before is not ---------------------------
expect_json "found.value nearest.holds=true" \
    "$KERF" run r.yaml --find "$key=0.2..0.95" --size 1600 -o small --json
cp out.txt small.json
value=$(tr -d ' \n' <small.json | sed 's/.*"found":{"value":"\([0-9.]*\)".*/\1/')
[ "$(wc -c <"small/point-$value/model.kerf")" -le 1600 ] || failed "what is found is too large"
before=$(awk "BEGIN {printf \"%.10g\", $value - 0.02}")
[ "$(wc -c <"small/point-$before/model.kerf")" -gt 1600 ] || failed "$before is not tried, or small enough"
cmp -s small/model.onnx "small/point-$value/model.onnx" || failed "the model is not the one that was found"
[ "$(find small -name 'point-*' | wc -l)" -le 8 ] || failed "more than eight runs"

# What was stopped goes on; what is there already is not run again.
rm -r "small/point-$value"
expect 0 "small/point-0.2: is finished" "$KERF" run r.yaml --find "$key=0.2..0.95" --size 1600 -o small --resume
grep -q "$value .*yes *found" out.txt || failed "the table does not tell what was found"
expect 1 "small/point-0.2: holds a run" "$KERF" run r.yaml --find "$key=0.2..0.95" --size 1600 -o small

# ---- points: the last that is right -------------------------------------------------------------
expect_json "found.holds=true tried.0.lost=0" \
    "$KERF" run r.yaml --find "$key=0.5..0.99" --max-drop 20 -o right --json
expect_json "found.value=0.6" "$KERF" run r.yaml --find "$key=0.5..0.6" --max-drop 100 -o all --json

# ---- targets that cannot be reached: the nearest is kept, and what broke is named ---------------
expect 3 "steps.0.prune.sparsity=0.3: takes" "$KERF" run r.yaml --find "$key=0.2..0.3" --size 500 -o large
grep -q "bytes, must be 500 at most" err.txt || failed "it is not said what would be right"
grep -q "the closest is large/model.onnx" err.txt || failed "the closest is not told"
[ -s large/model.onnx ] || failed "the closest is not kept"
expect 3 "loses" "$KERF" run r.yaml --find "$key=0.2..0.99" --size 1400 --max-drop 0 -o both \
    --set train.epochs=0.05

# ---- whole numbers, and factors -----------------------------------------------------------------
printf 'model: lenet-300-100\nwidth: 0.1\ndata: random:1,8,8,4\ntrain: {epochs: 0}\n' >share.yaml
printf 'steps: [share: {bits: 8}]\noutput: {formats: [onnx, kerf]}\n' >>share.yaml
expect 0 "" "$KERF" run share.yaml -q -o four --set steps.0.share.bits=4
expect_json "found.value=4 tried.0.value=8" "$KERF" run share.yaml --find steps.0.share.bits=8..2 \
    --size "$(wc -c <four/model.kerf)" -o bits --device 0,0 --json
[ -e bits/point-8/log.txt ] || failed "two devices do not run beside each other"
expect 0 "found" "$KERF" run r.yaml --find train.lr=0.1..1e-6 --max-drop 20 -o factors --set "$key=0.01"
[ -d factors/point-0.000316 ] || failed "values of so wide a range are not apart by a factor"
expect 2 "must be KEY=A..B" "$KERF" run r.yaml --find "$key=0.5" --max-drop 1
expect 2 "wants a target" "$KERF" run r.yaml --find "$key=0.5..0.9"
expect 2 "are what --find KEY=A..B looks for" "$KERF" run r.yaml --max-drop 1
expect 2 "the recipe must have some, such as val: 5000" "$KERF" run r.yaml --set val=0 --find "$key=0.5..0.9" \
    --max-drop 1
expect_error 1 "kerf: run: --set $key=1: prune.sparsity 1: must be at least 0 and below 1" \
    "$KERF" run r.yaml --find "$key=0.5..1" --max-drop 1 -o never
[ -e never ] && failed "a value that cannot be leaves a folder"

finish
