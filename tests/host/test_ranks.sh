#!/bin/sh
# test_ranks.sh -- the command under mpirun: several ranks train one network, one speaks and writes;
# what goes wrong on one of them, and going on with another number of them (docs/cluster.md).
. "$(dirname "$0")/lib.sh"

# together NUM WORDS...: the command with so many ranks.
together() {
    ranks=$1
    shift
    "$MPIRUN" -n "$ranks" "$KERF" "$@"
}

# begin NUM LOG WORDS...: the same beside this script; $job is mpirun.
begin() {
    ranks=$1
    log=$2
    shift 2
    "$MPIRUN" -n "$ranks" "$KERF" "$@" >"$log" 2>&1 </dev/null &
    job=$!
}

# wait_for FILE NUM: until it has so many lines.
wait_for() {
    tries=0
    until [ "$(cat "$1" 2>/dev/null | wc -l)" -ge "$2" ]; do
        tries=$((tries + 1))
        [ $tries -lt 600 ] || { failed "$1: no $2 lines after a minute" && return; }
        sleep 0.1
    done
}

# child_of PID NUM: the process number NUM, from 1, that mpirun has begun.
child_of() {
    cut -d" " -f"$2" "/proc/$1/task/$1/children"
}

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
}
ls ./*.tmp 2>/dev/null && failed "half files are left"

# ---- what is refused, and said once -------------------------------------------------------------
# said_once CODE WORDS COMMAND...
said_once() {
    words=$2
    expect "$@"
    [ "$(cat out.txt err.txt | grep -cF -e "$words")" = 1 ] || failed "'$words' is not said once"
}
# shellcheck disable=SC2086
{
    said_once 2 "kerf: eval: is no work for several: must be begun without mpirun" together 2 eval m.onnx $data
    said_once 2 "kerf: train: --epochs -2: must be at least 0" together 2 train m.onnx $data --epochs -2 -o x.onnx
    said_once 1 "kerf: train: batch 384 cannot be cut into equal parts for 5 ranks" \
        together 5 train m.onnx $data -o x.onnx
    expect 1 "rank 1: kerf: train: gone.onnx: cannot be read" "$MPIRUN" -n 1 "$KERF" train m.onnx $data -o x.onnx \
        : -n 1 "$KERF" train gone.onnx $data -o x.onnx
    said_once 1 "kerf: train: rank 1 has epochs=3, rank 0 has epochs=2; all must be alike" "$MPIRUN" -n 1 "$KERF" train m.onnx $data --epochs 2 -o x.onnx \
        : -n 1 "$KERF" train m.onnx $data --epochs 3 -o x.onnx
}
[ -e x.onnx ] && failed "what is refused leaves a file"

# ---- killed, and gone on with by another number ---------------------------------------------------
# shellcheck disable=SC2086
{
    begin 2 k.txt train m.onnx $data --epochs 60 -o k.onnx -q
    wait_for k.run/metrics.jsonl 1
    kill -9 "$(child_of $job 2)"
    wait $job && failed "a job goes well whose rank was killed"
    grep -q "signal 9" k.txt || failed "it is not told that a rank was killed: $(tail -3 k.txt)"
    [ "$(wc -l <k.run/metrics.jsonl)" -lt 60 ] || failed "the job was over before it was killed"
    expect 0 "" together 3 train m.onnx $data --epochs 60 -o k.onnx -q --resume
    [ "$(wc -l <k.run/metrics.jsonl)" = 60 ] || failed "epochs are lost or told twice"
}

# ---- one that is stopped --------------------------------------------------------------------------
# shellcheck disable=SC2086
{
    begin 2 s.txt train m.onnx $data --epochs 4000 -o s.onnx -q --rank-timeout 2
    wait_for s.run/metrics.jsonl 1
    kill -STOP "$(child_of $job 2)"
    wait $job && failed "a job goes well whose rank was stopped"
    grep -q "rank 1 on .* has not answered for 2 s" s.txt ||
        failed "who was stopped is not named: $(tail -3 s.txt)"
}

finish
