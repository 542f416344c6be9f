#!/bin/sh
# test_run_stopped.sh -- what stops `kerf run` from outside: a folder in use, a disk that is full in
# mid-run, a checkpoint that was cut.  Nothing is lost but the current epoch.  (Kills:
# test_run_killed.c.)
. "$(dirname "$0")/lib.sh"

cat >r.yaml <<'RECIPE'
model: lenet-300-100
width: 0.1
data: random:1,8,8,4
val: 512
train: {epochs: 60, batch: 64, lr: 0.02}
steps:
  - prune: {start: 0, end: 12, every: 0.5, scope: global, sparsity: 0.9}
  - distill: {teacher: self, temperature: 3}
  - quantize: {start: 20, freeze_observers: 25}
RECIPE
expect 0 "" "$KERF" run r.yaml -o whole -q

# ---- in use -------------------------------------------------------------------------------------
"$KERF" run r.yaml -o used -q --set train.epochs=100000 >/dev/null 2>used.txt &
pid=$!
wait_for used/metrics.jsonl 1
cp used/recipe.yaml before.yaml
for way in --resume -f; do
    expect_error 1 "kerf: run: used: process $pid is working here; wait until it ends or take another folder" \
        "$KERF" run r.yaml -o used $way
done
cmp -s used/recipe.yaml before.yaml || failed "a folder in use gets another recipe"

# ---- stopped, and its checkpoint cut ------------------------------------------------------------
kill -TERM $pid
wait $pid
[ $? = 130 ] || failed "a run that is stopped does not exit with 130"
grep -q "used --resume\|--resume" used.txt || failed "it is not said how to go on"
size=$(wc -c <used/checkpoint)
head -c $((size / 2)) used/checkpoint >cut && cp cut used/checkpoint
expect 1 "is of a run with epochs=100000, this one has epochs=60" "$KERF" run r.yaml -o used --resume
cp cut used/checkpoint.old
expect_error 1 "kerf: run: used/checkpoint: is not a whole checkpoint: the checksum is wrong; used/checkpoint.old cannot take its place" \
    "$KERF" run r.yaml -o used --resume -q

# ---- a recipe of a newer version ----------------------------------------------------------------
{ echo "kerf: 2" && cat r.yaml; } >newer.yaml
expect_error 1 "kerf: run: newer.yaml:1: kerf 2: a recipe for a newer version; this one reads 1" \
    "$KERF" run newer.yaml -o newer
[ -e newer ] && failed "a recipe that cannot be read leaves a folder"

# ---- a disk that is full in mid-run -------------------------------------------------------------
mkdir disk
if mount -t tmpfs -o size=2m none disk 2>/dev/null; then
    trap 'umount "$work/disk"; rm -rf "$work"' EXIT
    "$KERF" run r.yaml -o disk/run >full.txt 2>&1 &
    pid=$!
    wait_for disk/run/metrics.jsonl 3
    cat /dev/zero >disk/filler 2>/dev/null
    wait $pid
    [ $? = 1 ] || failed "a full disk does not make a run fail"
    grep -q "kerf: run: disk/run/.*: cannot be written: " full.txt ||
        failed "a full disk is not told: $(tail -2 full.txt)"
    grep -q -e "--resume" full.txt || failed "it is not told how to go on from a full disk"
    ls disk/run | grep -q '\.tmp$' && failed "a full disk leaves half a file"
    [ -e disk/run/summary.json ] && failed "a run that failed looks finished"
    rm disk/filler
    expect 0 "" "$KERF" run r.yaml -o disk/run -q --resume
    cmp -s whole/model.onnx disk/run/model.onnx || failed "behind a full disk there are other bits"
    [ "$(wc -l <disk/run/metrics.jsonl)" = 60 ] || failed "epochs are lost or told twice"
else
    echo "no file system may be mounted: a full disk is not tried"
fi

finish
