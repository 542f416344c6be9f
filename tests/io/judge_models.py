"""Real models give ONNX Runtime's output through `kerf infer`, within 1e-4 of its largest number:

    build/venv/bin/python tests/io/judge_models.py SOURCE KERF

Those of the PyPI package rapidocr-onnxruntime (Paddle's text detection, recognition and angle,
with open batch, height and width) and both kinds of PyTorch's exports (tests/golden/pytorch).  A
model that needs what lib/io/unsupported.txt lists must be refused by that name."""

import glob
import os
import subprocess
import sys
import tempfile

import numpy
import onnx
import onnxruntime

SOURCE, KERF = sys.argv[1:3]
TOLERANCE = 1e-4
SHAPES = {"det": (1, 3, 96, 160), "rec": (2, 3, 48, 160), "cls": (3, 3, 48, 192)}
failures = 0


def check(condition, message):
    global failures
    if not condition:
        print("FAILED:", message)
        failures += 1


def models():
    for kind, batch in (("inference", 1), ("open_batch", 5)):
        yield os.path.join(SOURCE, "tests/golden/pytorch", f"{kind}.onnx"), (batch, 3, 8, 8)
    # Beside the Python that judges, in an environment of its own: only the files are wanted.
    folder = os.path.join(os.path.dirname(sys.prefix), "venv-models", "lib", "python3*",
                          "site-packages", "rapidocr_onnxruntime", "models")
    for kind, shape in SHAPES.items():
        found = glob.glob(os.path.join(folder, f"*_{kind}_infer.onnx"))
        check(len(found) == 1, f"no model '{kind}' in {folder}; ./bootstrap test installs it")
        yield from ((path, shape) for path in found)


def picture(shape):
    """Dark strokes on white, normalised as the models want it: of noise a detector makes nothing
    but numbers near 0, and a share of the largest of those says little."""
    y, x = numpy.mgrid[0:shape[2], 0:shape[3]]
    dark = (x // 3 % 2 == 0) & (y // 10 % 2 == 1) & (x > shape[3] // 8)
    image = (numpy.where(dark, 0.1, 0.95) - 0.485) / 0.229
    return numpy.broadcast_to(image, shape).astype(numpy.float32).copy()


def listed(path):
    """Operators of the model that are said not to run."""
    with open(os.path.join(SOURCE, "lib/io/unsupported.txt"), encoding="utf-8") as f:
        lines = set(f.read().splitlines())
    return sorted({n.op_type for n in onnx.load(path).graph.node} & lines)


def judge(folder, path, shape):
    name = os.path.basename(path)
    source, target = os.path.join(folder, "x.npy"), os.path.join(folder, "y.npy")
    x = picture(shape)
    numpy.save(source, x)
    done = subprocess.run([KERF, "infer", path, "--input", source, "-o", target, "-f"],
                          capture_output=True, text=True)
    missing = listed(path)
    if missing:
        print(f"{name}: not supported yet: {', '.join(missing)}")
        check(done.returncode == 1 and any(op in done.stderr for op in missing),
              f"{name}: must be refused for {missing}: {done.stderr.strip()}")
        return
    check(done.returncode == 0, f"{name}: {done.stderr.strip()}")
    if done.returncode != 0:
        return
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    want = session.run(None, {session.get_inputs()[0].name: x})[0]
    got = numpy.load(target)
    check(got.shape == want.shape, f"{name}: is {got.shape}, must be {want.shape}")
    error = abs(got - want).max() / abs(want).max() if got.shape == want.shape else numpy.inf
    print(f"{name} {shape}: off by {error:.2g} of the largest number")
    check(error <= TOLERANCE, f"{name}: off by {error:.2g}, must be within {TOLERANCE}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        for model, size in models():
            judge(place, model, size)
    print("FAILED" if failures else "passed")
    sys.exit(1 if failures else 0)
