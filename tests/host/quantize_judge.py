"""Whether ONNX Runtime runs a quantized file as integers, and finds what Kerf finds:

    quantize_judge.py MODEL EVAL.json "OPERATOR ..." [int2] [float-sums]

EVAL.json is `kerf eval MODEL --data fashion-mnist --json`; the operators are all that must be left
when ONNX Runtime has optimized the file, besides those that turn floats into integers and layouts.
float-sums: MatMulNBits takes activations as they are (else it rounds them to 8 bits in each run)."""

import json
import os
import sys
import tempfile

import numpy
import onnx

import images
import sessions

EDGES = {"QuantizeLinear", "DequantizeLinear", "Transpose", "ReorderInput", "ReorderOutput", "MaxPool"}
MOST_POINTS = 0.05


path, eval_path, wanted = sys.argv[1:4]
onnx.checker.check_model(path, full_check=True)
with tempfile.TemporaryDirectory() as folder:
    optimized = os.path.join(folder, "optimized.onnx")
    entries = [("session.qdq_matmulnbits_accuracy_level", "1")] if "float-sums" in sys.argv[4:] else []
    session = sessions.open_session(path, entries, optimized_model_filepath=optimized)
    found = {node.op_type for node in onnx.load(optimized).graph.node}
left = found - EDGES | {op for op in wanted.split() if op in found}
assert left == set(wanted.split()), f"{path}: ONNX Runtime has {sorted(left)}, must have {wanted}"

if "int2" in sys.argv[4:]:  # its MatMulNBits of 2 bits is wrong in 1.32: it disagrees with its own DequantizeLinear
    session = sessions.open_plain(path)
elif not entries:
    session = sessions.open_exact(path)
evaluation = json.load(open(eval_path))
kerf, batch = evaluation["top1"], evaluation["batch"]  # a dynamic range is the batch's
x = images.prepared(session.get_modelmeta().custom_metadata_map)
name = session.get_inputs()[0].name
logits = numpy.concatenate([session.run(None, {name: x[i:i + batch]})[0] for i in range(0, len(x), batch)])
top1 = 100 * float((logits.argmax(1) == images.labels()).mean())
assert abs(top1 - kerf) <= MOST_POINTS + 1e-9, f"{path}: top-1 is {top1} in ONNX Runtime, {kerf} in Kerf"
