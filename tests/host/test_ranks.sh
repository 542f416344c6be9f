#!/bin/sh
# test_ranks.sh -- the command under mpirun: several ranks train one network, one speaks and writes,
# by shares that are measured or given (docs/cluster.md).  What is refused: test_ranks_input.sh; ranks that
# are lost: test_ranks_killed.sh, test_ranks_lost.sh.
. "$(dirname "$0")/lib.sh"

expect 0 "" "$KERF" new lenet-300-100 --width 0.1 --input 1,8,8 --classes 4 -o m.onnx
data="--data random:1,8,8,4 --val 256 --batch 384"

# ---- one speaks, one writes, the same bits again ------------------------------------------------
# shellcheck disable=SC2086 -- options are words
{
    expect 0 "written in" together 2 train m.onnx $data --epochs 1 -o a.onnx
    [ "$(grep -c "written in" out.txt)" = 1 ] || failed "not one of two ranks speaks"
    expect 0 "" together 2 train m.onnx $data --epochs 1 -o b.onnx -q
    cmp -s a.onnx b.onnx || failed "two ranks do not give the same bits twice"
    expect_json "after.top1 seconds exchange.ranks=2 exchange.last_step_bytes" together 2 prune m.onnx $data --sparsity 0.9 \
        --retrain 1 -o p.onnx --json
    expect 0 "" together 2 train m.onnx $data --epochs 1 --local-steps 4 -o l.onnx -q
    cmp -s a.onnx l.onnx && failed "local steps give the bits of common ones"
    "$KERF" train m.onnx $data --epochs 1 --local-steps 4 --print-recipe >local.yaml || failed "no recipe of local steps"
    expect 0 "end of exchange" "$KERF" run local.yaml --dry
    expect 0 "" together 2 run local.yaml -o local -q
    cmp -s l.onnx local/model.onnx || failed "a recipe with local steps gives other bits: $(cat local.yaml)"
}

# ---- shares -------------------------------------------------------------------------------------
# shellcheck disable=SC2086
{
    expect_json "exchange.balance" together 2 train m.onnx $data --epochs 1 --balance measure -o measured.onnx --json
    shares=$(sed -n 's/.*"balance": *"\([0-9,]*\)".*/\1/p' out.txt)
    [ $((${shares%,*} + ${shares#*,})) = 384 ] || failed "measured shares are no batch: $shares"
    grep -qF "ranks take $shares samples" err.txt || failed "measured shares are not told: $(cat err.txt)"
    expect 0 "" together 2 train m.onnx $data --epochs 1 --balance "$shares" -o again.onnx
    cmp -s measured.onnx again.onnx || failed "what was measured does not give the same bits again"
    rm again.onnx # shares are no option of the run: it goes on, and is over
    expect 0 "" together 3 train m.onnx $data --epochs 1 --balance 3,2,1 -o again.onnx --resume
    cmp -s measured.onnx again.onnx || failed "a run that is over does not stay"
}
# ---- a wish to stop, told to one rank --------------------------------------------------------------
# shellcheck disable=SC2086 -- options are words
together 2 train m.onnx $data --epochs 20000 -o s.onnx -q >out.txt 2>err.txt </dev/null &
job=$!
wait_for s.run/metrics.jsonl 1
kill -INT "$(cat s.run/lock)"
wait $job
code=$?
[ $code = 130 ] || failed "a job that is stopped exits with $code, not 130"
[ "$(cat out.txt err.txt | grep -c "interrupted in epoch .*the checkpoint is in s.run")" = 1 ] ||
    failed "it is not said once that a job was stopped: $(head -3 err.txt)"
[ -s s.run/checkpoint ] || failed "a job that is stopped leaves no checkpoint"

# What a network has none of is not asked for.
# shellcheck disable=SC2086 -- options are words
expect 0 "" together 2 train m.onnx $data --epochs 1 --batch-norm together -o c.onnx -q
cmp -s a.onnx c.onnx || failed "--batch-norm changes a network without any"
ls ./*.tmp 2>/dev/null && failed "half files are left"

finish
