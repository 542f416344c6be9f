#!/bin/sh
# test_precision.sh -- `--precision f16` of infer, eval and bench: half the bytes, nearly the same
# numbers, and the same classes.  PYTHON has numpy.
. "$(dirname "$0")/lib.sh"
export KERF_DEVICE=0
need_python
data=random:1,16,16,4

"$KERF" new lenet-5 --width 0.5 --input 1,16,16 --classes 4 -q -o dense.onnx || failed new
"$KERF" quantize dense.onnx --mode weight-only --weights f16 -q -o halves.onnx || failed quantize
"$PYTHON" -c 'import numpy as n; n.save("x.npy", n.random.default_rng(1).standard_normal((50, 1, 16, 16), dtype="f4"))'
for model in dense halves; do
    "$KERF" infer $model.onnx --input x.npy --precision f16 -q -o $model.npy || failed "infer $model"
done
"$KERF" infer dense.onnx --input x.npy --precision f32 -q -o want.npy || failed infer
cmp -s dense.npy halves.npy || failed "weights of a file are other halves than those made here"
"$PYTHON" - <<'END' || failed "halves differ by more than their roundings"
import numpy as n
want, got = n.load("want.npy").astype("f8"), n.load("dense.npy").astype("f8")
error = abs(want - got).max() / abs(want).max()
assert 0 < error <= 4 * n.finfo("f2").eps / 2 * 250**0.5, error
END

expect_json "agreement top1" "$KERF" eval dense.onnx --data $data --precision f16 --reference dense.onnx --json
peak() {
    "$KERF" bench dense.onnx --precision "$1" --batch 64 --runs 1 --warm 0 --json 2>err.txt |
        sed -n 's/.*"peak_bytes": *\([0-9]*\).*/\1/p'
}
whole=$(peak f32)
half=$(peak f16)
[ $((half * 100)) -le $((whole * 65)) ] || failed "f16 takes $half bytes, f32 $whole"
expect_json "precision=f16" "$KERF" bench dense.onnx --precision f16 --runs 1 --warm 0 --json

# What is measured once stands in the tuning store; halves that overflow are never taken.
"$PYTHON" -c 'import numpy as n; n.save("large.npy", 6e4 * n.sign(n.random.default_rng(1).standard_normal((50, 1, 16, 16), dtype="f4")))'
expect_json "precision" "$KERF" infer dense.onnx --input x.npy --precision auto --json
expect_json "precision" "$KERF" bench dense.onnx --precision auto --runs 1 --warm 0 --json
grep -q "^precision " "$KERF_CACHE_DIR"/tuning/*.txt || failed "what auto has measured is not kept"
message="has a number beyond 65504, the largest that float16 holds: precision must be f32 or auto"
expect 1 "conv1: $message" "$KERF" infer dense.onnx --input large.npy --precision f16 -o large_y.npy
expect 1 "input: $message" "$KERF" eval dense.onnx --data $data --prep scale=2000 --precision f16
expect 0 "" "$KERF" infer dense.onnx --input large.npy --precision f32 -q -o large_y.npy

expect_error 2 "kerf: infer: --precision f8: must be one of f32|f16|mixed|auto" \
    "$KERF" infer dense.onnx --input x.npy --precision f8 -o y.npy

# Training stores halves beside floats, and tells of the scale; f16 alone is refused by name.
expect_json "precision=mixed loss_scale skipped_steps=0" \
    "$KERF" train dense.onnx --data $data --epochs 0.1 --precision mixed --json -o y.onnx
grep -q '"loss_scale": *65536' y.run/summary.json || failed "the run's summary does not tell the scale"
expect 0 "mixed precision: the loss is scaled by 65536, 0 steps skipped" \
    "$KERF" prune dense.onnx --data $data --sparsity 0.5 --retrain 0.1 --precision mixed -f -o y.onnx
expect 0 "" "$KERF" quantize dense.onnx --data $data --mode qat --epochs 0.1 --precision mixed -q -f -o y.onnx
expect_json "precision=mixed" "$KERF" bench dense.onnx --train --precision mixed --runs 1 --warm 0 --json
for command in "train dense.onnx --data $data --epochs 0.1 -f -o y.onnx" "bench dense.onnx --train"; do
    # shellcheck disable=SC2086 -- words
    expect 1 "precision must be f32 or mixed in training" "$KERF" $command --precision f16
done
expect 1 "f32 or f16 in an evaluation" "$KERF" infer dense.onnx --input x.npy --precision mixed -f -o y.npy
finish
