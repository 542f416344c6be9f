#!/bin/sh
# test_quantize.sh -- `kerf quantize`: networks trained on Fashion-MNIST lose next to nothing as
# integers, ONNX Runtime runs the files as integers from end to end, and both find the same top-1
# (quantize_judge.py).  PYTHON has onnx and onnxruntime.
. "$(dirname "$0")/lib.sh"
data=fashion-mnist
export KERF_DEVICE=0
need_python

# judge MODEL OPERATORS [int2]: ONNX Runtime has these and no others, and Kerf's top-1.
judge() {
    "$KERF" eval "$1" --data $data --json >eval.json || failed "eval $1"
    "$PYTHON" "$KERF_TEST_SOURCE/tests/host/quantize_judge.py" "$1" eval.json "$2" "${3-}" || failed "$1 is judged"
}

# check_drop FILE.json: of a network that is hardly trained, 0.3 points at most.
check_drop() {
    "$PYTHON" -c 'import json, sys; x = json.load(open(sys.argv[1])); assert x["after"]["top1"] >= x["before"]["top1"] - 0.3, x' \
        "$1" || failed "quantizing costs too much"
}

# ---- LeNet-5, static -------------------------------------------------------------------------
"$KERF" new lenet-5 -q -o lenet5.onnx || failed new
"$KERF" train lenet5.onnx --data $data --epochs 0.3 -q -o dense5.onnx >out.txt || failed train
expect_json "before.top1 after.top1 after.weights=430500 output=int8.onnx" \
    "$KERF" quantize dense5.onnx --data $data --ranges ranges.json -o int8.onnx --json
check_drop out.txt
judge int8.onnx "Flatten NhwcMaxPool QGemm QLinearConv"
expect_json "layers.0.bits=8 layers.2.weights=400000 compression" "$KERF" info int8.onnx --json
expect_json "words=true train=false batch=1 crossover.0.direction=forward crossover.0.densities.0.dense_ms crossover.0.densities.7.sparse_ms" \
    "$KERF" bench int8.onnx --crossover --json
[ "$(wc -c <int8.onnx)" -lt "$(($(wc -c <dense5.onnx) * 10 / 39))" ] || failed "not 3.9 times smaller"
expect_json "layers.0.name=conv1 layers.3.outputs.snr_db layers.0.weights.cosine layers.1.top1_lost \
    layers.2.outputs.saturated layers.2.outputs.mse layers.2.outputs.mae layers.2.outputs.largest" \
    "$KERF" quantize dense5.onnx --data $data --ranges ranges.json --analyse -o looked.onnx --json
cmp -s int8.onnx looked.onnx || failed "analysing changed the result"
expect 0 "" "$KERF" quantize dense5.onnx --data $data --ranges ranges.json --analyse --run-dir page -q -f -o looked.onnx
for part in '"title":"What rounding costs' '"labels":["conv1","conv2","fc1","fc2"]' '"name":"outputs"' '"name":"top-1 lost"'; do
    grep -qF "$part" page/report.html || failed "the page of errors has no $part"
done
# Without labels there is no top-1 to lose.
"$PYTHON" -c 'import numpy; numpy.save("plain.npy", numpy.random.RandomState(1).rand(64, 1, 28, 28).astype("f"))' || failed numpy
expect 0 "agreement lost alone" "$KERF" quantize dense5.onnx --data npy:plain.npy --analyse --run-dir plain -f -o looked.onnx
for part in '"title":"Agreement lost' '"name":"agreement lost"' '"agreement lost alone"'; do
    grep -qF "$part" plain/report.html || failed "the page without labels has no $part"
done
! grep -qi "top-1 lost" plain/report.html || failed "the page without labels has a top-1"
# Ranges that are there are used, without data; the same file comes of them.
expect 0 "written in" "$KERF" quantize dense5.onnx --ranges ranges.json -q -o again.onnx
cmp -s int8.onnx again.onnx || "$PYTHON" - <<'END' || failed "the same ranges gave another file"
import onnx
a, b = (onnx.load(name) for name in ("int8.onnx", "again.onnx"))
assert a.graph == b.graph
END
expect 0 "" "$KERF" quantize dense5.onnx --data $data --asymmetric --activations int8 --calibrate 1 \
    --observer moving -q -o one.onnx
judge one.onnx "Flatten NhwcMaxPool QGemm QLinearConv"
expect 0 "" "$KERF" quantize dense5.onnx --data $data --equalize --bias-correct --per tensor -q -o even.onnx
judge even.onnx "Flatten NhwcMaxPool QGemm QLinearConv"
expect 0 "" "$KERF" quantize dense5.onnx --data $data --skip first --per tensor -q -o most.onnx
judge most.onnx "Conv Flatten NhwcMaxPool QGemm QLinearConv"
# Each layer its own bits and mode: the first pattern that fits counts, a plain type is for the rest.
expect 0 "" "$KERF" quantize dense5.onnx --data $data --weights 'conv1=float,fc*=int8,fc1=int2,int4' -q -o first.onnx
expect_json "layers.0.bits=32 layers.1.bits=4 layers.2.bits=8 layers.3.bits=8" "$KERF" info first.onnx --json
expect 0 "" "$KERF" quantize dense5.onnx --data $data --weights 'fc1=int4:weight-only,conv1=float' -q -o mixed.onnx
expect_json "layers.0.bits=32 layers.1.bits=8 layers.2.bits=4 layers.3.bits=8" "$KERF" info mixed.onnx --json
judge mixed.onnx "Conv Flatten Gemm NhwcMaxPool QGemm QLinearConv"

# ---- LeNet-5, its roundings learned -----------------------------------------------------------
expect 0 "" "$KERF" quantize dense5.onnx --data $data --weights int2 -q -o nearest.onnx
expect 0 "" "$KERF" quantize dense5.onnx --data $data --weights int2 --adaround --batch 8 \
    --calibrate 128 -q -o learned.onnx
expect_json "top1" "$KERF" eval nearest.onnx --data $data --json
cp out.txt nearest.json
expect_json "top1" "$KERF" eval learned.onnx --data $data --json
"$PYTHON" -c 'import json; a, b = (json.load(open(x))["top1"] for x in ("nearest.json", "out.txt")); assert b > a + 0.5, (a, b)' ||
    failed "learning which weights go up gained nothing"

# ---- LeNet-5, trained with its roundings ------------------------------------------------------
expect 0 "" "$KERF" quantize dense5.onnx --data $data --weights int2 -q -o rough.onnx
expect_json "before.top1 after.top1 epochs.0.loss" \
    "$KERF" quantize dense5.onnx --data $data --mode qat --weights int2 --epochs 0.1 --lr 0.005 -o qat.onnx --json
expect_json "top1" "$KERF" eval rough.onnx --data $data --json
cp out.txt rough.json
expect_json "top1" "$KERF" eval qat.onnx --data $data --json
"$PYTHON" -c 'import json; a, b = (json.load(open(x))["top1"] for x in ("rough.json", "out.txt")); assert b > a + 1, (a, b)' ||
    failed "training with roundings gained nothing"
expect_json "layers.0.bits=2 layers.2.weights=400000" "$KERF" info qat.onnx --json

# ---- LeNet-300-100, dynamic and weight-only --------------------------------------------------
"$KERF" new lenet-300-100 -q -o lenet3.onnx || failed new
"$KERF" train lenet3.onnx --data $data --epochs 1 -q -o dense3.onnx >out.txt || failed train
expect_json "before.top1 after.top1" \
    "$KERF" quantize dense3.onnx --data $data --mode dynamic --json -o dynamic.onnx
check_drop out.txt
judge dynamic.onnx "DynamicQuantizeMatMul Flatten Relu"
[ "$(wc -c <dynamic.onnx)" -lt "$(($(wc -c <dense3.onnx) * 10 / 39))" ] || failed "not 3.9 times smaller"
for weights in int8 int4 int2; do
    expect 0 "" "$KERF" quantize dense3.onnx --weights $weights --per block=32 -q -f -o only.onnx
    judge only.onnx "DequantizeLinear Flatten FusedGemm MatMulNBits" $weights
done

# Activations of 16 bits are computed in floats, here and there.
expect_json "before.top1 after.top1" \
    "$KERF" quantize dense3.onnx --data $data --activations uint16 --json -o sixteen.onnx
check_drop out.txt
judge sixteen.onnx "Flatten Gemm"

# Ranges that follow what training sees are others than those that they began with.
for epochs in 0 0.05; do
    expect 0 "" "$KERF" quantize dense3.onnx --data $data --mode qat --freeze-observers $epochs --epochs 0.1 \
        --lr 0 -q -f -o follow$epochs.onnx
done
judge follow0.05.onnx "Flatten QGemm"
cmp -s follow0.onnx follow0.05.onnx && failed "no range followed what training sees"

# Learned ranges are others again; by an epoch that comes too late for all steps they stay.
expect 0 "" "$KERF" quantize dense3.onnx --data $data --mode qat --learn-ranges --epochs 0.1 -q -f -o learned.onnx
judge learned.onnx "Flatten QGemm"
expect 0 "" "$KERF" quantize dense3.onnx --data $data --mode qat --weights int2 --learn-ranges --freeze-observers 0 \
    --epochs 0.05 --lr 0 -q -f -o kept.onnx
expect 0 "" "$KERF" quantize dense3.onnx --data $data --mode qat --weights int2 --learn-ranges --epochs 0.05 --lr 0 -q -f \
    -o kept2.onnx
cmp -s kept.onnx kept2.onnx || failed "ends moved without a rate"
expect 0 "" "$KERF" quantize dense3.onnx --data $data --mode qat --activations int16 --epochs 0.1 -q -f -o sixteen.onnx
judge sixteen.onnx "Flatten Gemm"
expect 0 "" "$KERF" quantize dense3.onnx --weights f16 -q -o half.onnx
judge half.onnx "Flatten FusedGemm Gemm"
expect_json "layers.0.bits=16 layers.0.bytes=470400" "$KERF" info half.onnx --json
"$PYTHON" - <<'END' || failed "halves are not numpy's"
import numpy, onnx
dense = {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load("dense3.onnx").graph.initializer}
nodes = [n for n in onnx.load("half.onnx").graph.node if n.op_type == "Constant"]
made = {n.output[0]: onnx.numpy_helper.to_array(n.attribute[0].t) for n in nodes}
assert len(made) == 3, made.keys()
for name, x in made.items():
    assert (dense[name.removesuffix("_f16")].astype(numpy.float16).view("u2") == x.view("u2")).all(), name
END

# ---- what is refused -------------------------------------------------------------------------
expect_error 2 "kerf: quantize: --data is missing: ranges of activations are found on samples" \
    "$KERF" quantize dense3.onnx --mode static -o x.onnx
expect_error 2 "kerf: quantize: --ranges: goes with --mode static alone" \
    "$KERF" quantize dense3.onnx --mode dynamic --ranges none.json -o x.onnx
expect_error 2 "kerf: quantize: --data is missing: --mode qat trains on it" \
    "$KERF" quantize dense3.onnx --mode qat -o x.onnx
expect_error 2 "kerf: quantize: --epochs: goes with --mode qat alone" \
    "$KERF" quantize dense3.onnx --data $data --epochs 2 -o x.onnx
expect_error 2 "kerf: quantize: --freeze-observers: goes with --mode qat alone" \
    "$KERF" quantize dense3.onnx --data $data --freeze-observers 1 -o x.onnx
expect_error 2 "kerf: quantize: --learn-ranges: goes with --mode qat alone" \
    "$KERF" quantize dense3.onnx --mode dynamic --learn-ranges -o x.onnx
expect_error 2 "kerf: quantize: --run-dir: goes with --mode qat, --analyse, --max-drop, --size and --latency alone" \
    "$KERF" quantize dense3.onnx --run-dir page -o x.onnx
expect_error 2 "kerf: quantize: --adaround: needs --data to learn from" \
    "$KERF" quantize dense3.onnx --adaround -o x.onnx
expect_error 2 "kerf: quantize: --adaround: goes with --mode static, dynamic and weight-only; qat trains the weights themselves" \
    "$KERF" quantize dense3.onnx --data $data --mode qat --adaround -o x.onnx
expect_error 2 "kerf: quantize: --analyse: needs --data to compare on" \
    "$KERF" quantize dense3.onnx --analyse -o x.onnx
expect_error 2 "kerf: quantize: --weights fc1=int5,int8: 'int5' must be int8, int4, int2, f16 or float, or by layer such as 'conv1=int8,*=int4'" \
    "$KERF" quantize dense3.onnx --weights fc1=int5,int8 -o x.onnx
expect_error 2 "kerf: quantize: --weights fc1=int8:fast: 'fast' must be dynamic, static or weight-only" \
    "$KERF" quantize dense3.onnx --weights fc1=int8:fast -o x.onnx
expect_error 2 "kerf: quantize: --weights =int8: the layer's name is missing in '=int8'" \
    "$KERF" quantize dense3.onnx --weights =int8 -o x.onnx
expect 1 "quantize: 'fc9' fits no layer that can be integers; there are Gemm fc1" \
    "$KERF" quantize dense3.onnx --weights 'fc9=int4' -o x.onnx
expect_error 2 "kerf: quantize: --per line: must be tensor, channel or block=N" \
    "$KERF" quantize dense3.onnx --per line -o x.onnx
expect_error 2 "kerf: quantize: --observer eye: must be minmax, moving, percentile=P, mse or entropy" \
    "$KERF" quantize dense3.onnx --data $data --observer eye -o x.onnx
expect_error 2 "kerf: quantize: --observer percentile=50: the percentile must be above 50 and at most 100" \
    "$KERF" quantize dense3.onnx --data $data --observer percentile=50 -o x.onnx
expect 1 "quantize: blocks are of 20 weights, must be of 16, 32, 64, 128 or 256" \
    "$KERF" quantize dense3.onnx --per block=20 -o x.onnx
expect 1 "quantize: '*conv*' fits no layer that can be integers; there are Gemm fc1" \
    "$KERF" quantize dense3.onnx --layers '*conv*' -o x.onnx
expect 1 "quantize: there is no range of 'flatten'" \
    sh -c 'echo "{\"ranges\":{\"flat\":{\"low\":0,\"high\":1}}}" >r.json;
    "$KERF" quantize dense3.onnx --ranges r.json --layers fc1 -o x.onnx'
[ ! -e x.onnx ] || failed "a failed quantize wrote its output"
finish
