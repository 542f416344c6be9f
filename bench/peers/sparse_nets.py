"""Networks of which nine weights in ten are 0, beside DeepSparse, in turns.

    build/venv-deepsparse/bin/python bench/peers/sparse_nets.py resnet-18 resnet-50

`kerf new` and `kerf prune` make each file, with the first convolution left whole, and both sides run that very
file, a sample at a time, on two cores.  A round is one `kerf bench` and one measurement of DeepSparse; the ratio is the
median of all rounds, with the interval that holds it 19 times in 20.  Prints one JSON object a network.

DeepSparse has no version for Python 3.12 and wants an old numpy, so ./bootstrap peers gives it an environment of its
own, where there is a Python for it.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

KERF = os.environ.get("KERF", "build/release/kerf")
CORES = 2
SPIN_SECONDS = 0.1  # its threads that look for more work have given up by then

try:
    import deepsparse
    import numpy
except ImportError as missing:
    sys.exit(f"sparse_nets.py: {missing}; ./bootstrap peers installs DeepSparse where Python is 3.11 or older")


def kerf(*words):
    return subprocess.run([KERF, *words, "--quiet"], check=True, capture_output=True, text=True).stdout


def kerf_ms(path, seconds):
    return json.loads(kerf("bench", path, "--json", "--duration", str(seconds)))["infer"]["ms_median"]


def prepare_peer(path):
    engine = deepsparse.compile_model(path, batch_size=1, num_cores=CORES)
    generator = numpy.random.default_rng(0)
    images = [generator.standard_normal(shape, dtype=numpy.float32) for shape in engine.input_shapes]
    return lambda: engine.run(images, val_inp=False)


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


def compare(name, given):
    with tempfile.TemporaryDirectory() as folder:
        dense, path = os.path.join(folder, "dense.onnx"), os.path.join(folder, "pruned.onnx")
        kerf("new", name, "-o", dense)
        kerf("prune", dense, "--sparsity", str(given.sparsity), "--skip", "conv1", "-o", path)
        peer = prepare_peer(path)
        kerf_ms(path, 0.1)  # compiles and keeps its kernels
        rounds = [(kerf_ms(path, given.seconds), time_calls(peer, given.seconds)) for _ in range(given.rounds)]
    ratios = sorted(ours / other for ours, other in rounds)
    spare = max(0, int(len(ratios) / 2 - len(ratios) ** 0.5))
    return {
        "network": name,
        "sparsity": given.sparsity,
        "peer": f"deepsparse {deepsparse.__version__}",
        "kerf_ms": statistics.median(ours for ours, _ in rounds),
        "peer_ms": statistics.median(other for _, other in rounds),
        "ratio": statistics.median(ratios),
        "ratio_ci95": [ratios[spare], ratios[-1 - spare]],
        "rounds": len(rounds),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network", nargs="+", help="a name of `kerf new --list`")
    parser.add_argument("--sparsity", type=float, default=0.9)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=1, help="of each side in a round")
    given = parser.parse_args()
    for name in given.network:
        print(json.dumps(compare(name, given)), flush=True)


if __name__ == "__main__":
    main()
