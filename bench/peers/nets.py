"""Whole networks beside ONNX Runtime or OpenVINO (inference) and PyTorch (a training step), in turns.

    build/venv-peers/bin/python bench/peers/nets.py infer resnet-18 mobilenet-v2
    build/venv-peers/bin/python bench/peers/nets.py infer --peer openvino resnet-18
    build/venv-peers/bin/python bench/peers/nets.py int8 resnet-18 resnet-50 mobilenet-v2
    build/venv-peers/bin/python bench/peers/nets.py int8 --peer float resnet-18
    build/venv-peers/bin/python bench/peers/nets.py train resnet-18-cifar:32 lenet-5:64

`kerf new` makes each network, and for `int8` `kerf quantize --mode static` its second file; ONNX Runtime and
OpenVINO run that very file, PyTorch the same layers, and `--peer float` is Kerf on the file before quantization.
A round is one `kerf bench` and one measurement of the peer; the ratio is the median of all rounds, with
the interval that holds it 19 times in 20. Prints one JSON object a network.
"""
import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time

import numpy
import onnxruntime
import torch
from torch import nn

KERF = os.environ.get("KERF", "build/release/kerf")
THREADS = 2
SPIN_SECONDS = 0.1  # a peer's threads that look for more work have given up by then


# ---- the networks, as lib/nets has them ----------------------------------------------------------


class Block(nn.Module):
    """A residual block; `expand` 4 makes it a bottleneck."""

    def __init__(self, channels, size, stride, expand):
        super().__init__()
        kernels = [(1, 1), (3, stride), (1, 1)] if expand == 4 else [(3, stride), (3, 1)]
        sizes = [size] * (len(kernels) - 1) + [size * expand]
        layers, at = [], channels
        for (kernel, step), to in zip(kernels, sizes):
            layers += [nn.Conv2d(at, to, kernel, step, kernel // 2, bias=False), nn.BatchNorm2d(to), nn.ReLU()]
            at = to
        self.body = nn.Sequential(*layers[:-1])
        self.shortcut = nn.Identity()
        if stride != 1 or channels != at:
            self.shortcut = nn.Sequential(nn.Conv2d(channels, at, 1, stride, bias=False), nn.BatchNorm2d(at))

    def forward(self, x):
        return torch.relu(self.body(x) + self.shortcut(x))


def resnet(num_blocks, expand, small):
    first = nn.Conv2d(3, 64, 3, 1, 1, bias=False) if small else nn.Conv2d(3, 64, 7, 2, 3, bias=False)
    layers = [first, nn.BatchNorm2d(64), nn.ReLU()] + ([] if small else [nn.MaxPool2d(3, 2, 1)])
    channels = 64
    for stage, num in enumerate(num_blocks):
        for block in range(num):
            layers.append(Block(channels, 64 << stage, 2 if block == 0 and stage > 0 else 1, expand))
            channels = (64 << stage) * expand
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10 if small else 1000))


def lenet_5():
    return nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10),
    )  # fmt: skip


NETWORKS = {
    "lenet-5": (lenet_5, (1, 28, 28)),
    "resnet-18": (lambda: resnet((2, 2, 2, 2), 1, False), (3, 224, 224)),
    "resnet-50": (lambda: resnet((3, 4, 6, 3), 4, False), (3, 224, 224)),
    "resnet-18-cifar": (lambda: resnet((2, 2, 2, 2), 1, True), (3, 32, 32)),
}


# ---- the two sides -------------------------------------------------------------------------------


def time_calls(call, seconds):
    """Milliseconds of one call, median. A fifth of the time warms up, as threads that slept have to."""
    start = time.perf_counter()
    while time.perf_counter() - start < seconds / 5:
        call()
    samples, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(samples) < 3:
        start = time.perf_counter()
        call()
        samples.append((time.perf_counter() - start) * 1e3)
    time.sleep(SPIN_SECONDS)
    return statistics.median(samples)


def onnx_runtime(path, images):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {session.get_inputs()[0].name: images})


def open_vino(path, images):
    import openvino

    core = openvino.Core()
    model = core.read_model(path)
    model.reshape({model.inputs[0]: images.shape})
    options = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": THREADS,
    }
    request = core.compile_model(model, "CPU", options).create_infer_request()
    return lambda: request.infer([images])


PEERS = {"onnxruntime": onnx_runtime, "openvino": open_vino}


def image_shape(path):
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).get_inputs()[0].shape[1:]


def peer_inference(path, batch, peer):
    images = numpy.random.default_rng(0).standard_normal([batch, *image_shape(path)], dtype=numpy.float32)
    call = PEERS[peer](path, images)
    return lambda seconds: time_calls(call, seconds)


def peer_training(name, batch):
    make, image = NETWORKS[name]
    torch.manual_seed(0)
    model = make().train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4, nesterov=True)
    loss = nn.CrossEntropyLoss()
    images, labels = torch.randn(batch, *image), torch.randint(0, 10, (batch,))

    def step():
        optimizer.zero_grad()
        loss(model(images), labels).backward()
        optimizer.step()

    return lambda seconds: time_calls(step, seconds)


def kerf(*words):
    return subprocess.run([KERF, *words, "--quiet"], check=True, capture_output=True, text=True).stdout


def kerf_ms(path, mode, batch, seconds):
    words = ["--train", "--batch", str(batch)] if mode == "train" else []
    result = json.loads(kerf("bench", path, "--json", "--duration", str(seconds), *words))
    return result["train" if mode == "train" else "infer"]["ms_median"]


def make_files(folder, name, mode):
    """The network as floats, and the file that is timed."""
    plain, bytes_ = os.path.join(folder, "float.onnx"), os.path.join(folder, "int8.onnx")
    kerf("new", name, "-o", plain)
    if mode != "int8":
        return plain, plain
    pictures = "random:" + ",".join(map(str, image_shape(plain))) + ",1000"
    kerf("quantize", plain, "-o", bytes_, "--mode", "static", "--data", pictures, "--calibrate", "8")
    return plain, bytes_


def peer_side(name, mode, batch, peer, plain, path):
    if mode == "train":
        return peer_training(name, batch)
    if peer == "float":
        return lambda seconds: kerf_ms(plain, "infer", batch, seconds)
    return peer_inference(path, batch, peer)


def compare(name, mode, batch, given):
    peer = "pytorch" if mode == "train" else given.peer
    with tempfile.TemporaryDirectory() as folder:
        plain, path = make_files(folder, name, mode)
        theirs = peer_side(name, mode, batch, peer, plain, path)
        kerf_ms(path, mode, batch, 0.1)  # compiles and keeps its kernels
        rounds = [(kerf_ms(path, mode, batch, given.seconds), theirs(given.seconds)) for _ in range(given.rounds)]
    ratios = sorted(ours / other for ours, other in rounds)
    spare = max(0, int(len(ratios) / 2 - len(ratios) ** 0.5))
    return {
        "network": name,
        "mode": mode,
        "peer": peer,
        "batch": batch,
        "kerf_ms": min(ours for ours, _ in rounds),
        "peer_ms": min(other for _, other in rounds),
        "ratio": statistics.median(ratios),
        "ratio_ci95": [ratios[spare], ratios[-1 - spare]],
        "rounds": len(rounds),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mode", choices=["infer", "int8", "train"])
    parser.add_argument("network", nargs="+", help="a name of `kerf new --list`, with :BATCH behind it (1)")
    parser.add_argument("--peer", choices=[*PEERS, "float"], default="onnxruntime", help="of inference")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=1, help="of each side in a round")
    given = parser.parse_args()
    torch.set_num_threads(THREADS)
    for word in given.network:
        name, _, batch = word.partition(":")
        print(json.dumps(compare(name, given.mode, int(batch or 1), given)), flush=True)


if __name__ == "__main__":
    main()
