"""ONNX's own checker and ONNX Runtime judge what Kerf reads and writes:

    build/venv/bin/python tests/io/judge.py SOURCE REWRITE [KERF]

SOURCE is the project's folder, REWRITE the program of tests/io/rewrite.c, KERF the command;
with it, `kerf infer` must give ONNX Runtime's numbers too."""

import os
import subprocess
import sys
import tempfile

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, checker, helper, numpy_helper

SOURCE, REWRITE = sys.argv[1:3]
KERF = sys.argv[3] if len(sys.argv) > 3 else None
sys.path[:0] = [os.path.join(SOURCE, "tests/golden"), os.path.join(SOURCE, "tests/io")]
import make_attribute_table  # noqa: E402
import make_golden  # noqa: E402
import version_models  # noqa: E402

EPSILON = numpy.finfo(numpy.float32).eps
failures = 0


def check(condition, message):
    global failures
    if not condition:
        print("FAILED:", message)
        failures += 1


# ---- running ------------------------------------------------------------------------------

def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def random_inputs(path, batch=5):
    random = numpy.random.default_rng(1)
    found = {}
    for value in session(path).get_inputs():
        shape = [size if isinstance(size, int) else batch for size in value.shape]
        found[value.name] = random.standard_normal(shape).astype(numpy.float32)
    return found


def run_ort(path, inputs):
    return session(path).run(None, inputs)


def rewrite(source, target, *options):
    done = subprocess.run([REWRITE, source, target, *options], capture_output=True, text=True)
    check(done.returncode == 0, f"{source}: {done.stderr.strip()}")
    return done.returncode == 0


def macs_a_result(m):
    """The longest sum behind one number of the result: what tolerance is counted by."""
    return sum(max(t.dims) for t in m.graph.initializer if len(t.dims) == 2) + 1


def check_close(name, got, want, terms):
    if want.dtype.kind != "f":
        check(numpy.array_equal(got, want), f"{name}: other numbers")
        return
    tolerance = 4 * EPSILON * numpy.sqrt(terms) * max(1e-30, float(numpy.abs(want).max(initial=0)))
    error = float(numpy.abs(got - want).max(initial=0)) if got.shape == want.shape else numpy.inf
    check(error <= tolerance, f"{name}: differs by {error:.3g}, must be within {tolerance:.3g}")


# ---- what is written is ONNX ------------------------------------------------------------------

def check_form(path, full, opset=17):
    checker.check_model(path, full_check=full)
    m = onnx.load(path)
    check(m.ir_version == {17: 8, 18: 8, 19: 9, 20: 9, 21: 10, 22: 10, 23: 11, 24: 12, 25: 13}[opset],
          f"{path}: IR {m.ir_version}")
    check(all(o.version == opset for o in m.opset_import if o.domain == ""), f"{path}: opset")
    check(m.producer_name == "kerf" and m.producer_version != "", f"{path}: producer")
    check(all(t.HasField("raw_data") for t in m.graph.initializer), f"{path}: raw data")
    for value in list(m.graph.input) + list(m.graph.output):
        check(value.type.tensor_type.HasField("shape"), f"{path}: '{value.name}' has no shape")
    return m


def names(m):
    graph = m.graph
    used = {name for node in graph.node for name in node.input if name} | {v.name for v in graph.output}
    weights = {t.name for t in graph.initializer if t.name in used}
    constants = {n.output[0] for n in graph.node if n.op_type == "Constant" and n.output[0] in used}
    nodes = {(n.op_type, n.name or next(o for o in n.output if o), tuple(o for o in n.output if o in used))
             for n in graph.node if n.op_type != "Constant"}
    return ([v.name for v in graph.input if v.name not in weights], [v.name for v in graph.output],
            weights | constants, nodes)


def judge_model(folder, name, source, runs, opset=17):
    """Rewrites the model at source: the same names, valid, the same results."""
    target = os.path.join(folder, f"{name}.kerf.onnx")
    if not rewrite(source, target):
        return
    m = check_form(target, full=runs, opset=opset)
    given = [n.name for n in m.graph.node]
    check(len(set(given)) == len(given) and "" not in given, f"{name}: node names: {given}")
    if not runs:
        return
    check(names(m) == names(onnx.load(source)), f"{name}: names changed")
    inputs = random_inputs(source)
    for got, want in zip(run_ort(target, inputs), run_ort(source, inputs)):
        check(got.dtype == want.dtype, f"{name}: type of the result changed")
        check_close(name, got, want, macs_a_result(m))
    if KERF and name in INFER:
        judge_infer(folder, name, target, inputs)


# ---- models made for this ---------------------------------------------------------------------

def dense(random, rows, columns):
    return (random.standard_normal((rows, columns)) / numpy.sqrt(columns)).astype(numpy.float32)


def made(nodes, tensors, opset, shape=("N", 30), classes=7):
    graph = helper.make_graph(
        nodes, "made", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", classes])],
        [numpy_helper.from_array(t, name) for name, t in tensors.items()])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=7)


def models(opset):
    random = numpy.random.default_rng(opset)
    w, v, b = dense(random, 20, 30), dense(random, 7, 20), dense(random, 1, 20)[0]
    node = helper.make_node
    yield "mlp", made(
        [node("Flatten", ["x"], ["f"]), node("Gemm", ["f", "w", "b"], ["h"], transB=1),
         node("Relu", ["h"], ["r"]), node("Gemm", ["r", "v"], ["y"], transB=1)],
        {"w": w, "b": b, "v": v}, opset, ("N", 5, 6))
    yield "gemm_alpha_beta", made(
        [node("Gemm", ["x", "w", "b"], ["h"], alpha=0.5, beta=-1.5), node("Relu", ["h"], ["r"]),
         node("Gemm", ["r", "v"], ["y"])],
        {"w": w.T.copy(), "b": b.reshape(1, 20), "v": v.T.copy()}, opset)
    yield "matmul_add", made(
        [node("MatMul", ["x", "w"], ["m"]), node("Add", ["b", "m"], ["h"]),
         node("Relu", ["h"], ["r"]), node("MatMul", ["r", "v"], ["l"]),
         node("Softmax", ["l"], ["y"], axis=-1)],
        {"w": w.T.copy(), "b": b, "v": v.T.copy()}, opset)
    yield "reshape", made(
        [node("Reshape", ["x", "to"], ["f"]), node("MatMul", ["f", "w"], ["m"]),
         node("Add", ["m", "b"], ["h"]), node("Constant", [], ["half"], value_float=0.5),
         node("Mul", ["h", "half"], ["s"]), node("Gemm", ["s", "v"], ["y"], transB=1)],
        {"to": numpy.array([0, -1], numpy.int64), "w": w.T.copy(), "b": b, "v": v}, opset,
        ("N", 2, 3, 5))
    yield "view", made(  # x.view(x.size(0), -1), as PyTorch exports it
        [node("Shape", ["x"], ["s"]), node("Gather", ["s", "zero"], ["n"], axis=0),
         node("Unsqueeze", ["n", "front"], ["l"]), node("Concat", ["l", "rest"], ["to"], axis=0),
         node("Reshape", ["x", "to"], ["f"]), node("Gemm", ["f", "w", "b"], ["h"], transB=1),
         node("Sigmoid", ["h"], ["r"]), node("Gemm", ["r", "v"], ["y"], transB=1)],
        {"zero": numpy.array(0, numpy.int64), "front": numpy.array([0], numpy.int64),
         "rest": numpy.array([-1], numpy.int64), "w": w, "b": b, "v": v}, opset, ("N", 5, 6))


INFER = [f"{name}_{opset}" for opset in range(13, 18)
         for name in ("mlp", "gemm_alpha_beta", "matmul_add", "reshape", "view")]


def judge_made(folder):
    for opset in range(13, 18):
        for name, m in models(opset):
            path = os.path.join(folder, f"{name}_{opset}.onnx")
            onnx.save(m, path)
            judge_model(folder, f"{name}_{opset}", path, runs=True)


def judge_external(folder):
    """What the onnx package writes outside comes in, many tensors in one file."""
    _, m = next(models(17))
    path = os.path.join(folder, "outside.onnx")
    onnx.save_model(m, path, save_as_external_data=True, location="outside.data", size_threshold=0)
    judge_model(folder, "outside", path, runs=True)


def judge_versions(folder):
    """What an operator meant in the opset of a file, it means in the file that is written."""
    for name, opset, m in version_models.models():
        path = os.path.join(folder, f"version_{name}.onnx")
        target = os.path.join(folder, f"version_{name}.kerf.onnx")
        onnx.save(m, path)
        if not rewrite(path, target):
            continue
        check_form(target, full=True, opset=opset)
        inputs = random_inputs(path, batch=2)
        for got, want in zip(run_ort(target, inputs), run_ort(path, inputs)):
            check_close(f"version {name}", got, want, 16)


def judge_golden(folder):
    # No kernel; any shape; ONNX Runtime wants node names to be unique, which Kerf makes them.
    cannot_run = {"foreign", "unnamed_dimensions", "node_names_twice", "packed_4", "packed_2"}
    opsets = {"export_blocks": 21, "packed_4": 21, "packed_2": 25}
    for name in make_golden.good:
        path = os.path.join(SOURCE, "tests/golden/good", f"{name}.onnx")
        judge_model(folder, name, path, runs=name not in cannot_run, opset=opsets.get(name, 17))


def judge_pipe(folder):
    """Standard input and output hold a model as a file does."""
    path, target = os.path.join(folder, "pipe.onnx"), os.path.join(folder, "pipe.kerf.onnx")
    _, m = next(models(17))
    onnx.save(m, path)
    rewrite(path, target)
    with open(path, "rb") as source, open(target, "rb") as want:
        done = subprocess.run([REWRITE, "-", "-"], stdin=source, capture_output=True)
        check(done.stdout == want.read(), "pipe: other bytes than through files")


def judge_net(folder):
    """A fresh network, and one with masks: zeros where the masks are, and nothing else new."""
    path, pruned = os.path.join(folder, "net.onnx"), os.path.join(folder, "pruned.onnx")
    if not rewrite("net:lenet-300-100", path) or not rewrite("net:lenet-300-100", pruned, "--prune"):
        return
    m, p = check_form(path, full=True), check_form(pruned, full=True)
    check(sum(int(numpy.prod(t.dims)) for t in m.graph.initializer) == 266610, "net: parameters")
    first = m.graph.input[0].type.tensor_type.shape.dim[0]
    check(first.dim_param == "N", "net: the batch must be symbolic")
    check(names(m) == names(p), "net: masks changed names")
    for a, b in zip(m.graph.initializer, p.graph.initializer):
        want, got = numpy_helper.to_array(a).copy(), numpy_helper.to_array(b)
        if a.name.endswith("weight"):
            want.reshape(-1)[::3] = 0
        check(numpy.array_equal(got, want), f"net: '{a.name}' is not its masked self")
    for batch in (1, 3):
        check(run_ort(pruned, random_inputs(pruned, batch))[0].shape == (batch, 10), "net: shape")
    if KERF:
        judge_infer(folder, "pruned", pruned, random_inputs(pruned))


# ---- the command ------------------------------------------------------------------------------

def judge_infer(folder, name, path, inputs):
    (key, x), = inputs.items()
    source, target = os.path.join(folder, "x.npy"), os.path.join(folder, "y.npy")
    numpy.save(source, x)
    done = subprocess.run([KERF, "infer", path, "--input", source, "-o", target, "-f"],
                          capture_output=True, text=True)
    check(done.returncode == 0, f"{name}: kerf infer: {done.stderr.strip()}")
    if done.returncode == 0:
        want = run_ort(path, inputs)[0]
        check_close(f"{name}: kerf infer", numpy.load(target), want, macs_a_result(onnx.load(path)))


# ---- what was printed once ----------------------------------------------------------------------

def judge_printed():
    with open(os.path.join(SOURCE, "lib/io/attribute_table.c"), encoding="utf-8") as f:
        rows = [line.rstrip("\n") for line in f if line.startswith('    {"')]
    check(rows == list(make_attribute_table.rows()), "lib/io/attribute_table.c: not what "
          "make_attribute_table.py prints")
    for path, want in make_golden.files().items():
        with open(os.path.join(SOURCE, "tests/golden", path), "rb") as f:
            check(f.read() == want, f"tests/golden/{path}: not what make_golden.py writes")


if __name__ == "__main__":
    judge_printed()
    with tempfile.TemporaryDirectory() as place:
        judge_golden(place)
        judge_versions(place)
        judge_made(place)
        judge_external(place)
        judge_pipe(place)
        judge_net(place)
    print("FAILED" if failures else "passed")
    sys.exit(1 if failures else 0)
