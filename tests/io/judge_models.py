"""Real models give ONNX Runtime's output through `kerf infer`, within 1e-4 of its largest number:

    build/venv/bin/python tests/io/judge_models.py SOURCE KERF

Those of the PyPI package rapidocr-onnxruntime (Paddle's text detection, recognition and angle,
with open batch, height and width) and both kinds of PyTorch's exports (tests/golden/pytorch): what
keeps its training form must give what the same model gives that was exported for inference, through
Kerf and, as Kerf writes it, through ONNX Runtime; pruned and retrained files too.  A
classifier of images, prepared as it wants, is right where ONNX Runtime is.  A model that needs
what lib/io/unsupported.txt lists must be refused by that name."""

import glob
import json
import os
import subprocess
import sys
import tempfile

import numpy
import onnx
import onnxruntime
from onnx import helper, numpy_helper

SOURCE, KERF = sys.argv[1:3]
TOLERANCE = 1e-4
SHAPES = {"det": (1, 3, 96, 160), "rec": (2, 3, 48, 160), "cls": (3, 3, 48, 192)}
NETWORKS = (("", 8), ("resnet_", 32), ("mobilenet_", 16))  # of tests/golden/pytorch
failures = 0


def check(condition, message):
    global failures
    if not condition:
        print("FAILED:", message)
        failures += 1


def pytorch(name):
    return os.path.join(SOURCE, "tests/golden/pytorch", f"{name}.onnx")


def models():
    yield pytorch("open_batch"), (5, 3, 8, 8)
    for name, side in NETWORKS:
        yield pytorch(name + "inference"), (1, 3, side, side)
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


def run_kerf(*arguments):
    return subprocess.run([KERF, *arguments], capture_output=True, text=True)


def run_ort(path, x):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x})[0]


def infer(folder, path, x):
    """What `kerf infer` gives, and the run itself."""
    source, target = os.path.join(folder, "x.npy"), os.path.join(folder, "y.npy")
    numpy.save(source, x)
    done = run_kerf("infer", path, "--input", source, "-o", target, "-f")
    return (numpy.load(target) if done.returncode == 0 else None), done


def check_close(name, got, want):
    same = got is not None and got.shape == want.shape
    error = abs(got - want).max() / abs(want).max() if same else numpy.inf
    print(f"{name} {want.shape}: off by {error:.2g} of the largest number")
    check(error <= TOLERANCE, f"{name}: off by {error:.2g}, must be within {TOLERANCE}")


def judge(folder, path, shape):
    name = os.path.basename(path)
    x = picture(shape)
    got, done = infer(folder, path, x)
    missing = listed(path)
    if missing:
        print(f"{name}: not supported yet: {', '.join(missing)}")
        check(done.returncode == 1 and any(op in done.stderr for op in missing),
              f"{name}: must be refused for {missing}: {done.stderr.strip()}")
        return
    check(done.returncode == 0, f"{name}: {done.stderr.strip()}")
    check_close(name, got, run_ort(path, x))


def judge_training(folder, name, side):
    """The form for training is the model that was exported for inference, sample by sample."""
    source, written = pytorch(name + "training"), os.path.join(folder, "written.onnx")
    x = numpy.random.default_rng(1).standard_normal((3, 3, side, side), numpy.float32)
    want = numpy.concatenate([run_ort(pytorch(name + "inference"), row[None]) for row in x])
    done = run_kerf("prune", source, "--sparsity", "0", "-o", written, "-f")
    check(done.returncode == 0, f"{name}training: {done.stderr.strip()}")
    check_close(f"{name}training", infer(folder, source, x)[0], want)
    check_close(f"{name}training, written", run_ort(written, x), want)


CLASSES = ("e", "d", "c", "b", "a")  # outputs by name: not the order of folders
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def make_classifier(path, side):
    """The class is the direction, of five, in which a picture's mean lies."""
    weights = numpy.random.default_rng(3).standard_normal((5, 3)).astype(numpy.float32)
    nodes = [helper.make_node("GlobalAveragePool", ["x"], ["mean"]),
             helper.make_node("Flatten", ["mean"], ["flat"]),
             helper.make_node("Gemm", ["flat", "w"], ["y"], transB=1)]
    graph = helper.make_graph(
        nodes, "colors", [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, (1, 3, side, side))],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, (1, 5))],
        [numpy_helper.from_array(weights, "w")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def write_pictures(folder, path, side):
    """Pictures in folders of the classes that ONNX Runtime finds for them, ImageNet's way."""
    random, found = numpy.random.default_rng(4), set()
    for i in range(60):
        low, high = numpy.sort(random.integers(0, 256, (2, 3)), axis=0)
        pixels = random.integers(low, high + 1, (side + 6, side + 10, 3)).astype(numpy.uint8)
        inner = pixels[3:3 + side, 5:5 + side]
        x = ((inner / 255 - MEAN) / STD).transpose(2, 0, 1)[None].astype(numpy.float32)
        name = CLASSES[int(run_ort(path, x).argmax())]
        os.makedirs(os.path.join(folder, name), exist_ok=True)
        with open(os.path.join(folder, name, f"{i}.ppm"), "wb") as f:
            f.write(f"P6\n{side + 10} {side + 6}\n255\n".encode() + pixels.tobytes())
        found.add(name)
    return len(found)


def judge_prepared(folder):
    """A foreign classifier with the right preparation is what ONNX Runtime makes of the same
    pixels; with another one it is not, and guessing finds the right one."""
    path, names = os.path.join(folder, "colors.onnx"), os.path.join(folder, "names.txt")
    data, side = os.path.join(folder, "pictures"), 32
    make_classifier(path, side)
    check(write_pictures(data, path, side) > 2, "pictures of few classes tell little")
    with open(names, "w", encoding="utf-8") as f:
        f.write("\n".join(CLASSES))
    numbers = "scale=1/255,mean=0.485:0.456:0.406,std=0.229:0.224:0.225"

    def evaluate(prep):
        done = run_kerf("eval", path, "--data", f"images:{data}", "--split", "train", "--classes",
                        names, "--prep", prep, "--json")
        check(done.returncode == 0, f"eval --prep {prep}: {done.stderr.strip()}")
        return json.loads(done.stdout) if done.returncode == 0 else {"top1": -1, "prep": ""}

    right, wrong = evaluate(f"crop={side},rgb,{numbers}"), evaluate(f"crop={side},rgb,scale=1")
    check(right["top1"] == 100, f"the right preparation: {right['top1']} %, must be 100")
    check(wrong["top1"] < 100, "a wrong preparation makes no difference")
    guessed = evaluate("guess")
    print(f"--prep guess: {guessed['prep']}: {guessed['top1']:.1f} %")
    check(guessed["prep"].endswith(numbers), f"guessed {guessed['prep']}")


def make_channels_last(path):
    """(N, H, W, C) into a convolution without padding, by a Transpose."""
    weights = numpy.random.default_rng(6).standard_normal((5, 3, 3, 3)).astype(numpy.float32)
    nodes = [helper.make_node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2]),
             helper.make_node("Conv", ["t", "w"], ["c"]),
             helper.make_node("GlobalMaxPool", ["c"], ["p"]), helper.make_node("Flatten", ["p"], ["y"])]
    graph = helper.make_graph(
        nodes, "last", [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ("N", 8, 8, 3))],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ("N", 5))],
        [numpy_helper.from_array(weights, "w")])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def judge_folded(folder):
    """A network that its preparation was folded into makes of bytes what it made of the prepared."""
    rgb = "scale=1/255,mean=0.485:0.456:0.406,std=0.229:0.224:0.225"
    made = {name: os.path.join(folder, f"{name}.onnx") for name in ("lenet-5", "lenet-300-100", "last")}
    for name in ("lenet-5", "lenet-300-100"):
        run_kerf("new", name, "-q", "-o", made[name])
    make_channels_last(made["last"])
    cases = ((pytorch("inference"), (1, 3, 8, 8), "crop=8,rgb," + rgb, "crop=8x8,rgb,scale=1", {"Add"}),
             (pytorch("mobilenet_training"), (2, 3, 16, 16), "unit", "scale=1", set()),
             (made["lenet-5"], (2, 1, 28, 28), "scale=1/255,mean=0.286,std=0.353", "scale=1", set()),
             (made["lenet-300-100"], (2, 1, 28, 28), "scale=1/255,mean=0.286,std=0.353", "scale=1", set()),
             (made["last"], (2, 8, 8, 3), rgb + ",layout=nhwc", "layout=nhwc,scale=1", {"Mul", "Add"}))
    for source, shape, prep, rest, fronts in cases:
        name, target = os.path.basename(source), os.path.join(folder, "folded.onnx")
        done = run_kerf("fold", source, "--prep", prep, "-o", target, "-f", "--json")
        check(done.returncode == 0, f"{name}: fold: {done.stderr.strip()}")
        if done.returncode != 0:
            continue
        left = {p.key: p.value for p in onnx.load(target).metadata_props}.get("kerf.prep")
        check(left == rest, f"{name}: prepared by {left} behind fold, must be by {rest}")
        front = {n.op_type for n in onnx.load(target).graph.node if "x" in n.input or "input" in n.input
                 or any(i.startswith("prep") for i in n.input)} & {"Mul", "Add"}
        check(front == fronts, f"{name}: {front} in front, must be {fronts}")
        pixels = numpy.random.default_rng(7).integers(0, 256, shape).astype(numpy.float32)
        color = (slice(None),) if "nhwc" in prep else (slice(None), None, None)
        mean, std = ((MEAN, STD) if rgb in prep else (0, 1) if prep == "unit" else (0.286, 0.353))
        x = (pixels / 255 - numpy.asarray(mean)[color if rgb in prep else ...]) \
            / numpy.asarray(std)[color if rgb in prep else ...]
        plain = os.path.join(folder, "plain.onnx")
        run_kerf("prune", source, "--sparsity", "0", "-o", plain, "-f")  # in its form for inference
        check_close(f"{name}, folded", run_ort(target, pixels), run_ort(plain, x.astype(numpy.float32)))


def judge_retrained(folder, name, side):
    """Both kinds, pruned and retrained in batches of 64, open to any batch then."""
    target = os.path.join(folder, "retrained.onnx")
    x = numpy.random.default_rng(2).standard_normal((3, 3, side, side), numpy.float32)
    for kind in ("inference", "training"):
        done = run_kerf("prune", pytorch(name + kind), "--sparsity", "0.5", "--scope", "global",
                        "--events", "2", "--retrain", "0.1", "--finetune", "0.1", "--batch", "64",
                        "--lr", "0.01", "--data", f"random:3,{side},{side},5", "-o", target, "-f")
        check(done.returncode == 0, f"{name}{kind}: {done.stderr.strip()}")
        if done.returncode == 0:
            check_close(f"{name}{kind}, retrained", infer(folder, target, x)[0], run_ort(target, x))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        for model, size in models():
            judge(place, model, size)
        judge_prepared(place)
        judge_folded(place)
        for network, length in NETWORKS:
            judge_training(place, network, length)
            judge_retrained(place, network, length)
    print("FAILED" if failures else "passed")
    sys.exit(1 if failures else 0)
