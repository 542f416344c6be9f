#!/bin/sh
# test_ranks_grid.sh -- grids of runs under mpirun: ranks take whole runs, each a process, and end with
# the table of one alone; runs that fail or die leave their ranks at work.
. "$(dirname "$0")/lib.sh"
export POCL_MAX_PTHREAD_COUNT=1

cat >r.yaml <<'RECIPE'
model: lenet-300-100
width: 0.1
data: random:1,8,8,4
train: {epochs: 0.5, batch: 64}
steps: [prune: {sparsity: 0.5}]
RECIPE

# ---- as one alone ---------------------------------------------------------------------------------
grid='--sweep steps.0.prune.sparsity=[0.5,0.9] --seeds 2'
# shellcheck disable=SC2086 -- words
{
    expect 0 "" "$KERF" run r.yaml $grid -o one
    expect 0 "steps.0.prune.sparsity=0.9" together 3 run r.yaml $grid -o three
    [ "$(grep -c "sparsity=0.5 " out.txt)" = 1 ] || failed "not one of three ranks shows the table"
    # Milliseconds are each run's own.
    for of in one three; do
        tr -d ' \n' <$of/sweep.json | sed "s/\"run\":\"$of/\"run\":\"/g; s/\"ms\":{[^}]*}//g; s/\"ms\":[^,}]*//g" >$of.txt
    done
    cmp -s one.txt three.txt || failed "three ranks end with another table: $(diff one.txt three.txt | head -c 400)"
    for run in point-1-seed-1 point-1-seed-2 point-2-seed-1 point-2-seed-2; do
        cmp -s one/$run/model.onnx three/$run/model.onnx || failed "$run: other bits on a rank"
        [ -f three/$run/log.txt ] || failed "$run: no log"
    done
    expect 1 "three/point-1-seed-1: holds a run" together 2 run r.yaml $grid -o three
}

# ---- searches: what may come next runs ahead, and the table is that of one alone --------------------
printf 'model: lenet-300-100\nwidth: 0.1\ndata: random:1,8,8,4\ntrain: {epochs: 0}\n' >share.yaml
printf 'steps: [share: {bits: 8}]\noutput: {formats: [onnx, kerf]}\n' >>share.yaml
find='--find steps.0.share.bits=8..2 --size 5000'
# table_of FOLDER: without milliseconds and folders.
table_of() {
    tr -d ' \n' <"$1/find.json" | sed "s/\"run\":\"[^\"]*\"//g; s/\"ms\":[^,}]*//g"
}
# shellcheck disable=SC2086
{
    expect 0 "found: alone/model.onnx" "$KERF" run share.yaml $find -o alone
    expect 0 "found: ahead/model.onnx" together 3 run share.yaml $find -o ahead
    [ "$(grep -c "bits=8" err.txt)" = 1 ] || failed "not one of three ranks speaks"
    [ "$(table_of alone)" = "$(table_of ahead)" ] || failed "a search on ranks ends otherwise: $(table_of ahead)"
    [ "$(find ahead -name 'point-*' | wc -l)" -gt "$(find alone -name 'point-*' | wc -l)" ] || failed "nothing ran ahead"
    cmp -s alone/model.onnx ahead/model.onnx || failed "a search on ranks finds other bits"
    # Stopped, and gone on with by one alone.
    rm -r ahead/point-7 ahead/find.json
    expect 0 "ahead/point-8: is finished" "$KERF" run share.yaml $find -o ahead --resume
    [ "$(table_of alone)" = "$(table_of ahead)" ] || failed "a search that is gone on with ends otherwise"
    expect 3 "the closest is none/model.onnx" together 2 run share.yaml $find -o none --size 500
    mkdir elsewhere && cp share.yaml elsewhere
    expect 1 "has no summary.json here; the folder must be the same on all ranks" "$MPIRUN" \
        -n 1 "$KERF" run share.yaml $find -o apart : -n 1 --wdir elsewhere "$KERF" run share.yaml $find -o apart
    expect 2 "--latency: runs end on several devices" together 2 run share.yaml --find steps.0.share.bits=8..2 --latency 5 -o never
    [ -e never ] && failed "what is refused leaves a folder"
}

# ---- one that fails, one that dies ------------------------------------------------------------------
together 2 run r.yaml --sweep 'train.epochs=[100000,0.5,0.25]' --sweep 'train.batch=[64,100000]' -o dead >out.txt 2>err.txt &
job=$!
wait_for dead/point-1-seed-1/metrics.jsonl 1
kill -9 "$(cat dead/point-1-seed-1/run.lock)"
wait $job && failed "a grid whose runs die exits with 0"
for words in "dead/point-1-seed-1: was ended by signal 9" \
    "dead/point-2-seed-1: failed with exit code 1; its log.txt says why" "4 of 6 runs failed; --resume runs them again"; do
    [ "$(grep -c "$words" err.txt)" = 1 ] || failed "not told once: $words: $(head -3 err.txt)"
done
grep -q batch dead/point-2-seed-1/log.txt || failed "the log does not say why"
for run in 3 5; do
    [ -s dead/point-$run-seed-1/summary.json ] || failed "runs that die take others along"
done
"$JSON_CHECK" points.0.failed=1 points.1.failed=1 points.2.failed=0 points.4.nonzeros.mean=1130 <dead/sweep.json ||
    failed "sweep.json of a grid with failures"

# ---- stopped, and gone on with by one alone -----------------------------------------------------------
"$MPIRUN" -n 2 "$KERF" run r.yaml --sweep 'train.epochs=[0.5,30,20]' -o stopped >out.txt 2>err.txt &
job=$!
wait_for stopped/point-2-seed-1/metrics.jsonl 1
kill -TERM $job
wait $job && failed "a grid that is stopped exits with 0"
# mpirun does not wait for what its children have begun: runs write their checkpoints, and keep their folders
# until then.
tries=0
until "$KERF" run r.yaml --sweep 'train.epochs=[0.5,30,20]' -o stopped --resume --json >out.txt 2>err.txt; do
    tries=$((tries + 1))
    grep -q "is working here; wait until it ends" err.txt && [ $tries -lt 100 ] && sleep 0.5 && continue
    failed "a grid that was stopped does not go on: $(grep kerf: err.txt | head -3)"
    break
done
"$JSON_CHECK" points.0.failed=0 points.1.failed=0 points.2.failed=0 <out.txt || failed "it does not go on to the end"

finish
