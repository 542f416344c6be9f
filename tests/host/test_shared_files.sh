#!/bin/sh
# test_shared_files.sh -- one network shared in every way, as ONNX and packed: both files give the same
# bits, ONNX Runtime agrees, and what is packed runs sparse, from integers, and from the numbers of
# codebooks' entries, not as floats that were gathered.  PYTHON has onnxruntime and numpy.
. "$(dirname "$0")/lib.sh"
export KERF_DEVICE=0
need_python
data=random:1,16,16,4

"$KERF" new lenet-300-100 --width 0.5 --input 1,16,16 --classes 4 -q -o dense.onnx || failed new
"$KERF" prune dense.onnx --sparsity 0.97 -q -o pruned.onnx >/dev/null || failed prune
"$PYTHON" -c 'import numpy as n; n.save("x.npy", n.random.default_rng(1).standard_normal((5, 1, 16, 16), dtype="f4"))'

# share_one FROM NAME OPTION...: NAME.onnx, NAME.kerf, and what each computes.
share_one() {
    from=$1 name=$2
    shift 2
    "$KERF" share $from.onnx "$@" -q -o $name.onnx >/dev/null || failed "share $name"
    "$KERF" pack $name.onnx -q -o $name.kerf >/dev/null || failed "pack $name"
    for file in onnx kerf; do
        "$KERF" infer $name.$file --input x.npy -q -o $name.$file.npy || failed "infer $name.$file"
    done
    cmp $name.onnx.npy $name.kerf.npy || failed "$name.kerf computes something else"
}

# same_eval NAME: all that is counted, the time apart.
same_eval() {
    for file in onnx kerf; do
        "$KERF" eval $1.$file --data $data --json >eval.$file || failed "eval $1.$file"
    done
    "$PYTHON" -c 'import json
a, b = (json.load(open(x)) | {"ms_per_batch": 0} for x in ("eval.onnx", "eval.kerf"))
assert a["loss"] > 0 and a == b, (a, b)' || failed "$1.kerf is judged otherwise"
}

for bits in 1 2 3 4 8; do
    for from in dense pruned; do
        share_one $from $from$bits --bits $bits
    done
done
share_one dense blocks --bits 3 --per block=20
same_eval dense8
same_eval pruned4
same_eval blocks

"$PYTHON" - <<'END' || failed "ONNX Runtime does not agree"
import glob
import numpy as n, onnxruntime as o
x = n.load("x.npy")
names = [f[:-9] for f in sorted(glob.glob("*.onnx.npy"))]
assert len(names) == 11, names
for name in names:
    want = o.InferenceSession(name + ".onnx", providers=["CPUExecutionProvider"]).run(None, {"input": x})[0]
    error = abs(n.load(name + ".onnx.npy").astype("f8") - want).max() / abs(want).max()
    assert error <= 2 * 3 * n.finfo("f4").eps * 256**0.5, (name, error)
END

# ---- by which kernels ----------------------------------------------------------------------------------

# ran FILE OPS...: the operations that a run launches, in this order.
ran() {
    "$KERF" bench "$1" --batch 1 --runs 1 --warm 0 -q --json >out.txt || failed "bench $1"
    "$PYTHON" - "$@" <<'END' || failed "$1 runs by other kernels"
import json, sys
got = [layer["op"] for layer in json.load(open("out.txt"))["layers"]]
assert got == sys.argv[2:], got
END
}

"$KERF" pack pruned.onnx -q -o pruned.kerf >/dev/null || failed "pack pruned"
"$KERF" quantize dense.onnx --mode static --data $data -q -o bytes.kerf >/dev/null || failed quantize
sparse=kerf.SparseMatMul codes=kerf.MatMulCodes integer=QLinearMatMul
ran dense4.kerf $codes $codes $codes
ran dense1.kerf $codes $codes $codes
ran pruned.kerf $sparse Gemm Gemm # of few weights zeros are computed with
ran pruned4.kerf $sparse $codes $codes
ran bytes.kerf QuantizeLinear $integer $integer $integer DequantizeLinear
ran blocks.kerf Gemm Gemm Gemm
finish
