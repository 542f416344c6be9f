"""What ONNX Runtime makes of files that `kerf export` wrote, beside what was predicted:

    export_judge.py make                    residual.onnx, and files that want rewriting
    export_judge.py ort FILE REPORT.json    node by node; the report is that of kerf export --json
    export_judge.py same A.onnx B.onnx      both compute the same, within the steps of their outputs
"""
import json
import os
import re
import sys
import tempfile

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

MOVES = {"Dropout", "Flatten", "Identity", "MaxPool", "NhwcMaxPool", "Reshape", "Squeeze", "Transpose", "Unsqueeze"}
INTEGERS = re.compile("QLinear|QGemm|MatMulNBits|NhwcMaxPool|DynamicQuantizeMatMul|MatMulIntegerToFloat")


# ---- networks --------------------------------------------------------------------------------

class Network:
    def __init__(self):
        self.nodes, self.constants = [], []
        self.numbers = numpy.random.default_rng(3)

    def constant(self, name, array):
        self.constants.append(numpy_helper.from_array(numpy.asarray(array), name))
        return name

    def weight(self, name, *shape):
        deviation = (2 / max(1, numpy.prod(shape[1:]))) ** 0.5
        return self.constant(name, (self.numbers.standard_normal(shape) * deviation).astype(numpy.float32))

    def node(self, op, name, *inputs, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def conv(self, name, x, channels, filters, side=3, group=1, **attributes):
        return self.node("Conv", name, x, self.weight(f"{name}.weight", filters, channels // group, side, side),
                         self.weight(f"{name}.bias", filters), group=group, pads=[side // 2] * 4, **attributes)

    def pair(self, x, scale, zero):
        scale = self.constant(f"{x}.scale", numpy.float32(scale))
        zero = self.constant(f"{x}.zero", zero)
        return self.node("DequantizeLinear", f"{x}_dq", self.node("QuantizeLinear", f"{x}_q", x, scale, zero), scale, zero)

    def stored(self, name, shape, axis, dtype=numpy.int8, scale=0.01, **attributes):
        integers = self.constant(f"{name}_q", self.numbers.integers(-100, 100, shape).astype(dtype))
        scales = self.constant(f"{name}.scale", numpy.linspace(scale, 2 * scale, shape[axis]).astype(numpy.float32))
        zeros = self.constant(f"{name}.zero", numpy.zeros(shape[axis], dtype))
        return self.node("DequantizeLinear", name, integers, scales, zeros, axis=axis, **attributes)

    def save(self, path, inputs, output, opset=17):
        graph = helper.make_graph(self.nodes, "network",
                                  [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", *inputs])],
                                  [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["N", 10])], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, path)


def make_residual():
    """A sum, Concat, pooling of all kinds, a depth-wise convolution and Clip."""
    n = Network()
    n.constant("zero", numpy.float32(0)), n.constant("six", numpy.float32(6))
    a = n.node("Relu", "relu1", n.conv("conv1", "x", 1, 8, strides=[2, 2]))
    b = n.node("Clip", "clip1", n.conv("deep", a, 8, 8, group=8), "zero", "six")
    d = n.node("Relu", "relu2", n.node("Add", "sum", a, n.conv("point", b, 8, 8, side=1)))
    e = n.node("Relu", "relu3", n.conv("conv3", d, 8, 8))
    f = n.node("AveragePool", "average", n.node("Concat", "joined", d, e, axis=1), kernel_shape=[2, 2], strides=[2, 2])
    h = n.node("Relu", "relu4", n.conv("conv4", f, 16, 16))
    m = n.node("MaxPool", "largest", h, kernel_shape=[3, 3], strides=[2, 2])
    flat = n.node("Flatten", "flat", n.node("GlobalAveragePool", "global", m))
    n.node("Gemm", "fc", flat, n.weight("fc.weight", 10, 16), n.weight("fc.bias", 10), transB=1)
    n.save("residual.onnx", [1, 28, 28], "fc")


def make_gemm():
    """Only weights are integers; Gemm, transposed, with Relu and Clip behind."""
    n = Network()
    n.constant("zero", numpy.float32(0)), n.constant("six", numpy.float32(6))
    a = n.node("Relu", "relu1", n.node("Gemm", "fc1", "x", n.stored("w1", (48, 64), 0), n.weight("b1", 48), transB=1))
    b = n.node("Clip", "clip2", n.node("Gemm", "fc2", a, n.stored("w2", (48, 32), 1), n.weight("b2", 32)), "zero", "six")
    n.node("Gemm", "fc3", b, n.stored("w3", (10, 32), 0), n.weight("b3", 10), transB=1)
    n.save("gemm.onnx", [64], "fc3")


def make_bare():
    """No pair behind MaxPool and Flatten."""
    n = Network()
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
    make_residual()
    make_gemm()
    make_bare()


# ---- judging -----------------------------------------------------------------------------------

def session(path, **options):
    chosen = onnxruntime.SessionOptions()
    chosen.log_severity_level = 3
    for key, value in options.items():
        setattr(chosen, key, value)
    return onnxruntime.InferenceSession(path, chosen, providers=["CPUExecutionProvider"])


def optimized(path):
    """Nodes by the names that they had before."""
    with tempfile.TemporaryDirectory() as folder:
        result = os.path.join(folder, "optimized.onnx")
        session(path, optimized_model_filepath=result)
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
    wrong += [f"{name}: {node.op_type} was not predicted" for name, node in found.items()
              if INTEGERS.match(node.op_type) and not predicted.get(name, {"fuses": False})["fuses"]]
    assert not wrong, "\n".join([path, *wrong])


def judge_same(a, b):
    plain = {"graph_optimization_level": onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL}
    first, second = session(a, **plain), session(b)
    shape = [4 if isinstance(d, str) else d for d in first.get_inputs()[0].shape]
    x = {first.get_inputs()[0].name: numpy.random.default_rng(1).standard_normal(shape, numpy.float32)}
    want, got = first.run(None, x)[0], second.run(None, x)[0]
    off = float(numpy.abs(got - want).max() / numpy.abs(want).max())
    assert want.std() > 0 and off <= 0.02, f"{a} and {b} are {off:.3f} of the largest output apart"


{"make": make, "ort": judge_ort, "same": judge_same}[sys.argv[1]](*sys.argv[2:])
