#!/bin/sh
# test_ranks_lost.sh -- a rank that is stopped; a disk that is full where one writes (docs/cluster.md).
# One that is killed: test_ranks_killed.sh.
. "$(dirname "$0")/lib.sh"

expect 0 "" "$KERF" new lenet-300-100 --width 0.1 --input 1,8,8 --classes 4 -o m.onnx
data="--data random:1,8,8,4 --val 256 --batch 384"

# ---- one that is stopped --------------------------------------------------------------------------
# shellcheck disable=SC2086
{
    begin 2 s.txt train m.onnx $data --epochs 4000 -o s.onnx -q --rank-timeout 15
    wait_for s.run/metrics.jsonl 1
    kill -STOP "$(child_of $job 2)"
    wait $job && failed "a job goes well whose rank was stopped"
    grep -q "rank 1 on .* has not answered for 15 s" s.txt ||
        failed "who was stopped is not named: $(tail -3 s.txt)"
}

# ---- a disk that is full, of rank 0 ---------------------------------------------------------------
mkdir disk
if mount -t tmpfs -o size=1m none disk 2>/dev/null; then
    trap 'umount "$work/disk"; rm -rf "$work"' EXIT
    # shellcheck disable=SC2086
    begin 2 f.txt train m.onnx $data --epochs 4000 -o f.onnx --run-dir disk/run -q
    wait_for disk/run/metrics.jsonl 1
    cat /dev/zero >disk/filler 2>/dev/null
    wait $job && failed "a full disk does not make ranks fail"
    grep -q "^kerf: train: disk/run/.*: cannot be written: " f.txt ||
        failed "a full disk is not told: $(tail -3 f.txt)"
else
    echo "no file system may be mounted: a full disk is not tried"
fi

finish
