#!/bin/sh
# test_share.sh -- `kerf share`: what the file says, that ONNX Runtime computes the same by it, and that
# training goes on with it.  PYTHON has onnxruntime and numpy.
. "$(dirname "$0")/lib.sh"
export KERF_DEVICE=0
need_python
data=random:1,8,8,4

"$KERF" new lenet-300-100 --width 0.2 --input 1,8,8 --classes 4 -q -o dense.onnx || failed new
"$KERF" prune dense.onnx --sparsity 0.8 --skip last -q -o pruned.onnx >/dev/null || failed prune
expect_json "before.nonzeros after.nonzeros" "$KERF" share pruned.onnx --bits 4 -o shared.onnx --json
expect 0 "" "$KERF" share dense.onnx --bits 2 --per block=20 --init density -o blocks.onnx
expect 0 "" "$KERF" share dense.onnx --bits 3 --init random --layers first --layers last -o some.onnx
expect 0 "weights take" "$KERF" share dense.onnx --bits 1 -o ones.onnx
expect_json "layers.0.bits=4 layers.2.bits=4" "$KERF" info shared.onnx --json
expect_json "layers.0.bits=2 layers.0.shape.1=64" "$KERF" info blocks.onnx --json
expect_json "layers.0.bits=3 layers.1.bits=32" "$KERF" info some.onnx --json
nonzeros() { "$KERF" info "$1" --json | sed -n 's/^ *"nonzeros": \([0-9]*\).*/\1/p' | head -1; }
[ "$(nonzeros shared.onnx)" = "$(nonzeros pruned.onnx)" ] || failed "sharing makes other zeros"

# What another program computes by those files.
"$PYTHON" -c 'import numpy as n; n.save("x.npy", n.random.default_rng(1).standard_normal((50, 1, 8, 8), dtype="f4"))'
for model in shared blocks some ones; do
    "$KERF" infer $model.onnx --input x.npy -q -o $model.npy || failed "infer $model"
    "$PYTHON" - $model <<'END' || failed "$model differs"
import sys
import numpy as n, onnx, onnxruntime as o
name = sys.argv[1]
onnx.checker.check_model(name + ".onnx", full_check=True)
session = o.InferenceSession(name + ".onnx", providers=["CPUExecutionProvider"])
want = session.run(None, {"input": n.load("x.npy")})[0]
got = n.load(name + ".npy")
error = abs(got.astype("f8") - want).max() / abs(want).max()
assert error <= 2 * 3 * n.finfo("f4").eps * 64**0.5, error
END
done

# Values are trained on, zeros stay, and what was shared is trained again from its file.
expect_json "epochs.0.loss after.top1" "$KERF" share pruned.onnx --bits 4 --data $data --epochs 1 -o tuned.onnx --json
[ "$(nonzeros tuned.onnx)" = "$(nonzeros pruned.onnx)" ] || failed "training brings zeros back"
cmp -s tuned.onnx shared.onnx && failed "training changes nothing"
expect 0 "they stay 0" "$KERF" train tuned.onnx --data $data --epochs 1 --optimizer adam -o again.onnx
[ "$(nonzeros again.onnx)" = "$(nonzeros pruned.onnx)" ] || failed "zeros of a shared file grow back"
expect_json "layers.0.bits=4" "$KERF" info again.onnx --json

# What is wrong is said.
expect_error 2 "kerf: share: --bits 9: must be at least 1 and at most 8" "$KERF" share dense.onnx --bits 9 -o x.onnx
expect_error 2 "kerf: share: --per channel: must be tensor or block=N, such as block=1024" \
    "$KERF" share dense.onnx --per channel -o x.onnx
expect_error 2 "kerf: share: --epochs: needs --data to train on" "$KERF" share dense.onnx --epochs 1 -o x.onnx
expect_error 1 "kerf: share: the network has no layer with weights of its own" "$KERF" share shared.onnx -o x.onnx
[ ! -e x.onnx ] || failed "a refused sharing wrote its output"
finish
