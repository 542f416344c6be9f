#!/bin/sh
# test_grid.sh -- grids of runs in processes of their own: on two devices at a time, with runs that
# fail or die, stopped and taken up.
. "$(dirname "$0")/lib.sh"

cat >r.yaml <<'RECIPE'
model: lenet-300-100
width: 0.1
data: random:1,8,8,4
train: {epochs: 0.5, batch: 64}
steps: [prune: {sparsity: 0.5}]
RECIPE

# PoCL makes as many devices as it is told.
export POCL_DEVICES="pthread pthread"
devices=$("$KERF" devices --json | grep -o '"index"' | wc -l)
[ "$devices" = 2 ] || failed "PoCL has $devices devices, not 2"

# ---- on all devices -----------------------------------------------------------------------------
grid='--sweep steps.0.prune.sparsity=[0.5,0.75,0.9] --seeds 2'
# shellcheck disable=SC2086 -- words
{
    expect 0 "point-3-seed-2" "$KERF" run r.yaml $grid --device all -o two
    for device in 0 1; do
        grep -q "on device $device" err.txt || failed "device $device runs nothing"
    done
    [ -f two/point-1-seed-1/log.txt ] || failed "a run of several has no log"
    expect_json "points.0.nonzeros.mean=1130 points.2.nonzeros.mean=226 points.0.failed=0" \
        "$KERF" run r.yaml $grid --device 0 -o one --json
    for run in point-1-seed-1 point-2-seed-2 point-3-seed-1; do
        cmp -s one/$run/model.onnx two/$run/model.onnx || failed "$run: other bits on two devices"
    done
    expect 1 "failed with exit code 1; its log.txt says why" "$KERF" run r.yaml $grid --device 0,none -o none
}

expect 2 "kerf: run: --sweep seed=[1,2]: each point has all seeds: must be --seeds N" \
    "$KERF" run r.yaml --sweep 'seed=[1,2]' -o seeds

# ---- one that fails, one that dies --------------------------------------------------------------
expect 1 "bad/point-2-seed-1: failed with exit code 1; its log.txt says why" \
    "$KERF" run r.yaml --sweep 'train.batch=[64,100000,32]' --device all -o bad
grep -q "1 of 3 runs failed; --resume runs them again" err.txt || failed "the grid does not say how many failed"
grep -q "train.batch=100000 *$" out.txt || failed "a point that has no results shows some: $(cat out.txt)"
grep -q "batch" bad/point-2-seed-1/log.txt || failed "the log does not say why"
"$JSON_CHECK" points.0.failed=0 points.1.failed=1 points.1.front=false points.2.failed=0 points.2.nonzeros.mean=1130 <bad/sweep.json ||
    failed "sweep.json of a grid with a failure"

"$KERF" run r.yaml --sweep 'train.epochs=[100000,0.5,0.25]' --device all -o dead >out.txt 2>err.txt &
grid=$!
until [ -s dead/point-1-seed-1/metrics.jsonl ]; do sleep 0.1; done
kill -9 "$(cat dead/point-1-seed-1/run.lock)"
wait $grid
[ $? = 1 ] || failed "a grid whose run dies does not exit with 1"
grep -q "dead/point-1-seed-1: was ended by signal 9" err.txt || failed "a run that dies is not told"
[ -s dead/point-3-seed-1/summary.json ] || failed "a run that dies takes others along"

# ---- stopped ------------------------------------------------------------------------------------
"$KERF" run r.yaml --sweep 'train.epochs=[0.5,300,200]' --device 0 -o stopped >out.txt 2>err.txt &
grid=$!
until [ -s stopped/point-2-seed-1/metrics.jsonl ]; do sleep 0.1; done
kill -TERM $grid
wait $grid
[ $? = 130 ] || failed "a grid that is stopped does not exit with 130"
grep -q "stopped; the same command with --resume goes on" err.txt || failed "it is not said how to go on"
[ -e stopped/point-3-seed-1 ] && failed "a grid that is stopped begins another run"
expect_error 1 "kerf: run: stopped/point-1-seed-1: holds a run: --resume goes on with it, -f starts over" \
    "$KERF" run r.yaml --sweep 'train.epochs=[0.5,300,200]' -o stopped
before=$(wc -l <stopped/point-2-seed-1/metrics.jsonl)
"$KERF" run r.yaml --sweep 'train.epochs=[0.5,300,200]' --device all -o stopped --resume >out.txt 2>err.txt &
grid=$!
until [ "$(wc -l <stopped/point-2-seed-1/metrics.jsonl)" -gt "$before" ]; do sleep 0.1; done
kill -TERM $grid
wait $grid
[ $? = 130 ] || failed "a grid that goes on is not stopped again"

expect_error 2 "kerf: run: -: is read by each run of a grid, so it must be a file" \
    sh -c '"$1" run - --seeds 2 -o never <r.yaml' sh "$KERF"

finish
