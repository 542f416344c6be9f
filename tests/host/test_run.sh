#!/bin/sh
# test_run.sh -- the commands that work on a device: train, eval, infer, prune, bench, tune,
# devices; Ctrl-C and resume.  Runs on what tests/device_run.sh chose.
. "$(dirname "$0")/lib.sh"
data=random:1,8,8,10
export KERF_DEVICE=0

"$KERF" new lenet-300-100 --input 1,8,8 --width 0.2 -q -o m.onnx || failed new

# ---- devices ---------------------------------------------------------------------------------
expect_json "devices.0.index=0 devices.0.name devices.0.platform devices.0.vendor devices.0.driver \
    devices.0.opencl devices.0.type devices.0.pci devices.0.compute_units devices.0.global_bytes \
    devices.0.max_alloc_bytes devices.0.local_bytes devices.0.max_group devices.0.id \
    devices.0.peaks.f32_gflops devices.0.peaks.copy_gbps devices.0.features devices.0.profile devices.0.quirks" \
    "$KERF" devices --json
expect_json "devices.0.features.dot_plain=true devices.0.dot.s8s8.gops.plain \
    devices.0.dot.s8s8.chosen devices.0.dot.u8s8.gops.plain devices.0.peaks.launch_us \
    devices.0.kernels" "$KERF" devices --json
expect 0 "dot products s8 by s8: plain" "$KERF" devices --measure
expect 0 "found by test: groups to" "$KERF" devices
expect 0 "this driver " "$KERF" devices -v
expect 1 "kerf: eval: " "$KERF" eval m.onnx --data $data --device "no such device"

# ---- train and eval --------------------------------------------------------------------------
expect 0 "top-1" "$KERF" train m.onnx --data $data --epochs 2 --batch 64 -o dense.onnx
grep -q "epoch   2/2" err.txt || failed "no line of epoch 2: $(cat err.txt)"
[ -s dense.run/metrics.jsonl ] || failed "no metrics.jsonl"
[ -s dense.run/checkpoint ] || failed "no checkpoint"
"$JSON_CHECK" after.top1 <dense.run/summary.json || failed summary.json
expect_json "before.top1 after.top1 after.weights after.compression=1 seconds epochs.1.epoch=2 \
    epochs.1.loss epochs.1.lr epochs.1.seconds epochs.1.val_top1 output=again.onnx" \
    "$KERF" train m.onnx --data $data --val 100 --epochs 2 --batch 64 -o again.onnx --json
expect 0 "" "$KERF" train m.onnx --data $data --epochs 2 --batch 64 -q -o same.onnx
cmp -s dense.onnx same.onnx || failed "the same seed gave other bits"
expect_json "samples top1 top1_ci95 top5 loss ms_per_batch batch agreement=null confusion.9.9" \
    "$KERF" eval dense.onnx --data $data --json
expect_json "agreement=100" "$KERF" eval dense.onnx --data $data --reference dense.onnx --json
expect 3 "kerf: eval: --min-top1 100: top-1 is " "$KERF" eval m.onnx --data $data --min-top1 100
expect 0 "top-1" "$KERF" eval m.onnx --data $data --min-top1 0
expect 1 "kerf: eval: " "$KERF" eval m.onnx --data idx:nowhere
expect 2 "kerf: eval: --prep nonsense: " "$KERF" eval m.onnx --data $data --prep nonsense

expect 1 "kerf: train: the loss became" "$KERF" train m.onnx --data $data --epochs 1 --batch 64 \
    --lr 10000 -o wild.onnx
grep -q "try a smaller lr" err.txt || failed "no advice: $(cat err.txt)"
[ ! -e wild.onnx ] || failed "a diverged run wrote its output"

# ---- distill ----------------------------------------------------------------------------------
expect 0 "top-1" "$KERF" distill dense.onnx m.onnx --data $data --epochs 1 --batch 64 -o student.onnx
grep -q "the teacher's top-1 is " err.txt || failed "the teacher is not measured: $(cat err.txt)"
expect_json "before.top1 after.top1 epochs.0.loss output=taught.onnx" "$KERF" distill dense.onnx m.onnx \
    --data $data --epochs 1 --batch 64 --temperature 8 --last-temperature 1 --alpha 1 -o taught.onnx --json
! cmp -s student.onnx taught.onnx || failed "settings of distillation change nothing"
expect 2 "kerf: distill: an argument is missing" "$KERF" distill dense.onnx --data $data -o x.onnx
expect 2 "kerf: distill: --data is missing" "$KERF" distill dense.onnx m.onnx -o x.onnx
expect 2 "kerf: distill: --alpha 2: must be at least 0 and at most 1" \
    "$KERF" distill dense.onnx m.onnx --data $data --alpha 2 -o x.onnx
"$KERF" new lenet-300-100 --input 1,8,8 --classes 7 -q -o seven.onnx || failed new
expect 1 "must be" "$KERF" distill seven.onnx m.onnx --data $data --epochs 1 -o x.onnx
[ ! -e x.onnx ] || failed "a refused distillation wrote its output"

expect 0 "top-1" "$KERF" distill dense.onnx m.onnx --data $data --epochs 1 --batch 64 --hint-epochs 0.5 \
    --tap 'relu*=relu*:mse:0.5@0-0.5' --tap fc2:cosine --tap fc1:similarity:3000 --tap fc3:dkd --beta 2 -o tapped.onnx
! cmp -s student.onnx tapped.onnx || failed "taps change nothing"
expect 0 "top-1" "$KERF" distill dense.onnx seven.onnx m.onnx --data $data --epochs 0.5 --batch 64 --alpha 0 \
    --tap 'relu1=2#relu1:distance' -q -o two.onnx
expect 0 "top-1" "$KERF" distill dense.onnx m.onnx --data $data --epochs 0.5 --batch 64 --label-smoothing 0.1 --mixup 0.4 -q -o mixed.onnx
expect 2 "kerf: train: --label-smoothing 1: must be at least 0 and below 1" \
    "$KERF" train m.onnx --data $data --label-smoothing 1 -o x.onnx

# Taken down once, and on another device: the same bits as asked in each step here.
expect 0 "top-1" "$KERF" distill dense.onnx m.onnx --data $data --epochs 1 --batch 64 --cache \
    --teacher-device "${KERF_DEVICE:-0}" --run-dir kept -o kept.onnx
cmp -s student.onnx kept.onnx || failed "a teacher's file, or device, changes bits"
[ -s kept/teacher.cache ] || failed "what the teacher says is not kept"
expect 1 "cache: augment flip makes other samples" \
    "$KERF" distill dense.onnx m.onnx --data $data --augment flip --cache -o x.onnx
expect 2 "kerf: prune: --teacher-device: self teaches" "$KERF" prune dense.onnx --data $data --sparsity 0.8 \
    --retrain 1 --distill self --teacher-device 0 -o x.onnx
# Networks of integers teach like any other: operators of integers (dynamic), roundings between which
# floats stand (static), integers that become floats (weight-only), numbers of a codebook; kept in a file, too.
for mode in dynamic static weight-only; do
    expect 0 "" "$KERF" quantize dense.onnx --data $data --mode $mode -q -o $mode.onnx
    expect 0 "the teacher's top-1 is" "$KERF" distill $mode.onnx m.onnx --data $data --epochs 0.2 --batch 64 --alpha 1 -o by-$mode.onnx
    cmp -s by-dynamic.onnx by-$mode.onnx && [ $mode != dynamic ] && failed "a $mode teacher says what a dynamic one says"
done
expect 0 "" "$KERF" share dense.onnx --bits 4 -q -o shared.onnx
expect 0 "" "$KERF" distill shared.onnx static.onnx m.onnx --data $data --epochs 0.2 --batch 64 --cache -q -o by-both.onnx
expect 1 "distill: the student has no layer 'fc9'; near are 'fc1'" \
    "$KERF" distill dense.onnx m.onnx --data $data --tap fc9=fc1:mse -o x.onnx
expect 2 "there is no loss 'mze', did you mean 'mse'" "$KERF" distill dense.onnx m.onnx --data $data --tap fc1:mze -o x.onnx
expect 2 "kerf: distill: --tap fc1: must be STUDENT_LAYER=TEACHER_LAYER:LOSS" \
    "$KERF" distill dense.onnx m.onnx --data $data --tap fc1 -o x.onnx
expect 2 "kerf: distill: --tap fc1:mse@5-2: must be" "$KERF" distill dense.onnx m.onnx --data $data --tap fc1:mse@5-2 -o x.onnx
expect 0 "top-1" "$KERF" prune dense.onnx --data $data --sparsity 0.8 --retrain 0.5 --batch 64 --distill self \
    --tap fc2:mse -o taught-cut.onnx
expect 0 "top-1" "$KERF" prune dense.onnx --data $data --sparsity 0.8 --retrain 0.5 --batch 64 --distill dense.onnx -o by-file.onnx
expect 2 "kerf: prune: --tap: acts with --distill alone" \
    "$KERF" prune dense.onnx --data $data --sparsity 0.8 --retrain 1 --tap fc1:mse -o x.onnx
expect 2 "kerf: prune: --distill: nothing is trained without" "$KERF" prune dense.onnx --sparsity 0.8 --distill self -o x.onnx

# ---- prune ------------------------------------------------------------------------------------
expect 0 "compression rate 10.00x" "$KERF" prune dense.onnx --sparsity 0.9 --scope global -o cut.onnx
expect_json "compression=10" "$KERF" info cut.onnx --json
expect 0 "fc1" "$KERF" prune dense.onnx --sparsity 'fc1=0.5,*=0' -o part.onnx
expect_json "layers.0.sparsity=0.5 layers.1.sparsity=0" "$KERF" info part.onnx --json
expect 0 "" "$KERF" prune dense.onnx --method random --sparsity 0.5 --skip fc3 -o random.onnx
expect_json "layers.0.sparsity=0.5 layers.2.sparsity=0" "$KERF" info random.onnx --json
expect 0 "threshold" "$KERF" prune dense.onnx --method std --s 1 -o std.onnx
expect 0 "compression rate 2.00x" "$KERF" prune dense.onnx --structure n:m=2:4 -o half.onnx
expect 0 "384 / 3,840" "$KERF" prune dense.onnx --structure block=4x1 --sparsity 0.9 -o blocks.onnx
expect 0 "fc3.weight: 30.00 % go, the nearest to 33.00 % that whole units allow" \
    "$KERF" prune dense.onnx --structure channel --sparsity 0.33 -o channels.onnx
expect 0 "% go, the nearest to 50.00 % that whole units allow" "$KERF" prune dense.onnx --structure n:m=8:16 --layers fc3 -o padded.onnx
expect 0 "zeros of 3 layers are kept by what trains" "$KERF" info half.onnx
expect_json "kept_zeros=3" "$KERF" info half.onnx --json
expect 0 "fc3: no weight is left" "$KERF" prune dense.onnx --method std --s 'fc3=99,*=0' -o empty.onnx
expect 0 "top-1" "$KERF" eval empty.onnx --data $data
expect 0 "fc3.weight" "$KERF" prune dense.onnx --data $data --analyse --run-dir scan
grep -q "Top-1 lost" scan/report.html || failed "prune --analyse wrote no page"
expect_json "layers.0.name=fc1.weight layers.0.lost.6.sparsity layers.2.lost.0.top1_lost" \
    "$KERF" prune dense.onnx --data $data --analyse --json
expect 0 "fc2: no weight is left" "$KERF" prune dense.onnx --data $data --batch 64 --sparsity 0 --layers fc2 --retrain 0.5 \
    --penalty l1=1000 --schedule const -q -o killed.onnx
expect 0 "100.00 %" "$KERF" info killed.onnx
expect_json "after.nonzeros" "$KERF" train dense.onnx --data $data --epochs 0.5 --penalty group=1 --json -o narrow.onnx
expect 0 "found: --sparsity 'fc1.weight=" "$KERF" prune dense.onnx --data $data --max-drop 2 -o found.onnx
expect_json "found.lost found.amounts" "$KERF" prune dense.onnx --data $data --max-drop 2 -f -o found.onnx --json
expect 1 "must be method magnitude or random" "$KERF" prune dense.onnx --data $data --analyse --method taylor
expect 1 "prune: 2 of 4 says how many" "$KERF" prune dense.onnx --structure n:m=2:4 --sparsity 0.5 -o none.onnx
expect 1 "kerf: prune: " "$KERF" prune dense.onnx --sparsity 0.5 --layers nosuch -o none.onnx
[ ! -e none.onnx ] || failed "a failed prune wrote its output"
expect_json "after.compression=5 before.compression=1 epochs.2.sparsity=0.8" \
    "$KERF" prune dense.onnx --data $data --batch 64 --sparsity 0.8 --scope global --events 2 \
    --retrain 1 --finetune 1 -o steps.onnx --json
expect_json "compression=5" "$KERF" info steps.onnx --json
expect 0 "they stay 0" "$KERF" train steps.onnx --data $data --epochs 1 --batch 64 -o more.onnx
expect_json "compression=5" "$KERF" info more.onnx --json
cp steps.onnx place.onnx
expect 0 "" "$KERF" prune place.onnx --sparsity 0.9 --scope global -f -o place.onnx
expect_json "compression=10" "$KERF" info place.onnx --json

# ---- streams ----------------------------------------------------------------------------------
"$KERF" prune - --sparsity 0.9 --scope global -o - <dense.onnx 2>/dev/null | cmp -s - cut.onnx ||
    failed "prune - -o - differs from files"

# ---- infer ------------------------------------------------------------------------------------
make_npy x.npy "(3, 1, 8, 8)" 192
expect 0 "" "$KERF" infer dense.onnx --input x.npy -o y.npy
[ "$(wc -c <y.npy)" = 248 ] || failed "y.npy has $(wc -c <y.npy) bytes, not 128 + 3*10*4"
"$KERF" infer dense.onnx --input - -o - <x.npy 2>/dev/null | cmp -s - y.npy || failed "infer - -o -"
expect 0 "" "$KERF" infer dense.onnx --input input=x.npy -o results/
cmp -s results/logits.npy y.npy || failed "-o DIR differs: $(ls results)"
make_npy many.npy "(300, 1, 8, 8)" 19200
expect 0 "" "$KERF" infer dense.onnx --input many.npy -o many_y.npy
head -c 168 many_y.npy | tail -c 40 >first
tail -c 40 many_y.npy >last
cmp -s first last || failed "300 equal samples, in two pieces, gave different results"
printf 'shirt\nshoe\n' >labels.txt
expect_json "samples=3 top.2.0.share outputs.0.shape=[3,10]" \
    "$KERF" infer dense.onnx --input x.npy --top 1 --labels labels.txt --json
expect 0 "share" "$KERF" infer dense.onnx --input x.npy --top 2
expect_error 1 "kerf: eval: --data npy:x.npy: has no test samples, must be --split train" \
    "$KERF" eval dense.onnx --data npy:x.npy
make_npy wrong.npy "(3, 784)" 2352
expect_error 1 "kerf: infer: --input wrong.npy: is (3, 784), must be (?, 1, 8, 8) like input input" \
    "$KERF" infer dense.onnx --input wrong.npy
head -c 100 x.npy >cut.npy
expect 1 "kerf: infer: cut.npy: " "$KERF" infer dense.onnx --input cut.npy
expect 1 "kerf: infer: none.npy: " "$KERF" infer dense.onnx --input none.npy
{ printf 'P6\n16 8\n255\n'; head -c 384 /dev/zero; } >night.ppm
expect_json "samples=1 top.0.0.share" "$KERF" infer dense.onnx --input night.ppm \
    --prep gray,crop=8,signed --labels labels.txt --json
expect_error 1 "kerf: infer: --input night.ppm: is (1, 3, 8, 16), must be (?, 1, 8, 8) like input input" \
    "$KERF" infer dense.onnx --input night.ppm
expect 2 "kerf: infer: --prep crop: prep 'crop': not understood" \
    "$KERF" infer dense.onnx --input night.ppm --prep crop

expect 2 "kerf: infer: --prep guess: kerf eval guesses" \
    "$KERF" infer dense.onnx --input night.ppm --prep guess
expect 2 "kerf: train: --prep guess: kerf eval guesses" \
    "$KERF" train m.onnx --data $data --prep guess -o guessed.onnx
expect_json "guesses.0.prep guesses.0.samples guesses.1.loss prep top1" \
    "$KERF" eval dense.onnx --data $data --prep guess --json
expect 0 "samples: --prep " "$KERF" eval dense.onnx --data $data --prep guess
printf 'zero\none\n' >two.txt
expect_error 1 "kerf: eval: two.txt: names 2 classes, the data has 10" \
    "$KERF" eval dense.onnx --data $data --classes two.txt

# ---- docs/pruning.md --------------------------------------------------------------------------
expect 0 "" "$KERF" new resnet-18 --input 3,8,8 -o resnet.onnx
expect 0 "" "$KERF" prune resnet.onnx --sparsity 0.3 --layers conv1 -o one.onnx
expect_json "layers.0.name=conv1 layers.0.weights=9408 layers.0.nonzeros=6586" "$KERF" info one.onnx --json
expect 0 "" "$KERF" prune resnet.onnx --sparsity 0.3 --skip fc -o all.onnx
expect_json "nonzeros=8328839" "$KERF" info all.onnx --json
expect 0 "" "$KERF" prune all.onnx --sparsity 0.3 --skip fc -o once_more.onnx
cmp -s all.onnx once_more.onnx || failed "pruned, saved and loaded, the same share finds other zeros"
rm -f resnet.onnx one.onnx all.onnx once_more.onnx
expect 0 "" "$KERF" new lenet-5-classic -o classic.onnx
expect 0 "" "$KERF" prune classic.onnx --sparsity 0.2 --scope global -o fifth.onnx
expect_json "weights=61470 nonzeros=49176" "$KERF" info fifth.onnx --json

# ---- bench and tune ------------------------------------------------------------------------------
expect_json "device driver probe.profile model=dense.onnx infer.ms_median infer.ms_p99 infer.runs=5 infer.peak_bytes \
    start.read_ms start.plan_ms layers.0.variant layers.0.ms" \
    "$KERF" bench dense.onnx --runs 5 --warm 0 --json
expect_json "models.1.train.runs=5 ratio.0.median ratio.0.ci95.1 ratio.0.of=cut.onnx" \
    "$KERF" bench dense.onnx cut.onnx --train --batch 32 --runs 5 --warm 0 --json
expect 3 "kerf: bench: --max-ms 1e-06: dense.onnx takes" \
    "$KERF" bench dense.onnx --max-ms 1e-6 --runs 2 --warm 0
expect 2 "must be like" "$KERF" bench dense.onnx --shape 1,3,8,8
"$KERF" new lenet-300-100 -q -o large.onnx
expect_json "train=true batch=32 crossover.0.name=fc1 crossover.0.direction=forward crossover.0.dense_ms \
    crossover.0.densities.0.density=0.5 crossover.0.densities.0.sparse_ms crossover.0.densities.0.dense_ms crossover.0.densities.0.chosen \
    crossover.0.densities.7.sparse_ms crossover.0.densities.7.chosen crossover.4.name crossover.5.name" \
    "$KERF" bench large.onnx --crossover --train --batch 32 --json
expect_error 2 "kerf: bench: --crossover: takes one model, dense and sparse" \
    "$KERF" bench dense.onnx cut.onnx --crossover
expect_json "model=dense.onnx start.runs=2 start.total_ms start.open_ms start.read_ms start.build_ms start.plan_ms start.first_ms \
    start.compiled=0 start.loaded start.cold.total_ms start.cold.compiled start.cold.loaded=0" \
    env KERF_PROBE= KERF_CACHE_MIB=64 "$KERF" bench dense.onnx --start --runs 2 --json
expect_error 2 "kerf: bench: --start: takes one model" "$KERF" bench dense.onnx cut.onnx --start
expect_error 1 "kerf: bench: nowhere.onnx: cannot be read: No such file or directory" "$KERF" bench nowhere.onnx --start
expect 0 "cut.onnx / dense.onnx:" "$KERF" bench dense.onnx cut.onnx --runs 5 --warm 0 -o ratio.json
expect_json "models.0.infer.runs=5 ratio.0.to=dense.onnx ratio.0.ci95.0" cat ratio.json

# ---- a cache folder that can be read and no more ---------------------------------------------------
# read_only FOLDER COMMAND...: root writes in any folder, but not below a mount that forbids it.
read_only() {
    chmod -R a-w "$1"
    if touch "$1/x" 2>/dev/null; then
        rm "$1/x"
        unshare -m sh -c 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"' "$@"
    else
        shift
        "$@"
    fi
}
make_npy locked.npy "(1, 1, 28, 28)" 784
mkdir locked
infer="infer classic.onnx --input locked.npy"
# shellcheck disable=SC2086 -- words
{
expect 0 "" env KERF_PROBE= KERF_CACHE_MIB=64 KERF_CACHE_DIR="$work/locked" "$KERF" $infer -o free.npy
if [ "$(id -u)" != 0 ] || unshare -m true 2>/dev/null; then
    expect 0 "" read_only "$work/locked" env KERF_PROBE= KERF_CACHE_MIB=64 KERF_CACHE_DIR="$work/locked" "$KERF" $infer -o again.npy
    [ ! -s err.txt ] || failed "a read-only cache folder is told of: $(cat err.txt)"
    cmp free.npy again.npy || failed "a read-only cache folder gives other bits"
fi
chmod -R u+w locked
expect 0 "" env KERF_PROBE= KERF_CACHE_DIR=/dev/null/kerf "$KERF" $infer -o nowhere.npy
}
[ ! -s err.txt ] || failed "a cache folder that cannot be is told of: $(cat err.txt)"

# ---- the bar on a terminal, wide and narrow -------------------------------------------------------
if command -v script >/dev/null; then
    for width in 120 60; do
        script -qc "stty cols $width; '$KERF' prune m.onnx --data $data --val 100 --batch 16 --sparsity 0.9 \
            --events 2 --retrain 2 --run-dir bar.run -f -o bar.onnx" /dev/null </dev/null 2>/dev/null |
            tr '\r' '\n' | sed 's/\x1b\[K//' | grep -a "^prune .* left$" >bar-$width.txt
    done
    grep -qE "epoch 4/4  loss [0-9.]+  val [0-9.]+ %  zeros 90.00 %  [0-9,]+ images/s  0:0[0-9] left" bar-120.txt ||
        failed "the bar: $(tail -1 bar-120.txt)"
    longest=$(LC_ALL=C.UTF-8 wc -L <bar-60.txt)
    { [ "$longest" -gt 30 ] && [ "$longest" -le 60 ]; } || failed "the bar on 60 columns: $longest wide"
fi

# ---- Ctrl-C ---------------------------------------------------------------------------------------
train="train m.onnx --data $data --epochs 20 --batch 16 --val 100"
# shellcheck disable=SC2086 -- words
"$KERF" $train -q -o whole.onnx >out.txt || failed "the undisturbed run"
"$KERF" $train -o late.onnx 2>err.txt >out.txt &
pid=$!
for _ in $(seq 200); do
    grep -q "epoch   2/20" err.txt && break
    sleep 0.05
done
kill -INT $pid
wait $pid
code=$?
[ $code = 130 ] || failed "Ctrl-C: exit $code: $(tail -2 err.txt)"
grep -q -e "$train -o late.onnx --resume" err.txt || failed "it does not say how to resume"
[ ! -e late.onnx ] || failed "an interrupted run wrote its output"
# shellcheck disable=SC2086 -- words
expect 1 "late.run: holds an unfinished run: --resume goes on with it, -f starts over" \
    "$KERF" $train -o late.onnx
# shellcheck disable=SC2086 -- words
expect 0 "top-1" "$KERF" $train -o late.onnx --resume
cmp -s late.onnx whole.onnx || failed "the resumed run has other bits than the undisturbed one"
expect 1 "holds no checkpoint to go on from" \
    "$KERF" train m.onnx --data $data -o new.onnx --resume
# Dimensions that a file leaves open are those of what goes in; every one must be told to a bench.
open="$KERF_TEST_SOURCE/tests/golden/good/unnamed_dimensions.onnx"
make_npy open.npy "(2, 4, 3)" 24
expect 0 "" "$KERF" infer "$open" --input open.npy -o opened.npy
cmp -s open.npy opened.npy || failed "Relu of what is above 0 is something else"
make_npy wrong.npy "(2, 5, 3)" 30
expect 1 "is (2, 5, 3), must be (?, 4, ?) like input x" "$KERF" infer "$open" --input wrong.npy
expect_json "shape" "$KERF" bench "$open" --shape 2,4,3 --runs 2 --warm 0 --json
grep -q '"shape":\[2,4,3\]' out.txt || failed "another shape: $(cat out.txt)"
expect 1 "dimension 2 of input 'x' is 'dim_1', must be a number: give the shape" \
    "$KERF" bench "$open" --runs 2
expect 2 "must be like (?, 4, ?)" "$KERF" bench "$open" --shape 2,5,3 --runs 2
finish
