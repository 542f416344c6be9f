"""Whether models hold the same numbers but for rounding:

    weights_judge.py A.onnx B.onnx [C.onnx D.onnx ...]

Floats may differ by 1e-4 of the largest of their tensor; integers, which floats near a half went
to, by one in a hundredth of the places; what else the graphs hold must be alike."""

import sys

import numpy
import onnx
from onnx import numpy_helper

SHARE, MOST_FLIPPED = 1e-4, 0.01


def tensors(path):
    graph = onnx.load(path).graph
    held = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    return [node.op_type for node in graph.node], held


def check(name, a, b):
    assert a.shape == b.shape and a.dtype == b.dtype, f"{name}: {a.shape} {a.dtype}, not {b.shape} {b.dtype}"
    if a.size == 0:
        return
    differ = numpy.abs(a.astype(numpy.float64) - b.astype(numpy.float64))
    if a.dtype.kind == "f":
        assert differ.max() <= SHARE * max(numpy.abs(a).max(), 1e-6), f"{name}: differs by {differ.max()}"
        assert ((a == 0) == (b == 0)).all(), f"{name}: other zeros"
    else:
        assert differ.max() <= 1 and (differ > 0).mean() <= MOST_FLIPPED, f"{name}: other integers"


for first, second in zip(sys.argv[1::2], sys.argv[2::2]):
    (ops, a), (other_ops, b) = tensors(first), tensors(second)
    assert ops == other_ops and a.keys() == b.keys(), f"{first}, {second}: other graphs"
    assert any(t.size > 100 for t in a.values()), f"{first}: no weights"
    for name in a:
        check(f"{first}, {second}: {name}", a[name], b[name])
