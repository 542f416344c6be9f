"""com.microsoft.MatMulNBits, as ONNX Runtime reads it, beside what Kerf makes of it.

    blocks_judge.py make               good_*.onnx, bad_*.onnx with what is wrong, x.npy
    blocks_judge.py compare F.onnx     F.npy is what Kerf made of x.npy

Each product is compared with the numbers its bytes stand for, and with ONNX Runtime's where that is
right: version 1.32 computes 2 bits wrong.
"""
import sys

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

ROWS, K, N = 3, 80, 19
NUMBERS = numpy.random.default_rng(1)
# bits, block_size, with zero points, with a bias
GOOD = {"nibbles": (4, 16, False, False), "zeros": (4, 32, True, False), "long": (4, 128, False, True),
        "bytes": (8, 16, False, True), "byte_zeros": (8, 64, True, False), "pairs": (2, 16, True, False),
        "signed_pairs": (2, 32, False, True)}
BAD = {"bits": {"bits": 3}, "block": {"block_size": 24}, "small": {"block_size": 8}, "k": {"K": -1},
       "product": {"K": 1 << 40, "N": 1 << 40}, "length": {"K": 800}}


def packed(integers, bits):
    """Integers of a row side by side in bytes, the first in the lowest bits."""
    in_byte = 8 // bits
    padded = numpy.pad(integers, [(0, 0), (0, -integers.shape[1] % in_byte)])
    parts = padded.reshape(len(padded), -1, in_byte).astype(numpy.uint32) << numpy.arange(in_byte) * bits
    return parts.sum(-1).astype(numpy.uint8)


def operands(bits, size, has_zeros, has_bias):
    """The initializers, and the weights (K, N) that they stand for."""
    blocks = -(-K // size)
    q = NUMBERS.integers(0, 1 << bits, (N, blocks * size))
    scales = NUMBERS.uniform(0.01, 0.1, (N, blocks)).astype(numpy.float32)
    zeros = NUMBERS.integers(0, 1 << bits, (N, blocks)) if has_zeros else numpy.full((N, blocks), 1 << bits - 1)
    bias = NUMBERS.standard_normal(N, numpy.float32)
    made = {"b": packed(q, bits).reshape(N, blocks, -1), "scales": scales.reshape(-1)}
    if has_zeros:
        made["zeros"] = packed(zeros, bits).reshape(-1)
    if has_bias:
        made["bias"] = bias
    weights = (q - zeros.repeat(size, 1)) * scales.repeat(size, 1).astype(float)
    return made, weights[:, :K].T, bias if has_bias else 0


def save(path, made, order=None, **attributes):
    """A product whose initializers are `made`; `order` is what stands where g_idx does."""
    names = ["x", "b", "scales", "zeros" if "zeros" in made else "", order or "", "bias" if "bias" in made else ""]
    while not names[-1]:
        names.pop()
    node = helper.make_node("MatMulNBits", names, ["y"], "fc", domain="com.microsoft", **attributes)
    graph = helper.make_graph([node], "blocks", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [ROWS, K])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, [ROWS, N])],
                              [numpy_helper.from_array(a, name) for name, a in made.items()])
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=8), path)


def make():
    x = NUMBERS.standard_normal((ROWS, K), numpy.float32)
    numpy.save("x.npy", x)
    for name, (bits, size, has_zeros, has_bias) in GOOD.items():
        made, weights, bias = operands(bits, size, has_zeros, has_bias)
        save(f"good_{name}.onnx", made, K=K, N=N, bits=bits, block_size=size)
        numpy.save(f"good_{name}.want.npy", x.astype(float) @ weights + bias)
    made = operands(4, 16, True, False)[0]
    for name, wrong in BAD.items():
        save(f"bad_{name}.onnx", made, **{"K": K, "N": N, "bits": 4, "block_size": 16} | wrong)
    right = {"K": K, "N": N, "bits": 4, "block_size": 16}
    save("bad_order.onnx", made | {"order": numpy.arange(K, dtype=numpy.int32)}, "order", **right)
    save("bad_zeros.onnx", made | {"zeros": numpy.zeros(N * K // 16, numpy.float32)}, **right)
    save("bad_input.onnx", {k: v for k, v in made.items() if k != "b"} | {"c": made["b"]}, **right)


def compare(path):
    got, want = numpy.load(path.replace(".onnx", ".npy")), numpy.load(path.replace(".onnx", ".want.npy"))
    assert numpy.abs(got - want).max() <= 1e-5 * numpy.abs(want).max(), f"{path}: {got} is not {want}"
    if "pairs" not in path:
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        there = session.run(None, {"x": numpy.load("x.npy")})[0]
        assert numpy.abs(got - there).max() <= 1e-4 * numpy.abs(want).max(), f"{path}: ONNX Runtime has {there}"


{"make": make, "compare": compare}[sys.argv[1]](*sys.argv[2:])
