"""The convolutions of a ResNet-18's training step, layer by layer, beside PyTorch's.

    build/venv-peers/bin/python bench/peers/conv_layers.py resnet-18:4 resnet-18-cifar:32 --limit 231

Kerf's times are those of `kerf bench M --train`, PyTorch's those of the single operations, in turns;
both the fastest of all rounds and, for Kerf, of all layers with the same shapes.  Prints one row of
shares of `--limit` GFLOPS a shape: forward, gradient by src, gradient by weights; Kerf, then PyTorch.
What is multiplied with padding counts, so a share may be above 1.
"""
import argparse
import collections
import json
import os
import subprocess
import tempfile
import time

import torch

KERF = os.environ.get("KERF", "build/release/kerf")
DIRECTIONS = ["Conv", "kerf.ConvGradInput", "kerf.ConvGradWeights"]

Layer = collections.namedtuple("Layer", "channels size filters kernel stride")


def layers_of(name):
    """Name of each convolution and its shapes, as lib/nets has them."""
    small = name.endswith("-cifar")
    layers = {"conv1": Layer(3, 32, 64, 3, 1) if small else Layer(3, 224, 64, 7, 2)}
    channels, size = 64, 32 if small else 56
    for stage in range(1, 5):
        filters, stride = 32 << stage, 1 if stage == 1 else 2
        inner = Layer(filters, size // stride, filters, 3, 1)
        layers[f"layer{stage}.0.conv1"] = Layer(channels, size, filters, 3, stride)
        if stage > 1:
            layers[f"layer{stage}.0.downsample.0"] = Layer(channels, size, filters, 1, 2)
        for word in ("0.conv2", "1.conv1", "1.conv2"):
            layers[f"layer{stage}.{word}"] = inner
        channels, size = filters, size // stride
    return layers


def fastest(call, seconds=0.25):
    call()
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - start)
    return best * 1e3


def peer_ms(layer, batch):
    pad, stride = layer.kernel // 2, layer.stride
    src = torch.randn(batch, layer.channels, layer.size, layer.size)
    weights = torch.randn(layer.filters, layer.channels, layer.kernel, layer.kernel)

    def forward():
        return torch.nn.functional.conv2d(src, weights, None, stride, pad)

    diff = torch.randn_like(forward())

    def backward(*wanted):
        return torch.ops.aten.convolution_backward(
            diff, src, weights, None, [stride] * 2, [pad] * 2, [1, 1], False, [0, 0], 1, wanted
        )

    return [
        fastest(forward),
        fastest(lambda: backward(True, False, False)),
        fastest(lambda: backward(False, True, False)),
    ]


def kerf_layers(path, batch):
    words = [KERF, "bench", path, "--train", "--batch", str(batch), "--duration", "3", "--json", "--quiet"]
    return json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)["layers"]


def compare(name, batch, given):
    layers, best = layers_of(name), {}

    def note(side, layer, direction, ms):
        key = side, layer, direction
        best[key] = min(ms, best.get(key, ms))

    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "model.onnx")
        subprocess.run([KERF, "new", name, "-o", path, "--quiet"], check=True, capture_output=True)
        for _ in range(given.rounds):
            for timed in kerf_layers(path, batch):
                layer = layers.get(timed["name"].partition(".grad.")[0])
                if timed["op"] in DIRECTIONS and layer is not None:
                    note("kerf", layer, timed["op"], timed["ms"])
            for layer in dict.fromkeys(layers.values()):
                for direction, ms in zip(DIRECTIONS, peer_ms(layer, batch)):
                    note("peer", layer, direction, ms)
    print(f"{name}, batch {batch}")
    for layer in dict.fromkeys(layers.values()):
        macs = batch * layer.filters * layer.channels * (layer.kernel * layer.size // layer.stride) ** 2
        shares = [
            "/".join(
                f"{2e-6 * macs / best[side, layer, d] / given.limit:.2f}" if (side, layer, d) in best else "-"
                for side in ("kerf", "peer")
            )
            for d in DIRECTIONS
        ]
        print(f"{layer.kernel}x{layer.kernel} by {layer.stride}, {layer.channels} to {layer.filters}, "
              f"{layer.size} x {layer.size}:", *shares, flush=True)  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network", nargs="+", help="resnet-18 or resnet-18-cifar, with :BATCH behind it")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=float, required=True, help="GFLOPS, as `kerf devices --measure` says")
    given = parser.parse_args()
    torch.set_num_threads(2)
    for word in given.network:
        name, _, batch = word.partition(":")
        compare(name, int(batch or 1), given)


if __name__ == "__main__":
    main()
