"""Models of older and newer opsets, each with an operator that meant or said something else there
(lib/io/onnx_versions.c).  tests/io/judge.py rewrites them and compares what ONNX Runtime makes of
both."""

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper, shape_inference

node = helper.make_node


def tensor(name, values, kind=numpy.float32):
    return numpy_helper.from_array(numpy.array(values, kind), name)


def model(opset, nodes, initializers=(), shape=("N", 3, 4, 5), value_info=()):
    graph = helper.make_graph(
        nodes, "version", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)], list(initializers),
        value_info=[helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in value_info])
    m = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=7)
    # Only the output gets its shape: what is between stays unknown.
    output = shape_inference.infer_shapes(m).graph.output[0]
    if not output.type.tensor_type.HasField("shape"): # Upsample has no rule
        output.type.tensor_type.shape.dim.extend([onnx.TensorShapeProto.Dimension()] * len(shape))
    m.graph.output[0].CopyFrom(output)
    return m


def batch_norm(outputs, **attributes):
    return ([node("BatchNormalization", ["x", "s", "b", "m", "v"], outputs, **attributes)],
            [tensor("s", [1, 2, 3]), tensor("b", [0, 1, 0]), tensor("m", [0, 0, 1]),
             tensor("v", [1, 2, 4])])


def models():
    """(name, opset that is written, model)"""
    scales = tensor("scales", [1, 1, 2, 2])
    yield "softmax_last", 17, model(11, [node("Softmax", ["x"], ["y"], axis=3)])
    yield "softmax_default", 17, model(9, [node("Softmax", ["x"], ["y"])])
    yield "softmax_unknown_rank", 17, model(
        12, [node("Relu", ["x"], ["r"]), node("LogSoftmax", ["r"], ["y"], axis=2)])
    yield "softmax_value_info", 17, model(
        12, [node("Relu", ["x"], ["r"]), node("Softmax", ["r"], ["y"], axis=3)],
        value_info=[("r", ("N", 3, 4, 5))])
    yield "clip", 17, model(10, [node("Clip", ["x"], ["y"], min=-0.5, max=0.25)])
    yield "clip_min", 17, model(7, [node("Clip", ["x"], ["y"], min=0.0)])
    yield "pad", 17, model(10, [node("Pad", ["x"], ["y"], pads=[0, 0, 1, 2, 0, 0, 3, 0], value=0.5)])
    yield "pad_reflect", 17, model(7, [node("Pad", ["x"], ["y"], mode="reflect",
                                            pads=[0, 0, 1, 2, 0, 0, 3, 0])])
    yield "slice", 17, model(9, [node("Slice", ["x"], ["y"], starts=[1, -3], ends=[3, 99], axes=[1, 3])])
    yield "slice_no_axes", 17, model(7, [node("Slice", ["x"], ["y"], starts=[0, 1], ends=[9, -1])])
    yield "split", 17, model(11, [node("Split", ["x"], ["a", "y"], axis=3, split=[2, 3])])
    yield "squeeze", 17, model(11, [node("Unsqueeze", ["x"], ["u"], axes=[0, 5]),
                                    node("Squeeze", ["u"], ["y"], axes=[5])])
    yield "reduce_sum", 17, model(12, [node("ReduceSum", ["x"], ["y"], axes=[1, 3], keepdims=0)])
    yield "top_k", 17, model(9, [node("TopK", ["x"], ["y", "i"], axis=3, k=2)])
    yield "dropout", 17, model(10, [node("Dropout", ["x"], ["y"], ratio=0.3)])
    yield "upsample_7", 17, model(7, [node("Upsample", ["x"], ["y"], mode="nearest",
                                           scales=[1.0, 1.0, 2.0, 3.0])], shape=(2, 3, 4, 5))
    yield "upsample_9", 17, model(9, [node("Upsample", ["x", "scales"], ["y"], mode="linear")],
                                  [scales], shape=(2, 3, 4, 5))
    yield "resize_10", 17, model(10, [node("Resize", ["x", "scales"], ["y"], mode="nearest")],
                                 [scales], shape=(2, 3, 4, 5))
    yield "resize_18", 17, model(
        18, [node("Resize", ["x", "", "scales"], ["y"], mode="linear", antialias=0)], [scales])
    yield "batch_norm_7", 17, model(7, *batch_norm(["y"], epsilon=0.01, spatial=1))
    yield "batch_norm_9", 17, model(9, *batch_norm(["y"]))
    yield "scatter", 17, model(
        10, [node("Scatter", ["x", "i", "u"], ["y"], axis=0)],
        [tensor("i", [[1, 0, 2]], numpy.int64), tensor("u", [[5, 6, 7]])], shape=(3, 3))
    yield "roi_align", 17, model(
        10, [node("RoiAlign", ["x", "r", "i"], ["y"], output_height=2, output_width=2)],
        [tensor("r", [[0, 0, 3, 3]]), tensor("i", [0], numpy.int64)])
    axes = tensor("axes", [1, -1], numpy.int64)
    for op in ("ReduceMax", "ReduceMean", "ReduceL2", "ReduceSum", "ReduceLogSumExp"):
        yield f"{op}_18", 17, model(18, [node(op, ["x", "axes"], ["y"], keepdims=0)], [axes])
    yield "reduce_all_18", 17, model(18, [node("ReduceMean", ["x"], ["y"])])
    yield "reduce_none_18", 18, model(
        18, [node("ReduceMean", ["x"], ["m"], noop_with_empty_axes=1),
             node("ReduceMax", ["m", "axes"], ["y"])], [axes])
    yield "split_18", 18, model(18, [node("Split", ["x"], ["a", "b", "y"], axis=3, num_outputs=3),
                                     node("ReduceMean", ["a", "axes"], ["c"])], [axes])
    yield "pad_18", 18, model(
        18, [node("Pad", ["x", "pads", "", "at"], ["p"]), node("ReduceMin", ["p", "axes"], ["y"])],
        [axes, tensor("pads", [1, 2], numpy.int64), tensor("at", [2], numpy.int64)])
    yield "cast_19", 17, model(19, [node("Cast", ["x"], ["i"], to=TensorProto.INT32, saturate=1),
                                    node("Cast", ["i"], ["y"], to=TensorProto.FLOAT)])
    yield "gelu_20", 20, model(20, [node("Gelu", ["x"], ["g"], approximate="tanh"),
                                    node("ReduceMean", ["g", "axes"], ["y"])], [axes])
    yield "grid_sample_20", 17, model(
        20, [node("GridSample", ["x", "grid"], ["y"], mode="linear")],
        [tensor("grid", numpy.linspace(-1, 1, 2 * 2 * 2 * 2).reshape(2, 2, 2, 2))],
        shape=(2, 3, 4, 5))
    yield "group_norm_21", 21, model(
        21, [node("GroupNormalization", ["x", "s", "b"], ["y"], num_groups=3)],
        [tensor("s", [1, 2, 3]), tensor("b", [0, 1, 0])])
    yield "identity_22", 17, model(22, [node("Identity", ["x"], ["y"])])
