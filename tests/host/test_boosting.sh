#!/bin/sh
# test_boosting.sh -- `kerf prune --gates`: gates that are trained, the share that is kept when the network
# runs, and that ONNX Runtime computes the same by the file.  PYTHON has onnxruntime and numpy.
. "$(dirname "$0")/lib.sh"
export KERF_DEVICE=0
need_python
data=random:1,16,16,4

"$KERF" new lenet-5 --width 0.5 --input 1,16,16 --classes 4 -q -o dense.onnx || failed new
expect_json "gates.0.name=conv1 gates.0.channels=10 gates.1.kept=13 after.top1" \
    "$KERF" prune dense.onnx --gates --keep 0.5 --layers 'conv*' --data $data --finetune 1 -o gated.onnx --json
expect 0 "gate behind" "$KERF" prune dense.onnx --gates --keep 0.2 --data $data --finetune 1 -o one.onnx
expect_json "after.top1 gates.0.kept=2" "$KERF" prune dense.onnx --gates --keep 0.2 --layers conv1 --penalty saliency=1e-4 --data $data --finetune 1 \
    -o drawn.onnx --json
expect_json "after.top1" "$KERF" train gated.onnx --data $data --epochs 1 -o more.onnx --json
expect 0 "top-1" "$KERF" eval gated.onnx --data $data --keep 0.25

# What gates save: layers this small skip nothing.
expect_json "gates.0.name=conv1 gates.0.kept=5 gates.1.channels=25" "$KERF" info gated.onnx --json
expect 0 "gate behind" "$KERF" info gated.onnx
expect_json "gating.channels=35 gating.kept=18 gating.ms kept_often.0.name=conv1 kept_often.1.channels=25 kept_often.0.min kept_often.0.never" \
    "$KERF" eval gated.onnx --data $data --json
expect 0 "gates keep 18 of 35 channels: 68,510 of 68,510 multiply-adds an input are computed (100.0 %)" \
    "$KERF" eval gated.onnx --data $data
expect 0 "how often channels are kept" "$KERF" eval gated.onnx --data $data
expect_json "gating.kept=9" "$KERF" bench gated.onnx --keep 0.25 --duration 0.05 --warm 10 --json
expect 0 "gates keep 9 of 35 channels" "$KERF" bench gated.onnx --keep 0.25 --duration 0.05 --warm 10

"$PYTHON" -c 'import numpy as n; n.save("x.npy", n.random.default_rng(1).standard_normal((50, 1, 16, 16), dtype="f4"))'
"$KERF" infer gated.onnx --input x.npy -q -o as_trained.npy || failed infer
expect 0 "gates keep 18 of 35 channels" "$KERF" infer gated.onnx --input x.npy
expect_json "gating.channels=35 gating.computed_macs" "$KERF" infer gated.onnx --input x.npy --json
"$KERF" infer gated.onnx --input x.npy --keep 0.2 -q -o fewer.npy || failed "infer --keep"
cmp -s as_trained.npy fewer.npy && failed "--keep changes nothing"
"$PYTHON" - <<'END' || failed "ONNX Runtime differs"
import numpy as n, onnx, onnxruntime as o
from onnx import numpy_helper
model = onnx.load("gated.onnx")
onnx.checker.check_model(model, full_check=True)
def compare(name):
    session = o.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    want = session.run(None, {"input": n.load("x.npy")})[0]
    error = abs(n.load(name + ".npy").astype("f8") - want).max() / abs(want).max()
    assert error <= 8 * n.finfo("f4").eps * 250**0.5, (name, error)
compare("as_trained")
for w in model.graph.initializer:
    if w.name.endswith(".gate.k"):
        kept = 2 if w.name == "conv1.gate.k" else 5
        w.CopyFrom(numpy_helper.from_array(n.array(kept, dtype="f4"), w.name))
compare("fewer")
END

# What is wrong is said.
expect_error 2 "kerf: prune: --keep is missing: the share of channels that gates leave, such as --keep 0.5" \
    "$KERF" prune dense.onnx --gates -o x.onnx
expect_error 2 "kerf: prune: --gates: they are trained with the network, so it wants --finetune and --data" \
    "$KERF" prune dense.onnx --gates --keep 0.5 -o x.onnx
expect_error 2 "kerf: prune: --sparsity: --gates takes no weights; it goes by --keep and --finetune" \
    "$KERF" prune dense.onnx --gates --keep 0.5 --sparsity 0.5 -o x.onnx
expect_error 2 "kerf: prune: --keep: is about gates, wants --gates" "$KERF" prune dense.onnx --keep 0.5 -o x.onnx
expect_error 2 "kerf: eval: --keep: dense.onnx: the network has no gates of channels; kerf prune --gates makes them" \
    "$KERF" eval dense.onnx --data $data --keep 0.5
expect_error 2 "kerf: eval: --keep 0: must be at least 0.001 and at most 1" "$KERF" eval gated.onnx --data $data --keep 0
expect_error 1 "kerf: train: plan: a penalty on saliencies is of gates that choose channels, the network has none; kerf prune --gates makes them" \
    "$KERF" train dense.onnx --penalty saliency=1e-8 --data $data --epochs 1 -o x.onnx
[ ! -e x.onnx ] || failed "a refused command wrote its output"
finish
