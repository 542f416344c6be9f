"""ONNX Runtime's quantizer, and its results beside Kerf's.

    ort_quantized.py make MODEL      pairs.onnx, operators.onnx, channels.onnx, dynamic.onnx; x.npy
    ort_quantized.py compare F.onnx  F.npy is what Kerf made of x.npy

Integers are the same everywhere but where ONNX Runtime lacks an instruction that sums four products in
32 bits (its sums of two then saturate), so a few steps of the output's scale are let pass.
"""
import sys

import numpy
import onnx
import onnxruntime
from onnxruntime.quantization import (CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic,
                                      quantize_static)

SHAPE = (1, 1, 28, 28)
MOST = 0.03  # of the largest output


class Noise(CalibrationDataReader):
    def __init__(self, name):
        numbers = numpy.random.default_rng(1)
        self.batches = iter([{name: numbers.standard_normal(SHAPE, numpy.float32)} for _ in range(4)])

    def get_next(self):
        return next(self.batches, None)


def make(model):
    name = onnx.load(model).graph.input[0].name
    for path, form, by_channel in (("pairs", QuantFormat.QDQ, True), ("operators", QuantFormat.QOperator, False),
                                   ("channels", QuantFormat.QOperator, True)):
        quantize_static(model, f"{path}.onnx", Noise(name), quant_format=form, per_channel=by_channel,
                        weight_type=QuantType.QInt8)
    quantize_dynamic(model, "dynamic.onnx", weight_type=QuantType.QInt8)
    numpy.save("x.npy", numpy.random.default_rng(2).standard_normal(SHAPE, numpy.float32))


def compare(path):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    want = session.run(None, {session.get_inputs()[0].name: numpy.load("x.npy")})[0]
    got = numpy.load(path.replace(".onnx", ".npy"))
    off = float(numpy.abs(got - want).max() / numpy.abs(want).max())
    assert want.std() > 0 and off <= MOST, f"{path}: off by {off:.3f} of the largest output"


{"make": make, "compare": compare}[sys.argv[1]](sys.argv[2])
