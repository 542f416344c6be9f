"""Channels that are taken out, judged by ONNX Runtime.

    channels_judge.py zero IN.onnx OUT.onnx    a third of the outputs of each convolution and Gemm become 0
    channels_judge.py compare A.onnx B.onnx HEIGHT   both say the same; B must have fewer weights
"""
import sys

import numpy
import onnx
import onnxruntime
from onnx import numpy_helper

NUMBERS = numpy.random.default_rng(1)


def list_constants(model):
    """Weights that stand in nodes become initializers."""
    nodes = [n for n in model.graph.node if n.op_type == "Constant" and n.attribute[0].name == "value"]
    for node in nodes:
        node.attribute[0].t.name = node.output[0]
        model.graph.initializer.append(node.attribute[0].t)
        model.graph.node.remove(node)


def zero(model):
    """Outputs of layers whose weights stand in the file, with what is added to them."""
    weights = {w.name: w for w in model.graph.initializer}
    makers = {n.output[0]: n for n in model.graph.node}
    added = {}
    for node in model.graph.node:
        if node.op_type == "Add" and node.input[0] in makers and node.input[1] in weights:
            added[node.input[0]] = [node.input[1]]
        if node.op_type == "BatchNormalization":
            added[node.input[0]] = list(node.input[1:3])
    for node in model.graph.node:
        if node.op_type != "Conv" or node.input[1] not in weights:
            continue
        w = numpy_helper.to_array(weights[node.input[1]]).copy()
        gone = NUMBERS.permutation(len(w))[: len(w) // 3]
        w[gone] = 0
        weights[node.input[1]].CopyFrom(numpy_helper.from_array(w, node.input[1]))
        for bias in [*node.input[2:3], *added.get(node.output[0], [])]:
            if bias in weights and numpy_helper.to_array(weights[bias]).size == len(w):
                b = numpy_helper.to_array(weights[bias]).copy()
                b.reshape(-1)[gone] = 0
                weights[bias].CopyFrom(numpy_helper.from_array(b, bias))


def before_squashing(path):
    """What a Sigmoid or Softmax at the end, which may make all of it 0, is taken of: its name."""
    model = onnx.load(path)
    makers = {n.output[0]: n for n in model.graph.node}
    end = makers[model.graph.output[0].name]
    while end.op_type in ("Sigmoid", "Softmax", "Identity"):
        end = makers[end.input[0]]
    return end.output[0]


def run(path, name, height):
    model = onnx.load(path)
    model.graph.output.append(onnx.ValueInfoProto(name=name))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    feeds = {}
    for x in session.get_inputs():
        sizes = {0: 1, 1: 3, 2: height, 3: 192}
        shape = [d if isinstance(d, int) and d > 0 else sizes[i] for i, d in enumerate(x.shape)]
        feeds[x.name] = numpy.random.default_rng(2).standard_normal(shape, numpy.float32)
    return session.run(None, feeds)


def count(path):
    return sum(numpy.prod(w.dims) for w in onnx.load(path).graph.initializer)


def compare(a, b, height):
    assert count(b) < count(a), (count(a), count(b))
    name = before_squashing(a)
    for want, got in zip(run(a, name, int(height)), run(b, name, int(height))):
        assert want.shape == got.shape, (want.shape, got.shape)
        error = abs(want.astype(float) - got).max() / max(abs(want).max(), 1e-3)
        assert error < 1e-4, error
    print(f"{count(a)} -> {count(b)} weights")


if sys.argv[1] == "zero":
    network = onnx.load(sys.argv[2])
    list_constants(network)
    zero(network)
    onnx.save(network, sys.argv[3])
else:
    compare(*sys.argv[2:])
