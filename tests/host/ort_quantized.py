"""ONNX Runtime's quantizer, and its results beside Kerf's.

    ort_quantized.py make MODEL      static and dynamic files of it and of networks.py's; x.npy, files.txt
    ort_quantized.py compare         those of files.txt: F.npy is what Kerf made of x.npy by F.onnx

Integers are the same everywhere but where ONNX Runtime turns int8 weights into uint8, so a few steps of
the output's scale are let pass.
"""
import logging
import sys

import numpy
import onnx
from onnxruntime.quantization import (CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic,
                                      quantize_static)

import networks
import sessions

SHAPE = (1, 1, 28, 28)
MOST = 0.03  # of the largest output
S8, U8 = QuantType.QInt8, QuantType.QUInt8

STATIC = (  # suffix, form, a scale a channel, activations, weights
    ("pairs", QuantFormat.QDQ, False, U8, S8),
    ("pairs_channel", QuantFormat.QDQ, True, U8, S8),
    ("pairs_signed", QuantFormat.QDQ, True, S8, S8),
    ("pairs_unsigned", QuantFormat.QDQ, False, U8, U8),
    ("operators", QuantFormat.QOperator, False, U8, S8),
    ("operators_channel", QuantFormat.QOperator, True, U8, S8),
    ("operators_signed", QuantFormat.QOperator, True, S8, S8),
    ("operators_unsigned", QuantFormat.QOperator, False, U8, U8),
)
DYNAMIC = (("dynamic", False, S8), ("dynamic_channel", True, S8), ("dynamic_unsigned", False, U8))


class Noise(CalibrationDataReader):
    def __init__(self, name):
        numbers = numpy.random.default_rng(1)
        self.batches = iter([{name: numbers.standard_normal(SHAPE, numpy.float32)} for _ in range(4)])

    def get_next(self):
        return next(self.batches, None)


def quantize(model, base):
    """All ways; gives the files' names."""
    name = onnx.load(model).graph.input[0].name
    for suffix, form, by_channel, activations, weights in STATIC:
        quantize_static(model, f"{base}_{suffix}.onnx", Noise(name), quant_format=form, per_channel=by_channel,
                        activation_type=activations, weight_type=weights)
    for suffix, by_channel, weights in DYNAMIC:
        quantize_dynamic(model, f"{base}_{suffix}.onnx", per_channel=by_channel, weight_type=weights)
    return [f"{base}_{way[0]}.onnx" for way in STATIC + DYNAMIC]


def make(model):
    logging.disable(logging.WARNING)  # that files should be preprocessed
    networks.make_residual("residual.onnx")
    networks.make_products("products.onnx")
    files = quantize(model, "lenet") + quantize("residual.onnx", "residual") + quantize("products.onnx", "products")
    check_operators(files)
    with open("files.txt", "w") as f:
        f.write("\n".join(files) + "\n")
    numpy.save("x.npy", numpy.random.default_rng(2).standard_normal(SHAPE, numpy.float32))


def check_operators(files):
    """What is to be met here."""
    met = {node.op_type for path in files for node in onnx.load(path).graph.node}
    wanted = {"ConvInteger", "DynamicQuantizeLinear", "MatMulInteger", "QGemm", "QLinearAdd", "QLinearAveragePool",
              "QLinearConcat", "QLinearConv", "QLinearGlobalAveragePool", "QLinearLeakyRelu", "QLinearMatMul", "QLinearMul",
              "QLinearSigmoid", "QLinearSoftmax", "MaxPool", "Gemm", "MatMul"}
    assert wanted <= met, f"no file has {sorted(wanted - met)}"


def reference(path):
    """Of operators on int8 there may be no exact ones; pairs of the same ranges are."""
    return sessions.open_exact(path.replace("operators_signed", "pairs_signed"))


def off(path):
    session = reference(path)
    want = session.run(None, {session.get_inputs()[0].name: numpy.load("x.npy")})[0]
    got = numpy.load(path.replace(".onnx", ".npy"))
    return float(numpy.abs(got - want).max() / numpy.abs(want).max()) if want.std() > 0 else numpy.inf


def compare():
    files = open("files.txt").read().split()
    assert len(files) == 3 * len(STATIC + DYNAMIC)
    wrong = [f"{path}: off by {is_:.3f} of the largest output" for path in files if not (is_ := off(path)) <= MOST]
    assert not wrong, "\n".join(wrong)


{"make": make, "compare": compare}[sys.argv[1]](*sys.argv[2:])
