#!/bin/sh
# test_prune_found.sh -- `kerf prune --max-drop --size --latency`: what is left keeps what was asked
# for, the printed --sparsity makes the file again, and what cannot be had is said in a line while
# the closest stays in the run's folder.
. "$(dirname "$0")/lib.sh"
data=random:1,28,28,10
export KERF_DEVICE=0
need_python

# value JSON PATH: "found.bytes" of a file.
value() {
    "$PYTHON" -c 'import json, sys
x = json.load(open(sys.argv[1]))
for key in sys.argv[2].split("."):
    x = x[key]
print(x)' "$1" "$2"
}

"$KERF" new lenet-5 --width 0.5 -q -o fresh.onnx || failed new
"$KERF" train fresh.onnx --data $data --epochs 1 -q -o dense.onnx >out.txt || failed train

# ---- bytes that are left -------------------------------------------------------------------------
expect_json "found.lost found.bytes found.ms=null found.amounts after.compression" \
    "$KERF" prune dense.onnx --data $data --size 10x --json -o small.onnx
cp out.txt small.json
"$PYTHON" - small.json <<'END' || failed "--size 10x is not held"
import json, sys
x = json.load(open(sys.argv[1]))
assert x["found"]["bytes"] <= 4 * x["before"]["weights"] / 10, x["found"]
assert x["found"]["bytes"] == 4 * x["after"]["nonzeros"], x["found"]
END
sparsity=$("$PYTHON" -c 'import json
print(",".join("%s=%g" % x for x in json.load(open("small.json"))["found"]["amounts"].items()))')
expect 0 "" "$KERF" prune dense.onnx --sparsity "$sparsity" -q -o again.onnx
expect 0 "weights / non-zeros" "$KERF" prune dense.onnx --data $data --size 10x -f -o small.onnx
cmp small.onnx again.onnx || failed "--sparsity '$sparsity' made another file"

# ---- time, and points that may be lost -----------------------------------------------------------
expect_json "found.ms" "$KERF" prune dense.onnx --data $data --latency 1000 --max-drop 5 --json -o fast.onnx
"$PYTHON" -c 'import json
x = json.load(open("out.txt"))["found"]
assert 0 < x["ms"] < 1000 and x["lost"] <= 5, x' || failed "--latency 1000 is not held"
expect 0 "', which loses" "$KERF" prune dense.onnx --data $data --max-drop 3 -o close.onnx

# ---- rounds until too much is lost ---------------------------------------------------------------
expect_json "rounds.tried rounds.kept rounds.before rounds.lost rounds.lost_last epochs.0.val_top1" \
    "$KERF" prune dense.onnx --data $data --sparsity 0.995 --scope global --events 4 --retrain 0.5 --max-drop 1 --json -o rounds.onnx
"$PYTHON" -c 'import json
x = json.load(open("out.txt"))
r = x["rounds"]
assert r["lost"] <= 1 and r["kept"] >= r["tried"] - 1 and len(x["epochs"]) == r["tried"], x' || failed "rounds are not as they should be"
[ -s rounds.run/round-1/checkpoint ] || failed "a round has no folder"
expect 3 "kerf: prune: the first round loses" \
    "$KERF" prune dense.onnx --data $data --sparsity 0.999 --scope global --retrain 0.01 --max-drop 0 -q -o none.onnx
[ -s none.run/model.onnx ] || failed "the first round is not kept"

# ---- what cannot be had --------------------------------------------------------------------------
expect 3 "kerf: prune: a run takes at least" "$KERF" prune dense.onnx --data $data --latency 1e-6 -q -o none.onnx
[ -s none.run/model.onnx ] || failed "the closest to a target that was missed is not kept"
expect 3 "kerf: prune: what is left takes at least" "$KERF" prune dense.onnx --data $data --size 100 -q --run-dir kept -o none.onnx
[ -s kept/summary.json ] || failed "the run's folder has no summary"
expect 3 "points are lost, must be 0.00 at most" "$KERF" prune dense.onnx --data $data --size 40x --max-drop 0 -f -q -o none.onnx
[ ! -e none.onnx ] || failed "a prune that missed its target wrote its output"
expect_error 2 "kerf: prune: --size 4y: must be bytes such as 60000 or 60K, or 4x: so many times smaller" \
    "$KERF" prune dense.onnx --data $data --size 4y -o none.onnx
expect_error 2 "kerf: prune: --latency 0: must be milliseconds above 0" \
    "$KERF" prune dense.onnx --data $data --latency 0 -o none.onnx
expect_error 2 "kerf: prune: --size: needs --data to measure on" "$KERF" prune dense.onnx --size 4x -o none.onnx
expect_error 2 "kerf: prune: --latency: finds how much goes, must be without --sparsity, --s and --mask; with --retrain --max-drop stops before a --sparsity" \
    "$KERF" prune dense.onnx --data $data --latency 1 --sparsity 0.5 -o none.onnx
finish
