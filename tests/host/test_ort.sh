#!/bin/sh
# test_ort.sh -- what `kerf infer` computes is what ONNX Runtime computes, on a network that
# kerf made and pruned.  PYTHON has onnxruntime and numpy.
. "$(dirname "$0")/lib.sh"
export KERF_DEVICE=0
need_python
"$KERF" new lenet-300-100 --input 1,8,8 -q -o m.onnx || failed new
"$KERF" prune m.onnx --sparsity 0.9 -q -o pruned.onnx >/dev/null || failed prune
"$PYTHON" -c 'import numpy as n; n.save("x.npy", n.random.default_rng(1).standard_normal((300, 1, 8, 8), dtype="f4"))'
for model in m pruned; do
    "$KERF" infer $model.onnx --input x.npy -o $model.npy || failed "infer $model"
    "$PYTHON" - $model <<'END' || failed "$model differs"
import sys
import numpy as n, onnxruntime as o
name = sys.argv[1]
session = o.InferenceSession(name + ".onnx", providers=["CPUExecutionProvider"])
want = session.run(None, {"input": n.load("x.npy")})[0]
got = n.load(name + ".npy")
assert got.shape == want.shape and got.dtype == want.dtype, (got.shape, want.shape)
error = abs(got.astype("f8") - want).max() / abs(want).max()
# eps * sqrt(terms), twice: two programs round, in three layers
assert error <= 2 * 3 * n.finfo("f4").eps * 300 ** 0.5, error
END
done
finish
