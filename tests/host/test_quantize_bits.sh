#!/bin/sh
# test_quantize_bits.sh -- `kerf quantize --max-drop --size --latency`: the file keeps what was asked
# for, the printed --weights make it again, and what cannot be had is said in a line.
. "$(dirname "$0")/lib.sh"
data=random:1,28,28,10
export KERF_DEVICE=0
need_python

# value JSON PATH: "found.val" of a file.
value() {
    "$PYTHON" -c 'import json, sys
x = json.load(open(sys.argv[1]))
for key in sys.argv[2].split("."):
    x = x[int(key) if key.isdigit() else key]
print(x)' "$1" "$2"
}

"$KERF" new lenet-5 --width 0.3 -q -o fresh.onnx || failed new
"$KERF" train fresh.onnx --data $data --epochs 1 -q -o dense.onnx >out.txt || failed train
floats=$(wc -c <dense.onnx)

# ---- size ------------------------------------------------------------------------------------
expect_json "found.layers.0.name=conv1 found.layers.3.float.ms found.layers.1.int4.lost found.layers.1.int8.snr_db \
    found.layers.2.int2.saved_bytes found.curve.0.lost=0 found.curve.1.ms found.curve.2.bytes after.top1" \
    "$KERF" quantize dense.onnx --data $data --size 6x --ranges ranges.json --json -o small.onnx
cp out.txt small.json
[ "$(wc -c <small.onnx)" -le $((floats / 6)) ] || failed "$(wc -c <small.onnx) bytes are not 6 times fewer than $floats"
weights=$(value small.json found.weights)
expect 0 "" "$KERF" quantize dense.onnx --data $data --weights "$weights" --val "$(value small.json found.val)" -q -o again.onnx
cmp small.onnx again.onnx || failed "--weights '$weights' made another file"
expect 0 "the same without looking: --weights '$weights'" \
    "$KERF" quantize dense.onnx --data $data --size 6x --ranges ranges.json --val "$(value small.json found.val)" -f -o again.onnx
cmp small.onnx again.onnx || failed "the same search made another file"

# ---- points that may be lost, and time -------------------------------------------------------
expect_json "found.weights found.curve.0.float=4" \
    "$KERF" quantize dense.onnx --data $data --max-drop 1 --val 300 --json -o close.onnx
"$PYTHON" - out.txt "$(wc -c <close.onnx)" <<'END' || failed "--max-drop 1 is not held"
import json, sys
found = json.load(open(sys.argv[1]))["found"]
point, = (x for x in found["curve"] if x["chosen"])
assert point["lost"] <= 1 and point["bytes"] == int(sys.argv[2]), (point, sys.argv[2])
assert not any(x["lost"] <= 1 and x["bytes"] < point["bytes"] for x in found["curve"][:found["curve"].index(point)]), found
END
expect 0 "ms float" "$KERF" quantize dense.onnx --mode weight-only --data $data --latency 1000 --size 2x -q -o fast.onnx
[ "$(wc -c <fast.onnx)" -le $((floats / 2)) ] || failed "$(wc -c <fast.onnx) bytes are not half of $floats"

# ---- what cannot be had ----------------------------------------------------------------------
expect 3 "kerf: quantize: the file takes at least" "$KERF" quantize dense.onnx --data $data --size 1K -q -o x.onnx
[ -s x.run/model.onnx ] || failed "the closest to a target that was missed is not kept"
[ "$(wc -c <x.run/model.onnx)" -lt $((floats / 6)) ] || failed "$(wc -c <x.run/model.onnx) bytes are not the fewest that can be had"
expect 3 "kept/model.onnx" "$KERF" quantize dense.onnx --data $data --size 1K --run-dir kept -o x.onnx
cmp kept/model.onnx x.run/model.onnx || failed "the same search kept another file"
[ -s kept/summary.json ] || failed "the run's folder has no summary"
expect 3 "ms, must take 1e-06 at most" "$KERF" quantize dense.onnx --mode dynamic --data $data --latency 1e-6 -q -o x.onnx
expect_error 2 "kerf: quantize: --size 4y: must be bytes such as 60000 or 60K, or 4x: so many times smaller" \
    "$KERF" quantize dense.onnx --data $data --size 4y -o x.onnx
expect_error 2 "kerf: quantize: --latency 0: must be milliseconds above 0" \
    "$KERF" quantize dense.onnx --data $data --latency 0 -o x.onnx
expect_error 2 "kerf: quantize: --data is missing: what types of weights cost is found on samples" \
    "$KERF" quantize dense.onnx --max-drop 1 -o x.onnx
expect_error 2 "kerf: quantize: --weights: is what --max-drop, --size and --latency find; must be left out, layers can be with --skip" \
    "$KERF" quantize dense.onnx --data $data --weights int4 --max-drop 1 -o x.onnx
[ ! -e x.onnx ] || failed "a failed quantize wrote its output"
finish
