"""What ONNX Runtime makes of files that `kerf export` wrote, beside what was predicted:

    export_judge.py make                    residual.onnx, and files that want rewriting
    export_judge.py ort FILE REPORT.json    node by node; the report is that of kerf export --json
    export_judge.py signed FILE             zero points as TensorRT takes them
    export_judge.py same A.onnx B.onnx [F]  both compute the same, up to F (0.02) of the largest output
"""
import json
import os
import re
import sys
import tempfile

import numpy
import onnx
from onnx import numpy_helper

import images
import networks
import sessions

MOVES = {"Dropout", "Flatten", "Identity", "MaxPool", "NhwcMaxPool", "Reshape", "Squeeze", "Transpose", "Unsqueeze"}
INTEGERS = re.compile("QLinear|QGemm|MatMulNBits|NhwcMaxPool|DynamicQuantizeMatMul|MatMulIntegerToFloat")


# ---- files that want rewriting ---------------------------------------------------------------

def make_gemm():
    """Only weights are integers; Gemm, transposed, with Relu and Clip behind."""
    n = networks.Network()
    n.constant("zero", numpy.float32(0)), n.constant("six", numpy.float32(6))
    a = n.node("Relu", "relu1", n.node("Gemm", "fc1", "x", n.stored("w1", (48, 64), 0), n.weight("b1", 48), transB=1))
    b = n.node("Clip", "clip2", n.node("Gemm", "fc2", a, n.stored("w2", (48, 32), 1), n.weight("b2", 32)), "zero", "six")
    n.node("Gemm", "fc3", b, n.stored("w3", (10, 32), 0), n.weight("b3", 10), transB=1)
    n.save("gemm.onnx", [64], "fc3")


def make_bare():
    """No pair behind MaxPool and Flatten."""
    n = networks.Network()
    u8 = numpy.uint8
    bias = n.node("DequantizeLinear", "b1", n.constant("b1_q", numpy.arange(8, dtype=numpy.int32) * 100),
                  n.constant("b1.scale", numpy.float32(0.02) * numpy.linspace(0.01, 0.02, 8).astype(numpy.float32)), axis=0)
    a = n.node("Relu", "relu1", n.node("Conv", "conv1", n.pair("x", 0.02, u8(128)), n.stored("w1", (8, 2, 3, 3), 0), bias))
    m = n.node("MaxPool", "pool", n.pair(a, 0.1, u8(0)), kernel_shape=[2, 2], strides=[2, 2])
    n.node("Gemm", "fc", n.node("Flatten", "flat", m), n.stored("w2", (10, 72), 0, scale=0.001), transB=1)
    n.node("DequantizeLinear", "y", n.node("QuantizeLinear", "y_q", "fc", n.constant("y.scale", numpy.float32(0.2)),
                                           n.constant("y.zero", u8(100))), "y.scale", "y.zero")
    n.save("bare.onnx", [2, 8, 8], "y")


def make():
    networks.make_residual("residual.onnx")
    make_gemm()
    make_bare()


# ---- judging -----------------------------------------------------------------------------------

def optimized(path):
    """Nodes by the names that they had before."""
    with tempfile.TemporaryDirectory() as folder:
        result = os.path.join(folder, "optimized.onnx")
        sessions.open_session(path, optimized_model_filepath=result)
        nodes = onnx.load(result).graph.node
    return nodes, {re.sub(r"^fused |/MatMulAddFusion|_nchwc$|_token_\d+$", "", node.name): node for node in nodes}


def check_node(item, found, floats):
    """One that is predicted, and what is there."""
    node = found.get(item["name"])
    op = node.op_type if node is not None else "nothing"
    if not item["fuses"]:
        return None if not INTEGERS.match(op) else op
    if item["becomes"] in MOVES:  # a MaxPool far from convolutions keeps its layout, a Transpose may be another's
        if item["op"] == "Transpose" and node is None:
            return None
        right = op in (item["op"], item["becomes"]) and node.input[0] not in floats
        return None if right else f"{op} of floats"
    return None if op == item["becomes"] else op


def judge_ort(path, report):
    predicted = {item["name"]: item for item in json.load(open(report))["nodes"]}
    nodes, found = optimized(path)
    floats = {node.output[0] for node in nodes if node.op_type == "DequantizeLinear"}
    wrong = [f"{name} ({item['op']}): predicted {item['becomes']}, is {is_}" for name, item in predicted.items()
             if (is_ := check_node(item, found, floats)) is not None]
    # What moves bytes without conversions beside it is no matter for a prediction.
    wrong += [f"{name}: {node.op_type} was not predicted" for name, node in found.items()
              if INTEGERS.match(node.op_type) and node.op_type not in MOVES
              and not predicted.get(name, {"fuses": False})["fuses"]]
    assert not wrong, "\n".join([path, *wrong])


def judge_same(a, b, most="0.02"):
    first, second = sessions.open_plain(a), sessions.open_exact(b)
    x = {first.get_inputs()[0].name: images.inputs_of(first)}
    want, got = first.run(None, x)[0], second.run(None, x)[0]
    off = float(numpy.abs(got - want).max() / numpy.abs(want).max())
    assert want.std() > 0 and off <= float(most), f"{a} and {b} are {off:.3f} of the largest output apart"


def judge_signed(path):
    """TensorRT's rule: every zero point is an int8 0."""
    graph = onnx.load(path).graph
    constants = constants_of(graph)
    zeros = [constants[n.input[2]] for n in graph.node if n.op_type == "QuantizeLinear"]
    assert zeros and all(z.dtype == numpy.int8 and not z.any() for z in zeros), f"{path}: zero points {zeros}"


def constants_of(graph):
    found = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    found.update({n.output[0]: numpy_helper.to_array(n.attribute[0].t) for n in graph.node if n.op_type == "Constant"})
    return found


{"make": make, "signed": judge_signed, "ort": judge_ort, "same": judge_same}[sys.argv[1]](*sys.argv[2:])
