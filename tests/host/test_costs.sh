#!/bin/sh
# test_costs.sh -- `kerf bench M --costs` and `--latency MS@FILE`: what a file says is believed by
# every search, whatever this device takes, and what cannot be believed is said in a line.
. "$(dirname "$0")/lib.sh"
data=random:1,28,28,10
export KERF_DEVICE=0
need_python

"$KERF" new lenet-300-100 --width 0.2 -q -o fresh.onnx || failed new
"$KERF" train fresh.onnx --data $data --epochs 1 -q -o dense.onnx >out.txt || failed train

# ---- measuring -----------------------------------------------------------------------------------
expect_json "schema=1 kerf device id structure points.0.ms points.0.rest_ms points.1.density layers.2.points.0.ms layers.0.points.1.density" \
    "$KERF" bench dense.onnx --costs --duration 0.01 --json -o here.json
"$PYTHON" - here.json <<'END' || failed "the costs are not whole"
import json, sys
x = json.load(open(sys.argv[1]))
assert [l["name"] for l in x["layers"]] == ["fc1", "fc2", "fc3"], x["layers"]
assert all(len(l["points"]) == len(x["points"]) for l in x["layers"])
assert {p["mode"] for p in x["points"]} == {"float", "static", "dynamic", "weight-only"}, x["left_out"]
assert {(p["precision"], p["bits"]) for p in x["points"]} >= {("f32", 16), ("f32", 8), ("f16", 32), ("f16", 8)}, x["left_out"]
for i, p in enumerate(x["points"]):
    parts = sum(l["points"][i]["ms"] for l in x["layers"])
    assert abs(p["ms"] - parts - p["rest_ms"]) < 1e-4 * max(1, p["ms"]), p
    assert p["density"] == 1 or x["layers"][0]["points"][i]["density"] <= p["density"] + 0.01, p
    assert p["channels"] == 1 or x["layers"][1]["points"][i]["macs"] < p["channels"], p
END
expect_error 2 "kerf: bench: --costs: takes one model, with one sample at a time: --shape, --duration and --seed go with it" \
    "$KERF" bench dense.onnx --costs --batch 2
expect_error 2 "kerf: bench: --resume: goes with --costs -o FILE" "$KERF" bench dense.onnx --resume
expect_error 2 "kerf: bench: --resume: goes with -o FILE: what was measured before it was stopped is in FILE.part" \
    "$KERF" bench dense.onnx --costs --resume
expect_error 1 "kerf: bench: --resume: new.json.part is not there: nothing to go on from" "$KERF" bench dense.onnx --costs --resume -o new.json
expect_error 2 "kerf: bench: --costs: goes with a model: kerf bench M.onnx" "$KERF" bench --costs

# ---- stopped, and gone on with ---------------------------------------------------------------------
"$KERF" bench dense.onnx --costs --duration 0.01 -q -o again.json >out.txt 2>err.txt &
measuring=$!
while ! "$PYTHON" -c 'import json; assert len(json.load(open("again.json.part"))["points"]) > 2' 2>/dev/null; do
    kill -0 $measuring 2>/dev/null || break
    sleep 0.05
done
kill -9 $measuring 2>/dev/null || failed "it was done before it could be killed"
wait $measuring 2>/dev/null
[ ! -e again.json ] || failed "half of the costs stand there as if whole"
cp again.json.part kept.json
expect_error 1 "kerf: bench: again.json.part: holds costs that are not whole: --resume goes on with them, -f starts over" \
    "$KERF" bench dense.onnx --costs -q -o again.json
"$KERF" new lenet-300-100 --width 0.3 -q -o wider.onnx
expect_error 1 "kerf: bench: costs: are of another network: fc1 is Gemm (60, 784) there and Gemm (90, 784) here; must be measured of this one" \
    "$KERF" bench wider.onnx --costs --resume -q -o again.json
sed 's/"id": "[^"]*"/"id": "another"/' kept.json >again.json.part
expect 1 "kerf: bench: costs: those that are to be gone on with are of " "$KERF" bench dense.onnx --costs --resume -q -o again.json
cp kept.json again.json.part
expect 0 "all layers alike" "$KERF" bench dense.onnx --costs --duration 0.01 --resume -o again.json
[ ! -e again.json.part ] || failed "what is whole now stands there in part, too"
"$PYTHON" - <<'END' || failed "what was kept is not what was gone on with"
import json
kept, again, whole = (json.load(open(n))["points"] for n in ("kept.json", "again.json", "here.json"))
key = lambda p: [p[k] for k in ("density", "channels", "bits", "mode", "precision")]
assert [key(p) for p in again] == [key(p) for p in whole]
for a, b in zip(kept, again): # measured once: the ratios to the whole are those of before
    assert key(a) == key(b) and abs(a["ms"] / kept[0]["ms"] / (b["ms"] / again[0]["ms"]) - 1) < 1e-4, (a, b)
END

# ---- another device: a thousand times as slow, and by channels alone -------------------------------
"$PYTHON" - <<'END'
import json
x = json.load(open("here.json"))
x["device"] = "slow phone"
for i, p in enumerate(x["points"]):
    share = p["channels"] * (0.5 + p["density"] / 2) * {32: 1, 16: 0.8, 8: 0.5, 4: 0.4, 2: 0.3}[p["bits"]]
    share *= 0.5 if p["precision"] == "f16" else 1
    p["rest_ms"] = 10 * share
    for l in x["layers"]:
        l["points"][i]["ms"] = 30 * share
    p["ms"] = 100 * share
json.dump(x, open("phone.json", "w"))
END
expect 0 "ms a run by phone.json" "$KERF" prune dense.onnx --remove --latency 60ms@phone.json -o cut.onnx
expect_json "found.0.ms found.0.costs" "$KERF" prune dense.onnx --remove --latency 60@phone.json --json -f -o cut.onnx
"$PYTHON" -c 'import json
x = json.load(open("out.txt"))["found"][0]
assert 55 < x["ms"] <= 60 and x["costs"] == "phone.json", x' || failed "--remove --latency 60@phone.json is not held"
expect_json "found.0.ms found.0.costs" "$KERF" prune dense.onnx --remove --latency 60:f16@phone.json --json -f -o halves.onnx
"$PYTHON" -c 'import json
x = json.load(open("out.txt"))["found"][0]
assert 49 < x["ms"] <= 50 and x["sparsity"] == 0, x' || failed "halves take half of it: nothing has to go"
expect_json "found.ms found.costs" "$KERF" prune dense.onnx --data $data --latency 80ms@phone.json --json -o sparse.onnx
"$PYTHON" -c 'import json
x = json.load(open("out.txt"))["found"]
assert 50 < x["ms"] <= 80, x' || failed "prune --latency 80ms@phone.json is not held"
for mode in weight-only static; do
    expect_json "found.curve found.costs" "$KERF" quantize dense.onnx --mode $mode --data $data --latency 80ms@phone.json --json -f -o bytes.onnx
    "$PYTHON" -c 'import json
x = [p for p in json.load(open("out.txt"))["found"]["curve"] if p["chosen"]][0]
assert 25 < x["ms"] <= 80, x' || failed "quantize --mode $mode --latency 80ms@phone.json is not held"
done
expect 3 "a run takes at least" "$KERF" prune dense.onnx --remove --latency 1ms@phone.json -f -o no.onnx

cat >recipe.yaml <<'END'
kerf: 1
model: dense.onnx
data: random:1,28,28,10
seed: 1
train: {epochs: 1, batch: 64}
steps:
  - prune: {start: 0, end: 0.5, every: 0.5, method: magnitude, sparsity: 0.5, curve: once}
output: {dir: runs}
END
expect_json "found.ms costs" "$KERF" run recipe.yaml --find steps.0.prune.sparsity=0.1..0.9 --latency 80ms@phone.json --json
"$PYTHON" -c 'import json
x = json.load(open("out.txt"))
assert 50 < x["found"]["ms"] <= 80 and x["costs"] == "phone.json", x' || failed "run --find --latency 80ms@phone.json is not held"

# ---- what cannot be believed -----------------------------------------------------------------------
"$KERF" new lenet-300-100 --width 0.3 -q -o other.onnx
expect_error 1 "kerf: prune: phone.json: costs: are of another network: fc1 is Gemm (60, 784) there and Gemm (90, 784) here; must be measured of this one" \
    "$KERF" prune other.onnx --remove --latency 60@phone.json -q -o no.onnx
sed 's/"kerf": "[^"]*"/"kerf": "0.0.9"/' phone.json >old.json
expect 1 "kerf: prune: old.json: costs: were measured by kerf 0.0.9, must be by this version" \
    "$KERF" prune dense.onnx --remove --latency 60@old.json -q -o no.onnx
head -c 500 phone.json >half.json
expect 1 "kerf: prune: half.json: costs: line" "$KERF" prune dense.onnx --remove --latency 60@half.json -q -o no.onnx
expect 1 "kerf: prune: none.json:" "$KERF" prune dense.onnx --remove --latency 60@none.json -q -o no.onnx
expect_error 2 "kerf: prune: --latency 60s: must be milliseconds, or MS@FILE or MS:f16@FILE: those of the device that \`kerf bench M --costs -o FILE\` ran on" \
    "$KERF" prune dense.onnx --remove --latency 60s -o no.onnx
expect_error 2 "kerf: prune: --latency 60@: must be milliseconds, or MS@FILE or MS:f16@FILE: those of the device that \`kerf bench M --costs -o FILE\` ran on" \
    "$KERF" prune dense.onnx --remove --latency 60@ -o no.onnx
expect_error 2 "kerf: prune: --latency 60:f16: must be milliseconds, or MS@FILE or MS:f16@FILE: those of the device that \`kerf bench M --costs -o FILE\` ran on" \
    "$KERF" prune dense.onnx --remove --latency 60:f16 -o no.onnx
sed 's/"precision": "f16"/"precision": "f32"/' phone.json >floats.json
expect_error 1 "kerf: prune: floats.json: costs: nothing was measured in f16 on slow phone; must be a precision that was" \
    "$KERF" prune dense.onnx --remove --latency 60:f16@floats.json -q -o no.onnx
[ ! -e no.onnx ] || failed "a file came of costs that are not believed"

# ---- no folder to remember in ----------------------------------------------------------------------
: >file
expect 0 "all layers alike" env KERF_CACHE_DIR=file/none "$KERF" bench dense.onnx --costs --duration 0.01 -f -o here.json
finish
