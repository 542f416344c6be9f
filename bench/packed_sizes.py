"""What a packed file takes, beside general coders on the very same tensors.

    packed_sizes.py KERF M.onnx...       KERF: the command; zstd is found on the path, xz comes with Python

One line a tensor and one a model: bytes, each element's order-0 entropy (what a coder takes that knows how often each value
is there and nothing else), xz -9e, zstd --ultra -22, kerf pack.  General coders get each tensor alone; the last columns say how
large Kerf's is beside the smaller of theirs.
"""
import json
import lzma
import math
import subprocess
import sys
import tempfile

import numpy
import onnx
from onnx import numpy_helper


def entropy_bytes(tensor):
    """The table of values is not counted."""
    counts = numpy.unique(numpy_helper.to_array(tensor).reshape(-1), return_counts=True)[1]
    return sum(-n * math.log2(n / counts.sum()) for n in counts) / 8


def zstd_bytes(data):
    done = subprocess.run(["zstd", "--ultra", "-22", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True)
    return len(done.stdout)


def packed(kerf, path):
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([kerf, "pack", path, "--json", "-o", folder + "/m.kerf"], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def line(name, sizes):
    best = min(sizes[2], sizes[3])
    cells = "".join(f"{x:11,.0f}" for x in sizes)
    print(f"{name[:32]:32}{cells}  {sizes[4] / best if best else math.nan:.3f}", flush=True)


def measure(kerf, path):
    found = {t["name"]: t["packed"] for t in packed(kerf, path)["tensors"]}
    total = [0.0] * 5
    for tensor in onnx.load(path).graph.initializer:
        if tensor.name not in found:
            continue
        data = tensor.raw_data
        xz = lzma.compress(data, format=lzma.FORMAT_ALONE, preset=9 | lzma.PRESET_EXTREME)
        sizes = [len(data), entropy_bytes(tensor), len(xz), zstd_bytes(data), found[tensor.name]]
        line(tensor.name, sizes)
        total = [a + b for a, b in zip(total, sizes)]
    line(path.rsplit("/", 1)[-1], total)


print(f"{'':32}" + "".join(f"{x:>11}" for x in ("bytes", "entropy", "xz", "zstd", "kerf")) + "  kerf / best")
for model in sys.argv[2:]:
    measure(sys.argv[1], model)
