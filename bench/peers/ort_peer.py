"""The cases of `kerf bench` in ONNX Runtime on the CPU, a model of one node each; see peer.py.

Both operands of a product are inputs, so that packing is part of the time on both sides.
"""
import numpy
import onnxruntime
from onnx import TensorProto, helper
from peer import Case, serve

FAMILIES = ("gemm", "conv", "elementwise", "reduce", "softmax")


def model_of(case, shape):
    names = [f"x{i}" for i in range(len(case.shapes))]
    attributes = {}
    if case.family == "gemm":
        attributes = {"transA": int(case.trans_a), "transB": int(case.trans_b)}
    elif case.family == "conv":
        attributes = {"strides": [case.window("stride", 1)] * 2, "pads": [case.window("pad", 0)] * 4,
                      "group": case.window("group", 1)}
    elif case.family == "softmax":
        attributes = {"axis": -1}
    elif case.axes and case.node != "ReduceSum":
        attributes = {"axes": case.axes}
    constants = []
    if case.axes and case.node == "ReduceSum":  # since opset 13 its axes are an input
        constants = [helper.make_tensor("axes", TensorProto.INT64, [len(case.axes)], case.axes)]
    node = helper.make_node(case.node, names + [c.name for c in constants], ["y"], **attributes)
    inputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in zip(names, case.shapes)]
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)
    graph = helper.make_graph([node], "case", inputs, [output], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def shape_of(case):
    if case.family == "gemm":
        return (int(case.sizes["m"]), int(case.sizes["n"]))
    if case.family == "conv":
        (n, _, *image), (channels, _, *kernel) = case.shapes
        stride, pad = case.window("stride", 1), case.window("pad", 0)
        return (n, channels, *((size + 2 * pad - reach) // stride + 1 for size, reach in zip(image, kernel)))
    if case.family == "reduce":
        return tuple(1 if not case.axes or i in case.axes else size for i, size in enumerate(case.shapes[0]))
    return case.shapes[0]


def make(case: Case):
    if case.family not in FAMILIES or case.node.startswith("kerf."):
        return None
    shape = shape_of(case)
    session = onnxruntime.InferenceSession(model_of(case, shape).SerializeToString(), providers=["CPUExecutionProvider"])
    binding = session.io_binding()
    values = [onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in case.arrays()]
    for i, value in enumerate(values):
        binding.bind_ortvalue_input(f"x{i}", value)
    result = onnxruntime.OrtValue.ortvalue_from_numpy(numpy.empty(shape, numpy.float32))
    binding.bind_ortvalue_output("y", result)
    return lambda: session.run_with_iobinding(binding)


if __name__ == "__main__":
    serve(make)
