"""ONNX Runtime and the CPU below it, as judges want them: results are those of exact integer sums.

x86 CPUs without VNNI multiply bytes by an instruction that adds two products in 16 bits and saturates there, which takes
results of int8 networks up to 0.4 of the largest output apart.  ONNX Runtime is told not to, which it can for uint8
activations alone; OpenVINO cannot be.
"""
import platform
import re

import onnx
import onnxruntime

EXACT = ("session.x64quantprecision", "1")


def has_exact_bytes():
    """Whether this CPU adds products of bytes in 32 bits."""
    if platform.machine() != "x86_64":
        return True
    with open("/proc/cpuinfo") as f:
        return re.search(r"\bavx(512)?_vnni\b", f.read()) is not None


def open_session(path, entries=(), **options):
    """A file, or its bytes; entries are configurations beside EXACT, options attributes of SessionOptions."""
    chosen = onnxruntime.SessionOptions()
    chosen.log_severity_level = 3
    for entry in (EXACT, *entries):
        chosen.add_session_config_entry(*entry)
    for key, value in options.items():
        setattr(chosen, key, value)
    return onnxruntime.InferenceSession(path, chosen, providers=["CPUExecutionProvider"])


def open_plain(path):
    """Nodes as they stand in the file: pairs of QuantizeLinear and DequantizeLinear, and products of floats."""
    return open_session(path, graph_optimization_level=onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL)


def rounds_to_int8(path):
    """Whether activations become int8."""
    graph = onnx.load(path).graph
    types = {t.name: t.data_type for t in graph.initializer}
    types |= {n.output[0]: n.attribute[0].t.data_type for n in graph.node if n.op_type == "Constant"}
    return any(types.get(n.input[2]) == onnx.TensorProto.INT8 for n in graph.node
               if n.op_type == "QuantizeLinear" and len(n.input) > 2)


def open_exact(path):
    """A file of pairs, optimized where that computes the same."""
    return open_session(path) if has_exact_bytes() or not rounds_to_int8(path) else open_plain(path)
