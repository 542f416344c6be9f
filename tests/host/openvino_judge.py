"""What OpenVINO makes of files that `kerf export --profile openvino` wrote, beside what was predicted:

    openvino_judge.py FILE REPORT.json [MOST]   node by node; results are ONNX Runtime's, up to MOST (0.02)
                                                of the largest output

The executed graph tells which nodes went into which, and in what they compute.  Results are those of floats where the CPU's
sums of bytes saturate (sessions.py).
"""
import json
import re
import sys

import numpy
import onnx
import openvino

import images
import sessions

BYTES = {"u8", "i8"}
STORED = BYTES | {"u4", "i4"}
HINTS = {"INFERENCE_PRECISION_HINT": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0"}  # floats stay floats
FLOATS = {"LP_TRANSFORMS_MODE": "OFF"}  # nothing is computed on integers
ADDED = r"(/WithoutBiases|/Dequantization\w+|_original)+$"  # to names, where a node was split
PRODUCTS = {"Convolution", "FullyConnected", "MatMul"}


def executed(compiled):
    """By the names that nodes had: what the node that holds them is, and what it reads and computes in."""
    found = {}
    for op in compiled.get_runtime_model().get_ordered_ops():
        info = {key: value.astype(str) for key, value in op.get_rt_info().items()}
        for name in info["originalLayersNames"].split(","):
            found[re.sub(ADDED, "", name)] = info
    return found


def computes_on_integers(info, is_stored):
    """A product of stored weights reads them as they are; one of rounded activations has a kernel of 8 bits."""
    if is_stored:
        return info["runtimePrecision"] in STORED
    is_product = info["layerType"] in PRODUCTS
    return info["runtimePrecision"] in BYTES and (not is_product or info["primitiveType"].lower().endswith("i8"))


def wrong(item, found, is_stored):
    """How a node is other than predicted; None."""
    info = found.get(item["name"])
    if info is None:
        return "nothing"
    is_ = f"{info['layerType']} of {info['runtimePrecision']} by {info['primitiveType']}"
    if computes_on_integers(info, is_stored) != item["fuses"]:
        return is_
    # A sum may be the product's that came before it.
    fits = not item["fuses"] or info["layerType"] == item["becomes"] or (
        item["becomes"] == "Eltwise" and info["layerType"] in PRODUCTS)
    return None if fits else is_


def check_nodes(path, report, compiled):
    nodes = [node for node in onnx.load(path).graph.node if node.input]
    rounded = {node.output[0] for node in nodes if node.op_type == "DequantizeLinear"}
    stored = {node.name for node in nodes if node.input[0] not in rounded}
    found = executed(compiled)
    for node in reversed(nodes):  # those without a name of their own went by their result's, or into the bias behind
        sums = [reader.name for reader in nodes if reader.op_type == "Add" and node.output[0] in reader.input]
        for name in (node.output[0], *sums):
            if node.name not in found and name in found:
                found[node.name] = found[name]
    items = json.load(open(report))["nodes"]
    lines = [f"{item['name']} ({item['op']}): predicted {item['becomes']}, is {is_}" for item in items
             if (is_ := wrong(item, found, item["name"] in stored)) is not None]
    assert items and not lines, "\n".join([path, *lines])


def check_results(path, compiled, most):
    session = sessions.open_plain(path)
    x = images.inputs_of(session)
    want, got = session.run(None, {session.get_inputs()[0].name: x})[0], compiled([x])[0]
    off = float(numpy.abs(got - want).max() / numpy.abs(want).max())
    assert want.std() > 0 and off <= most, f"{path}: off by {off:.3f} of the largest output"


def compiled_as(path, hints):
    return openvino.Core().compile_model(path, "CPU", hints)


def judge(path, report, most="0.02"):
    compiled = compiled_as(path, HINTS)
    check_nodes(path, report, compiled)
    if not sessions.has_exact_bytes():
        compiled = compiled_as(path, HINTS | FLOATS)
    check_results(path, compiled, float(most))


judge(*sys.argv[1:])
