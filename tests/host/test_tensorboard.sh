#!/bin/sh
# test_tensorboard.sh -- --tensorboard: the real TensorBoard reads what metrics.jsonl has, once each,
# also of a run that was stopped and resumed.  Runs on what tests/device_run.sh chose.
. "$(dirname "$0")/lib.sh"
data=random:1,8,8,10
export KERF_DEVICE=0
need_python
judge="$KERF_TEST_SOURCE/tests/host/tensorboard_judge.py"
"$KERF" new lenet-300-100 --input 1,8,8 --width 0.2 -q -o m.onnx || failed new

expect 0 "top-1" "$KERF" prune m.onnx --data $data --val 100 --batch 64 --sparsity 0.8 --events 2 --retrain 1 \
    --tensorboard -o cut.onnx
"$PYTHON" "$judge" cut.run 2 || failed "cut.run"

# Stopped behind the first epoch, and resumed.
train="train m.onnx --data $data --batch 8 --epochs 40 --tensorboard"
# shellcheck disable=SC2086 -- words
"$KERF" $train -q -o late.onnx 2>err.txt &
pid=$!
for _ in $(seq 600); do
    grep -q epoch late.run/metrics.jsonl 2>/dev/null && break
    sleep 0.05
done
kill -INT $pid
wait $pid
[ "$(wc -l <late.run/metrics.jsonl)" -lt 40 ] || failed "the run ended before it was stopped"
"$PYTHON" "$judge" late.run "$(wc -l <late.run/metrics.jsonl)" || failed "late.run, stopped"
# shellcheck disable=SC2086 -- words
expect 0 "top-1" "$KERF" $train -o late.onnx --resume
"$PYTHON" "$judge" late.run 40 || failed "late.run, resumed"

# Nobody wants it any more: what an earlier run left would be taken for this one's.
expect 0 "top-1" "$KERF" train m.onnx --data $data --epochs 1 --run-dir cut.run -f -o new.onnx
[ ! -e cut.run/events.out.tfevents.kerf ] || failed "an earlier run's event file is still there"
finish
