"""Small networks for judges, of operators that quantized files hold, with random weights."""
import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper


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


def make_residual(path):
    """A sum, Concat, pooling of all kinds, a depth-wise convolution and Clip."""
    n = Network()
    n.constant("zero", numpy.float32(0)), n.constant("six", numpy.float32(6))
    a = n.node("Relu", "relu1", n.conv("conv1", "x", 1, 8, strides=[2, 2]))
    b = n.node("Clip", "clip1", n.conv("deep", a, 8, 8, group=8), "zero", "six")
    d = n.node("Relu", "relu2", n.node("Add", "sum", a, n.conv("point", b, 8, 8, side=1)))
    e = n.node("Relu", "relu3", n.conv("conv3", d, 8, 16))
    f = n.node("AveragePool", "average", n.node("Concat", "joined", d, e, axis=1), kernel_shape=[2, 2], strides=[2, 2])
    h = n.node("Relu", "relu4", n.conv("conv4", f, 24, 32))
    m = n.node("MaxPool", "largest", h, kernel_shape=[3, 3], strides=[2, 2])
    flat = n.node("Flatten", "flat", n.node("GlobalAveragePool", "global", m))
    n.node("Gemm", "fc", flat, n.weight("fc.weight", 10, 32), n.weight("fc.bias", 10), transB=1)
    n.save(path, [1, 28, 28], "fc")


def make_products(path):
    """Products of matrices, one of two activations, and functions that ONNX Runtime looks up in tables."""
    n = Network()
    rows = n.node("Reshape", "rows", "x", n.constant("rows.shape", numpy.array([-1, 28, 28])))
    a = n.node("LeakyRelu", "leaky", n.node("MatMul", "narrow", rows, n.weight("narrow.weight", 28, 16)), alpha=0.1)
    b = n.node("Mul", "swish", a, n.node("Sigmoid", "sigmoid", a))
    c = n.node("MatMul", "alike", b, n.node("Transpose", "turned", a, perm=[0, 2, 1]))
    flat = n.node("Flatten", "flat", n.node("Softmax", "shares", c, axis=-1))
    n.node("Gemm", "fc", flat, n.constant("fc.weight", n.numbers.standard_normal((10, 784)).astype(numpy.float32)),
           n.weight("fc.bias", 10), transB=1)
    n.save(path, [1, 28, 28], "fc")
