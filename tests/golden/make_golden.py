"""Writes tests/golden/{good,bad}/*.onnx and bad/messages.txt:

    build/venv/bin/python tests/golden/make_golden.py [FOLDER]

good: small models, each with something a reader may stumble over.  bad: models with one
fault each, and the words in which the fault must be told (messages.txt, "FILE: MESSAGE").
The files are committed; tests/io/judge.py checks that they are what this prints.  The onnx
package and its version decide the bytes."""

import os
import sys

import numpy
from onnx import TensorProto, helper, numpy_helper

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
good, bad = {}, {}


# ---- building blocks ----------------------------------------------------------------------

def weights(name, *shape):
    """Small numbers that are exact in float32 and the same everywhere."""
    count = int(numpy.prod(shape))
    values = (numpy.arange(count, dtype=numpy.float32) * 7 % 11 - 5) / 8
    return numpy_helper.from_array(values.reshape(shape), name)


def info(name, shape, type_number=FLOAT):
    return helper.make_tensor_value_info(name, type_number, shape)


def model(nodes, initializers=(), inputs=None, outputs=None, opset=17, **options):
    graph = helper.make_graph(
        nodes, options.pop("name", "g"),
        [info("x", ["N", 4])] if inputs is None else inputs,
        [info("y", ["N", 3])] if outputs is None else outputs,
        list(initializers), value_info=options.pop("value_info", []))
    imports = [helper.make_opsetid("", opset)] + options.pop("imports", [])
    return helper.make_model(graph, opset_imports=imports, ir_version=options.pop("ir", 8),
                             producer_name="golden", producer_version="1", **options)


def gemm(**attributes):
    return helper.make_node("Gemm", ["x", "w", "b"], ["y"], name="fc", **attributes)


def relu(source="x", target="y", **attributes):
    return helper.make_node("Relu", [source], [target], name="r", **attributes)


def plain():
    """The model that most faults are put into."""
    return model([gemm(transB=1)], [weights("w", 3, 4), weights("b", 3)])


# ---- good ---------------------------------------------------------------------------------

def mlp(opset):
    return model(
        [helper.make_node("Flatten", ["x"], ["flat"], name="flatten"),
         helper.make_node("Gemm", ["flat", "fc1.weight", "fc1.bias"], ["h"], name="fc1", transB=1),
         helper.make_node("Relu", ["h"], ["a"], name="relu1"),
         helper.make_node("Gemm", ["a", "fc2.weight", "fc2.bias"], ["y"], name="fc2", transB=1)],
        [weights("fc1.weight", 5, 4), weights("fc1.bias", 5), weights("fc2.weight", 3, 5),
         weights("fc2.bias", 3)],
        [info("x", ["N", 1, 2, 2])], opset=opset)


for number in range(13, 18):
    good[f"mlp_{number}"] = mlp(number)

good["gemm_plain"] = model([gemm()], [weights("w", 4, 3), weights("b", 3)])
good["gemm_scaled"] = model([gemm(alpha=0.5, beta=2.0, transB=1)],
                            [weights("w", 3, 4), weights("b", 1, 3)])
good["gemm_without_bias"] = model(
    [helper.make_node("Gemm", ["x", "w"], ["y"], name="fc")], [weights("w", 4, 3)])
good["matmul_add"] = model(
    [helper.make_node("MatMul", ["x", "w"], ["m"]), helper.make_node("Add", ["m", "b"], ["y"])],
    [weights("w", 4, 3), weights("b", 3)])
good["reshape_softmax"] = model(
    [helper.make_node("Reshape", ["x", "to"], ["flat"], name="reshape"),
     helper.make_node("MatMul", ["flat", "w"], ["m"], name="m"),
     helper.make_node("Softmax", ["m"], ["y"], name="s", axis=-1)],
    [weights("w", 4, 3), numpy_helper.from_array(numpy.array([-1, 4], numpy.int64), "to")],
    [info("x", ["N", 2, 2])])
good["unsorted"] = model(
    [helper.make_node("Relu", ["b"], ["y"], name="third"),
     helper.make_node("Relu", ["x"], ["a"], name="first"),
     helper.make_node("Relu", ["a"], ["b"], name="second")], outputs=[info("y", ["N", 4])])
good["constants"] = model(
    [helper.make_node("Constant", [], ["half"], value_float=0.5),
     helper.make_node("Constant", [], ["to"], value_ints=[0, 4]),
     helper.make_node("Constant", [], ["two"], value_int=2),
     helper.make_node("Constant", [], ["three"], value_floats=[1.0, 2.0, 3.0]),
     helper.make_node("Constant", [], ["b"], value=weights("unused", 3)),
     helper.make_node("Reshape", ["x", "to"], ["r"]),
     helper.make_node("MatMul", ["r", "w"], ["m"]),
     helper.make_node("Mul", ["m", "half"], ["h"]),
     helper.make_node("Add", ["h", "b"], ["s"]),
     helper.make_node("Mul", ["s", "three"], ["y"])], [weights("w", 4, 3)])


def typed_data():
    """One initializer of every type, in the field of its type instead of raw bytes."""
    makers = [("f", FLOAT, [0.5, -0.0]), ("h", TensorProto.FLOAT16, [1.5, -2.0]),
              ("i", TensorProto.INT32, [-2**31, 2**31 - 1]), ("l", INT64, [-2**63, 2**63 - 1]),
              ("u", TensorProto.UINT8, [0, 255]), ("s", TensorProto.INT8, [-128, 127]),
              ("b", TensorProto.BOOL, [True, False]), ("n", TensorProto.INT16, [-2**15, 2**15 - 1]),
              ("v", TensorProto.UINT16, [0, 2**16 - 1])]
    tensors = [helper.make_tensor(name, number, [2], values) for name, number, values in makers]
    nodes = [helper.make_node("Identity", [name], [f"{name}_out"]) for name, _, _ in makers]
    outputs = [info(f"{name}_out", [2], number) for name, number, _ in makers]
    return model(nodes, tensors, [], outputs)


good["typed_data"] = typed_data()


def few_values():
    """Bytes of three values, each as likely: what packed files code as symbols."""
    state, values = 1, []
    for _ in range(1200):
        state = (state * 1103515245 + 12345) % 2**31
        values.append((state >> 16) % 3 * 40 + 7)
    tensor = numpy_helper.from_array(numpy.array(values, dtype=numpy.uint8), "w")
    return model([helper.make_node("Identity", ["w"], ["y"])], [tensor], [],
                 [info("y", [len(values)], TensorProto.UINT8)])


good["few_values"] = few_values()


def packed(opset, numbers):
    """Types below 8 bits, in the field of all small integers; five elements leave a byte half full."""
    values = {TensorProto.INT4: [1, -2, 3, -4, 5], TensorProto.UINT4: [1, 14, 3, 12, 5],
              TensorProto.INT2: [1, -2, 0, -1, 1], TensorProto.UINT2: [1, 2, 0, 3, 1]}
    names = {TensorProto.INT4: "s4", TensorProto.UINT4: "u4", TensorProto.INT2: "s2",
             TensorProto.UINT2: "u2"}
    tensors = [helper.make_tensor(names[n], n, [5], values[n]) for n in numbers]
    nodes = [helper.make_node("Identity", [names[n]], [f"{names[n]}_out"]) for n in numbers]
    outputs = [info(f"{names[n]}_out", [5], n) for n in numbers]
    return model(nodes, tensors, [], outputs, opset=opset)


good["packed_4"] = packed(21, [TensorProto.INT4, TensorProto.UINT4])
good["packed_2"] = packed(25, [TensorProto.INT2, TensorProto.UINT2])


def external(location="external.bin", offset=8, length=48):
    m = plain()
    w = m.graph.initializer[0]
    data = w.raw_data
    w.ClearField("raw_data")
    w.data_location = TensorProto.EXTERNAL
    for key, text in (("location", location), ("offset", offset), ("length", length)):
        if text is not None:
            w.external_data.add(key=key, value=str(text))
    return m, b"8 bytes." + data


good["external"], external_bin = external()
good["external_plain"] = external(length=None)[0]

older = plain()
older.ir_version = 3
older.graph.input.extend([info("w", [3, 4]), info("b", [3])])
good["initializers_as_inputs"] = older

good["left_out"] = model(
    [helper.make_node("Clip", ["x", "", "top"], ["c"], name="clip"),
     helper.make_node("Dropout", ["c", "", ""], ["y", ""], name="drop")],
    [helper.make_tensor("top", FLOAT, [], [0.25])], outputs=[info("y", ["N", 4])])
good["first_output_left_out"] = model(
    [helper.make_node("LSTM", ["x", "w", "r"], ["", "y"], name="lstm", hidden_size=2)],
    [weights("w", 1, 8, 4), weights("r", 1, 8, 2)], [info("x", [3, "N", 4])],
    [info("y", [1, "N", 2])])
good["foreign"] = model(
    [helper.make_node("Gelu", ["x"], ["y"], name="gelu", domain="com.microsoft")],
    outputs=[info("y", ["N", 4])], imports=[helper.make_opsetid("com.microsoft", 1)])
good["unnamed_dimensions"] = model([relu()], inputs=[info("x", [None, 4, None])],
                                   outputs=[info("y", [None, None, None])])
good["batch_norm"] = model(
    [helper.make_node("BatchNormalization", ["x", "scale", "bias", "mean", "var"], ["y"], name="bn",
                      epsilon=0.001)],
    [weights("scale", 4), weights("bias", 4), weights("mean", 4),
     helper.make_tensor("var", FLOAT, [4], [1.0, 2.0, 0.5, 4.0])], outputs=[info("y", ["N", 4])])
good["two_uses"] = model(  # a statistic that something else reads as a weight is a weight
    [helper.make_node("Add", ["x", "mean"], ["a"], name="before"),
     helper.make_node("BatchNormalization", ["a", "scale", "bias", "mean", "var"], ["b"], name="bn"),
     helper.make_node("Add", ["b", "var"], ["y"], name="after")],
    [weights("scale", 4), weights("bias", 4), weights("mean", 4),
     helper.make_tensor("var", FLOAT, [4], [1.0, 2.0, 0.5, 4.0])], outputs=[info("y", ["N", 4])])
good["unused"] = model([relu()], [weights("w", 2), helper.make_tensor("i", INT64, [1], [1])],
                       outputs=[info("y", ["N", 4])])
good["names"] = model(
    [helper.make_node("Relu", ["Eingänge/0:x"], ["出力"], name="ノード")],
    inputs=[info("Eingänge/0:x", ["Größe", 4])], outputs=[info("出力", ["Größe", 4])],
    name="Netz", doc_string="text\nwith lines")
good["scalar_and_empty"] = model(
    [helper.make_node("Mul", ["x", "two"], ["m"]), helper.make_node("Concat", ["m", "none"], ["y"],
                                                                    axis=1)],
    [helper.make_tensor("two", FLOAT, [], [2.0]), helper.make_tensor("none", FLOAT, [1, 0], [])],
    inputs=[info("x", [1, 4])], outputs=[info("y", [1, 4])])
helper.set_model_props(good["mlp_17"], {"kerf.prep": "scale=1/255", "author": "golden"})
good["node_names_twice"] = model(
    [relu("x", "a"), relu("a", "b"), helper.make_node("Relu", ["b"], ["r"]), relu("r", "y")],
    outputs=[info("y", ["N", 4])])
good["value_info"] = model(
    [helper.make_node("Relu", ["x"], ["a"]), helper.make_node("Relu", ["a"], ["b"]),
     helper.make_node("Relu", ["b"], ["y"])], outputs=[info("y", ["N", 4])],
    value_info=[info("a", ["N", 4]), info("b", [None, 4]), info("nowhere", [1])])
good["paddle"] = model(  # weights are Constant nodes, dimensions without a name "?" or -1
    [helper.make_node("Constant", [], ["fc.w"], value=weights("w", 4, 3)),
     helper.make_node("Constant", [], ["fc.b"], value=weights("b", 3)),
     helper.make_node("Constant", [], ["half"], value=weights("c", 3)),
     helper.make_node("MatMul", ["x", "fc.w"], ["m"], name="m"),
     helper.make_node("Gemm", ["m", "square", "fc.b"], ["g"], name="g"),
     helper.make_node("Mul", ["g", "half"], ["y"], name="s")],
    [weights("square", 3, 3)], [info("x", ["?", 4])], [info("y", ["?", 3])])
good["paddle"].graph.output[0].type.tensor_type.shape.dim[0].dim_value = -1
good["relu_test"] = model([relu()], inputs=[info("x", [2])], outputs=[info("y", [2])])


# ---- good: integers, which the fuzzer of export begins with -------------------------------------

def pair(x):
    """x rounded, as x_dq."""
    return [helper.make_node("QuantizeLinear", [x, "step", "zero"], [f"{x}_q"]),
            helper.make_node("DequantizeLinear", [f"{x}_q", "step", "zero"], [f"{x}_dq"])]


def integers(name, type_number, *shape):
    return helper.make_tensor(name, type_number, shape, (numpy.arange(numpy.prod(shape)) % 13 - 6).astype(int).tolist())


def steps(name, *shape):
    return helper.make_tensor(name, FLOAT, shape, [0.125] * int(numpy.prod(shape)))


good["export_pairs"] = model(
    [*pair("x"), helper.make_node("DequantizeLinear", ["w_q", "w_step", "w_zero"], ["w"], axis=0),
     helper.make_node("DequantizeLinear", ["b_q", "b_step"], ["b"], axis=0),
     helper.make_node("Conv", ["x_dq", "w", "b"], ["c"], name="c"), helper.make_node("Relu", ["c"], ["r"]), *pair("r"),
     helper.make_node("MaxPool", ["r_dq"], ["m"], name="m", kernel_shape=[2, 2]),
     helper.make_node("Concat", ["m", "m"], ["j"], name="j", axis=1), helper.make_node("Flatten", ["j"], ["f"], name="f"),
     helper.make_node("DequantizeLinear", ["v_q", "step"], ["v"]),
     helper.make_node("Gemm", ["f", "v"], ["y"], name="y", transB=1)],
    [steps("step"), helper.make_tensor("zero", TensorProto.UINT8, [], [3]), integers("w_q", TensorProto.INT8, 2, 1, 3, 3),
     steps("w_step", 2), helper.make_tensor("w_zero", TensorProto.INT8, [2], [0, 0]),
     integers("b_q", TensorProto.INT32, 2), steps("b_step", 2),
     helper.make_tensor("v_q", TensorProto.UINT8, [3, 4], list(range(12)))],
    inputs=[info("x", ["N", 1, 4, 4])])
good["export_blocks"] = model(
    [helper.make_node("DequantizeLinear", ["w_q", "w_step", "w_zero"], ["w"], axis=0, block_size=16),
     helper.make_node("Gemm", ["x", "w", "b"], ["g"], name="g"), helper.make_node("Relu", ["g"], ["r"]),
     helper.make_node("DequantizeLinear", ["v_q", "v_step"], ["v"], axis=1),
     helper.make_node("MatMul", ["r", "v"], ["y"], name="y")],
    [integers("w_q", TensorProto.INT4, 20, 2), steps("w_step", 2, 2), helper.make_tensor("w_zero", TensorProto.INT4, [2, 2], [0] * 4),
     steps("b", 2), helper.make_tensor("v_q", TensorProto.UINT8, [2, 3], list(range(6))), steps("v_step", 3)],
    inputs=[info("x", ["N", 20])], opset=21, ir=10)


# ---- bad: bytes and versions ----------------------------------------------------------------

def fault(name, message, m=None, **edit):
    """The plain model, or m, with fields of the model set or (None) cleared."""
    m = plain() if m is None else m
    for key, setting in edit.items():
        m.ClearField(key) if setting is None else setattr(m, key, setting)
    bad[name] = (m, message)
    return m


bad["empty"] = (b"", "the file is empty, must be an ONNX model")
bad["text"] = (b"This is a text.\n", "not an ONNX model, or a damaged one: at byte 1 of 16 a field "
               "has an unknown encoding")
bad["cut"] = (plain().SerializeToString()[:-30], "not an ONNX model, or a damaged one: at byte 16 "
              "of 162 a field runs past the end of the data")
bad["group"] = (b"\x0b\x0c", "not an ONNX model, or a damaged one: at byte 1 of 2 a field has an "
                "unknown encoding")
bad["long_number"] = (b"\x08" + b"\xff" * 11, "not an ONNX model, or a damaged one: at byte 11 of "
                      "12 a number has more than ten bytes")
bad["half_number"] = (b"\x08\xff", "not an ONNX model, or a damaged one: at byte 2 of 2 the data "
                      "ends inside a number")
bad["wrong_wire_type"] = (b"\x38\x01", "not an ONNX model, or a damaged one: a field has the wrong "
                          "type")


def field(number, content):
    length = len(content)
    size = bytes([length]) if length < 128 else bytes([length & 127 | 128, length >> 7])
    return bytes([number << 3 | 2]) + size + content


deep = b""
for _ in range(70):  # optional types of optional types
    deep = field(9, field(1, deep))
bad["deep"] = (field(7, field(11, field(2, deep))), "not an ONNX model, or a damaged one: at byte "
               "195 of 365 messages are nested deeper than 64 levels")

fault("no_ir", "not an ONNX model: it has no IR version", ir_version=None)
fault("ir_2", "IR version is 2, must be 3 to 14", ir_version=2)
fault("ir_15", "IR version is 15, must be 3 to 14", ir_version=15)
fault("no_opset", "imports no opset of ONNX, must be 1 to 25", opset_import=None)
for number in (-1, 26):
    m = fault(f"opset_{number}", f"opset is {number}, must be 1 to 25 (onnx.version_converter "
              "brings a model there)")
    m.opset_import[0].version = number
fault("operator_old", "node 'r' (Relu): is taken from opset 6 on, the model has 5",
      model([relu()], outputs=[info("y", ["N", 4])], opset=5))
fault("operator_gone", "node 'u' (Upsample): opset 17 has no such operator, the last was 9",
      model([helper.make_node("Upsample", ["x"], ["y"], name="u")]))
fault("operator_new", "node 'g' (Gelu): is taken from opset 20 on, the model has 17",
      model([helper.make_node("Gelu", ["x"], ["y"], name="g")]))
fault("attribute_old", "node 's' (Squeeze): has an attribute 'axes', which Squeeze does not know in "
      "this opset", model([helper.make_node("Squeeze", ["x"], ["y"], name="s", axes=[0])]))
fault("two_opsets", "imports opset 17 and 16, must be one").opset_import.append(
    helper.make_opsetid("ai.onnx", 16))
fault("no_graph", "not an ONNX model: it has no graph", graph=None)
fault("function", "function 'F': functions of the model's own are not supported; onnx.inliner puts "
      "their nodes in their place").functions.add(name="F", domain="local")

# ---- bad: names and links ---------------------------------------------------------------------

two = model([relu("x", "y"), relu("x", "y")], outputs=[info("y", ["N", 4])])
fault("output_made_twice", "node 'r' (Relu): 'y' is defined twice, names must be unique", two)
fault("initializer_twice", "initializer 'w': 'w' is defined twice, names must be unique"
      ).graph.initializer.append(weights("w", 3, 4))
fault("input_twice", "input 'x': 'x' is defined twice, names must be unique").graph.input.append(
    info("x", ["N", 4]))
fault("initializer_as_result", "node 'fc' (Gemm): 'b' is defined twice, names must be unique"
      ).graph.node[0].output[0] = "b"
fault("initializer_without_name", "initializer '': has no name").graph.initializer[0].name = ""
fault("input_without_name", "input '': has no name").graph.input[0].name = ""
fault("missing_initializer", "node 'fc' (Gemm): reads 'w', which no input, initializer or node "
      "makes").graph.initializer.pop(0)
fault("missing_output", "output 'z': no input, initializer or node makes it"
      ).graph.output[0].name = "z"
fault("output_twice", "output 'y': is listed twice").graph.output.append(info("y", ["N", 3]))
fault("no_outputs", "the graph has no outputs, must have at least one").graph.ClearField("output")
fault("cycle", "graph: Add 'first' lies on a cycle, it needs its own result", model(
    [helper.make_node("Add", ["x", "b"], ["a"], name="first"),
     helper.make_node("Relu", ["a"], ["b"], name="second")], outputs=[info("b", ["N", 4])]))
fault("own_result", "graph: Add 'r' lies on a cycle, it needs its own result", model(
    [helper.make_node("Add", ["x", "y"], ["y"], name="r")], outputs=[info("y", ["N", 4])]))
fault("line_break", "node 'r?[31m' (Relu): reads 'no?thing', which no input, initializer or node "
      "makes", model([helper.make_node("Relu", ["no\nthing"], ["y"], name="r\x1b[31m")]))

# ---- bad: nodes ---------------------------------------------------------------------------------

fault("node_without_output", "node 'fc' (Gemm): has no output").graph.node[0].ClearField(
    "output")
fault("node_without_op", "node 'fc' (): '' is no operator's name").graph.node[0].op_type = ""
fault("op_with_dot", "node 'fc' (kerf.Mask): 'kerf.Mask' is no operator's name"
      ).graph.node[0].op_type = "kerf.Mask"
fault("domain_kerf", "node 'fc' (Gemm): domain 'kerf' never stands in an ONNX file"
      ).graph.node[0].domain = "kerf"
fault("domain_unknown", "node 'fc' (Gemm): its domain 'else' is not among the imported ones"
      ).graph.node[0].domain = "else"

branch = helper.make_graph([helper.make_node("Identity", ["x"], ["i"])], "b", [], [info("i", ["N", 4])])
fault("subgraph", "node 'if1' (If): has a subgraph ('else_branch'), control flow is not supported",
      model([helper.make_node("If", ["c"], ["y"], name="if1", then_branch=branch,
                              else_branch=branch)],
            [helper.make_tensor("c", TensorProto.BOOL, [], [True])], outputs=[info("y", ["N", 4])]))
fault("attribute_kind", "node 'fc' (Gemm): attribute 'transB' is a float, must be an int",
      model([gemm(transB=1.0)], [weights("w", 3, 4), weights("b", 3)]))
fault("attribute_unknown", "node 'fc' (Gemm): has an attribute 'transC', which Gemm does not know",
      model([gemm(transC=1)], [weights("w", 3, 4), weights("b", 3)]))
m = fault("attribute_twice", "node 'fc' (Gemm): has two attributes 'transB'")
m.graph.node[0].attribute.append(m.graph.node[0].attribute[0])
fault("attribute_without_name", "node 'fc' (Gemm): has an attribute without a name"
      ).graph.node[0].attribute[0].name = ""
fault("attribute_without_type", "node 'fc' (Gemm): attribute 'transB' has no value of its own"
      ).graph.node[0].attribute[0].ClearField("type")
fault("attribute_reference", "node 'fc' (Gemm): attribute 'transB' has no value of its own"
      ).graph.node[0].attribute[0].ref_attr_name = "t"
fault("attribute_texts", "node 'rnn' (RNN): attribute 'activations' is a list of texts, which is "
      "not supported",
      model([helper.make_node("RNN", ["x", "x", "x"], ["y"], name="rnn", activations=["Tanh"])]))
fault("attribute_zero_byte", "node 'p' (Pad): attribute 'mode' is text with a zero byte",
      model([helper.make_node("Pad", ["x", "x"], ["y"], name="p", mode="a\0b")]))
fault("attribute_no_tensor", "node 'c' (ConstantOfShape): attribute 'value' has no tensor",
      model([helper.make_node("ConstantOfShape", ["x"], ["y"], name="c",
                              value=helper.make_tensor("", FLOAT, [1], [1.0]))])
      ).graph.node[0].attribute[0].ClearField("t")
fault("attribute_tensor", "node 'c' (ConstantOfShape): attribute 'value': has type float64, which is "
      "not supported; float32 is",
      model([helper.make_node("ConstantOfShape", ["x"], ["y"], name="c",
                              value=helper.make_tensor("", TensorProto.DOUBLE, [1], [1.0]))]))
fault("constant_text", "node 'c' (Constant): 'value_string' is not supported, must be a tensor",
      model([helper.make_node("Constant", [], ["y"], name="c", value_string="s")]))
fault("constant_nan", "node 'c' (Constant): element 0 is not a number (NaN)",
      model([helper.make_node("Constant", [], ["y"], name="c", value_float=numpy.nan)]))
fault("constant_twice", "node 'c' (Constant): must have one value and one output",
      model([helper.make_node("Constant", [], ["y"], name="c", value_int=1, value_float=1.0)]))
fault("batch_norm_saved", "node 'bn' (BatchNormalization) of opset 13: the saved mean and variance "
      "are not supported",
      model([helper.make_node("BatchNormalization", list("xxxxx"), ["a", "b", "c", "d", "y"],
                              name="bn")], opset=13))
fault("batch_norm_spatial", "node 'bn' (BatchNormalization) of opset 7: spatial=0 is not supported, "
      "must be 1",
      model([helper.make_node("BatchNormalization", list("xxxxx"), ["y"], name="bn", spatial=0)],
            opset=7))
fault("broadcast_axis", "node 'a' (Add) of opset 6: axis leaves no room for the second input",
      model([helper.make_node("Add", ["x", "b"], ["y"], name="a", axis=2, broadcast=1)],
            [weights("b", 3)], opset=6))
fault("broadcast_unknown", "node 'a' (Add) of opset 6: the shapes that axis refers to are not known",
      model([relu("x", "r"), helper.make_node("Add", ["r", "b"], ["y"], name="a", axis=1)],
            [weights("b", 3)], opset=6))
fault("resize_axes", "node 'z' (Resize) of opset 18: axes is not supported, must scale all dimensions",
      model([helper.make_node("Resize", ["x", "", "s"], ["y"], name="z", axes=[0])],
            [weights("s", 1)], opset=18))

# ---- bad: tensors ---------------------------------------------------------------------------------

W = "initializer 'w': "


def tensor_fault(name, message, **edit):
    w = fault(name, W + message).graph.initializer[0]
    for key, setting in edit.items():
        if isinstance(setting, list):
            w.ClearField(key)
            getattr(w, key).extend(setting)
        else:
            setattr(w, key, setting)
    return w


tensor_fault("negative_dimension", "dimension 1 is -4, must be 0 or more", dims=[3, -4])
tensor_fault("nine_dimensions", "has 9 dimensions, at most 8 are supported", dims=[1] * 9)
tensor_fault("huge_dimensions", "shape (1099511627776, 1099511627776) is too large to be true",
             dims=[2**40, 2**40])
tensor_fault("large_dimensions", "has 48 bytes of data, must be 4398046511104 for shape "
             "(1099511627776) of float32", dims=[2**40])
tensor_fault("short_data", "has 47 bytes of data, must be 48 for shape (3, 4) of float32",
             raw_data=bytes(47))
tensor_fault("no_data", "has 0 numbers, must be 12 for shape (3, 4) of float32"
             ).ClearField("raw_data")
tensor_fault("two_fields", "has its data in 2 fields, must be one", float_data=[1.0])
tensor_fault("segment", "is stored in segments, which is not supported").segment.begin = 0
tensor_fault("type_0", "has type number 0, which ONNX does not know", data_type=0)
tensor_fault("type_99", "has type number 99, which ONNX does not know", data_type=99)
for number, text in ((11, "float64"), (12, "uint32"), (8, "string"), (16, "bfloat16")):
    tensor_fault(f"type_{text}", f"has type {text}, which is not supported; float32 is",
                 data_type=number)
tensor_fault("nan", "element 5 is not a number (NaN)",
             raw_data=numpy.array([0] * 5 + [numpy.nan] + [0] * 6, numpy.float32).tobytes())
tensor_fault("nan_float16", "element 11 is not a number (NaN)", data_type=TensorProto.FLOAT16,
             raw_data=numpy.array([0] * 11 + [numpy.nan], numpy.float16).tobytes())
tensor_fault("bool_2", "element 1 is not a bool, must be 0 or 1", data_type=TensorProto.BOOL,
             raw_data=b"\1\2" + bytes(10))


def narrow_fault(name, type_number, numbers, message):
    w = tensor_fault(name, message, data_type=type_number, int32_data=numbers)
    w.ClearField("raw_data")


narrow_fault("uint8_256", TensorProto.UINT8, [0] * 11 + [256], "number 11 is 256, not a uint8")
narrow_fault("int8_low", TensorProto.INT8, [-129] + [0] * 11, "number 0 is -129, not a int8")
narrow_fault("int32_count", TensorProto.INT32, [0] * 11,
             "has 11 numbers, must be 12 for shape (3, 4) of int32")


def codebook_fault(name, type_name, numbers, message, first=None):
    """A layer whose weights are entries of a codebook of 5."""
    indices = [helper.make_node("Cast", ["n"], ["i"], to=TensorProto.INT32)]
    initializers = [helper.make_tensor("n", getattr(TensorProto, type_name), [3, 4], numbers), weights("c", 5)]
    if first is not None:
        indices.append(helper.make_node("Add", ["i", "first"], ["at"]))
        initializers.append(helper.make_tensor("first", TensorProto.INT32, [3, 1], first))
    nodes = indices + [helper.make_node("Gather", ["c", indices[-1].output[0]], ["w"]),
                       helper.make_node("Gemm", ["x", "w"], ["y"], transB=1)]
    fault(name, message, model(nodes, initializers, opset=21, ir=10))


codebook_fault("codebook_uint4", "UINT4", [4] * 7 + [5] + [0] * 4, "'n': number 7 takes entry 5 of 'c', must be below 5")
codebook_fault("codebook_uint8", "UINT8", [200] + [0] * 11, "'n': number 0 takes entry 200 of 'c', must be below 5")
codebook_fault("codebook_first", "UINT4", [0, 1, 2, 2] * 3, "'n': number 10 takes entry 5 of 'c', must be below 5", [0, 2, 3])

fault("sparse", "initializer 'sw': is stored sparse, which is not supported; must be dense"
      ).graph.sparse_initializer.append(helper.make_sparse_tensor(
          helper.make_tensor("sw", FLOAT, [1], [1.0]), helper.make_tensor("si", INT64, [1], [2]),
          [3, 4]))

# ---- bad: external data ------------------------------------------------------------------------------

OUTSIDE = W + "external data '%s' must lie in the model's folder"
for name, location in (("absolute", "/etc/passwd"), ("up", "../good/external.bin"),
                       ("up_inside", "a/../../good/external.bin"), ("up_windows", "..\\external.bin")):
    fault(f"external_{name}", OUTSIDE % location, external(location)[0])
fault("external_missing", W + "external data 'FOLDER/nothing.bin' cannot be read: No such file or "
      "directory", external("nothing.bin")[0])
fault("external_short", W + "external data 'messages.txt' has SIZE bytes, must have 48 from byte "
      "999999 on", external("messages.txt", 999999)[0])
fault("external_rest", W + "external data 'short.bin' has 50 bytes, must have 48 from byte 8 on",
      external("short.bin")[0])
fault("external_length", W + "external data has 47 bytes, must be 48 like its shape",
      external("messages.txt", 0, 47)[0])
fault("external_offset", W + "external data: offset is '-1', must be a number",
      external("messages.txt", -1)[0])
fault("external_huge_offset", W + "external data: offset is '99999999999999999999', must be a number",
      external("messages.txt", "99999999999999999999")[0])
fault("external_nowhere", W + "external data has no location", external(None)[0])

# ---- bad: inputs ---------------------------------------------------------------------------------------

fault("input_without_type", "input 'x': has no type").graph.input[0].ClearField("type")
fault("input_sequence", "input 'x': is a sequence, map or sparse value, must be a tensor"
      ).graph.input[0].type.CopyFrom(helper.make_sequence_type_proto(
          helper.make_tensor_type_proto(FLOAT, [1])))
fault("input_double", "input 'x': has type float64, which is not supported; float32 is"
      ).graph.input[0].type.tensor_type.elem_type = TensorProto.DOUBLE
fault("input_without_shape", "input 'x': has no shape; the number of dimensions must be known"
      ).graph.input[0].type.tensor_type.ClearField("shape")
fault("input_negative", "input 'x': has a dimension of -2, must be 0 or more, or a name"
      ).graph.input[0].type.tensor_type.shape.dim[0].dim_value = -2
fault("input_nine", "input 'x': has 9 dimensions, at most 8 are supported").graph.input[0].CopyFrom(
    info("x", [1] * 9))
fault("output_without_type", "output 'y': has no type").graph.output[0].ClearField("type")


# ---- writing ------------------------------------------------------------------------------------------

def files():
    """{path: bytes}"""
    found = {"good/external.bin": external_bin, "bad/short.bin": bytes(50)}
    for name, m in good.items():
        found[f"good/{name}.onnx"] = m.SerializeToString(deterministic=True)
    for name, (m, _) in bad.items():
        found[f"bad/{name}.onnx"] = m if isinstance(m, bytes) else m.SerializeToString(
            deterministic=True)
    lines = [f"{name}.onnx: {message}\n" for name, (_, message) in sorted(bad.items())]
    text = "FILE: MESSAGE\n" + "".join(lines)
    found["bad/messages.txt"] = text.replace("SIZE", str(len(text) + len(str(len(text))) - 4)).encode()
    return found


if __name__ == "__main__":
    root = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
    for path, content in files().items():
        os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
        with open(os.path.join(root, path), "wb") as f:
            f.write(content)
