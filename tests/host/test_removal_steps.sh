#!/bin/sh
# test_removal_steps.sh -- `kerf prune --remove` in steps with training between them: the recipe that
# it stands for, and runs that were killed, end with the same bits.
. "$(dirname "$0")/lib.sh"
export KERF_DEVICE=0
data=random:1,16,16,4

"$KERF" new lenet-5 --width 0.3 --input 1,16,16 --classes 4 -q -o fresh.onnx || failed new
# remove MORE...: in three steps; set -f stands for patterns, which the shell leaves alone.
run=
remove() {
    $run "$KERF" prune fresh.onnx --data $data --remove --events 3 --retrain 0.1 --finetune 0.1 --batch 64 -q "$@"
}

# ---- as a recipe -----------------------------------------------------------------------------------
for how in '--sparsity 0.5 --criterion taylor --calibrate 32 --scope global' \
    '--macs 40% --curve cubic --distill self --temperature 2'; do
    # shellcheck disable=SC2086 -- options are words
    expect 0 "" remove $how -f -o whole.onnx
    # shellcheck disable=SC2086
    remove $how --print-recipe >steps.yaml || failed "no recipe of $how"
    expect 0 "" "$KERF" run steps.yaml -o steps -f -q
    cmp -s whole.onnx steps/model.onnx || failed "the recipe gives other bits than $how"
    cmp -s whole.run/round-2/model.onnx steps/round-2/model.onnx || failed "the second step differs: $how"
done
expect 0 "until 40% of the multiply-adds are left; from 57.8 to 87.5 % of the way" \
    "$KERF" run steps.yaml --dry --set steps.0.remove.events=4
expect_json "stages.2.removed" "$KERF" run steps.yaml --dry --json

# ---- killed in each step ---------------------------------------------------------------------------
set -f
steps="--sparsity 0.5 --layers conv* --skip fc2"
# shellcheck disable=SC2086
expect 0 "" remove $steps -f -o whole.onnx
for sign in round-1/checkpoint round-2/model.onnx checkpoint; do
    rm -rf cut.run cut.onnx
    # shellcheck disable=SC2086 -- exec: what is killed is the command, and no shell around it
    (run=exec && remove $steps -o cut.onnx) >/dev/null 2>&1 &
    pid=$!
    while [ ! -e cut.run/$sign ] && kill -0 $pid 2>/dev/null; do sleep 0.01; done
    kill -9 $pid 2>/dev/null
    wait $pid 2>/dev/null
    # shellcheck disable=SC2086
    [ -e cut.onnx ] || expect 1 "holds an unfinished run: --resume goes on with it" remove $steps -o cut.onnx
    # shellcheck disable=SC2086
    expect 0 "" remove $steps -o cut.onnx --resume -f
    cmp -s whole.onnx cut.onnx || failed "killed at $sign it ends with other bits"
done

# Steps that a run was not begun in would take its networks for their own.
rm whole.run/summary.json
for other in "--events 2" "--curve exp"; do
    # shellcheck disable=SC2086
    expect 1 "--resume: whole.run was begun in 3 steps, must go on in these (--events, --curve)" \
        remove $steps $other -f -o whole.onnx --resume
done
# What was found by the clock is not looked for again: nothing is that fast now.
expect 0 "" remove --latency 1000 -f -o cut.onnx
rm cut.run/summary.json
expect 0 "" remove --latency 1e-6 -f -o cut.onnx --resume
# A run that begins anew takes nothing of the one before.
# shellcheck disable=SC2086
expect 0 "" remove $steps -f -o cut.onnx
cmp -s whole.onnx cut.onnx || failed "an old run shows in a new one"

# ---- what cannot be had ----------------------------------------------------------------------------
expect 1 "--resume: none.run holds no checkpoint to go on from" remove --sparsity 0.5 -o none.onnx --resume
for word in "--resume" "--distill self" "--lr 0.1"; do
    # shellcheck disable=SC2086
    expect 2 "${word%% *}: nothing is trained without --retrain or --finetune" \
        "$KERF" prune fresh.onnx --remove --sparsity 0.5 -o none.onnx $word
done
[ ! -e none.onnx ] || failed "a failure wrote a model"
finish
