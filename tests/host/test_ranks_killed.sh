#!/bin/sh
# test_ranks_killed.sh -- a rank that is killed, and going on with another number of them
# (docs/cluster.md).
. "$(dirname "$0")/lib.sh"

expect 0 "" "$KERF" new lenet-300-100 --width 0.1 --input 1,8,8 --classes 4 -o m.onnx
data="--data random:1,8,8,4 --val 256 --batch 384"

# shellcheck disable=SC2086
{
    begin 2 k.txt train m.onnx $data --epochs 24 -o k.onnx -q
    wait_for k.run/metrics.jsonl 1
    kill -9 "$(child_of $job 2)"
    wait $job && failed "a job goes well whose rank was killed"
    grep -q "signal 9" k.txt || failed "it is not told that a rank was killed: $(tail -3 k.txt)"
    [ "$(wc -l <k.run/metrics.jsonl)" -lt 24 ] || failed "the job was over before it was killed"
    expect 0 "" together 3 train m.onnx $data --epochs 24 -o k.onnx -q --resume
    [ "$(wc -l <k.run/metrics.jsonl)" = 24 ] || failed "epochs are lost or told twice"
}

finish
