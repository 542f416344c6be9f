# export.sh -- what the tests of `kerf export` share beside lib.sh; sourced by test_export*.sh.
# The judges are export_judge.py, openvino_judge.py and quantize_judge.py.  PYTHON has onnx, onnxruntime
# and openvino.
. "$(dirname "$0")/lib.sh"
data=fashion-mnist
export KERF_DEVICE=0
need_python

judge() {
    "$PYTHON" "$KERF_TEST_SOURCE/tests/host/export_judge.py" "$@" || failed "export_judge.py $*"
}

judge_openvino() {
    "$PYTHON" "$KERF_TEST_SOURCE/tests/host/openvino_judge.py" "$@" || failed "openvino_judge.py $*"
}

# made COMMAND...: a file that is exported later is made; quietly.
made() {
    "$KERF" "$@" -q -f >out.txt || failed "$*"
}

# exported FILE PROFILE [WORDS]: leaves exported.onnx and report.json; WORDS are among what was changed.
exported() {
    "$KERF" export "$1" --profile "$2" --json -f -o exported.onnx >report.json || failed "export $1 for $2"
    [ -z "${3-}" ] || grep -qF "$3" report.json || failed "$1 for $2: no '$3' in $(cat report.json)"
}

# check_ort FILE [WORDS]: exported for ONNX Runtime, FILE becomes what is predicted.
check_ort() {
    exported "$1" ort "${2-}"
    judge ort exported.onnx report.json
}

# check_openvino FILE [WORDS]: the same for OpenVINO, with the results of ONNX Runtime.
check_openvino() {
    exported "$1" openvino "${2-}"
    judge_openvino exported.onnx report.json
}

# check_top1 OPERATORS [float-sums]: of exported.onnx, in ONNX Runtime and in Kerf.
check_top1() {
    "$KERF" eval exported.onnx --data $data --json >eval.json || failed "eval"
    "$PYTHON" "$KERF_TEST_SOURCE/tests/host/quantize_judge.py" exported.onnx eval.json "$1" "${2-}" || failed "top-1"
}

# all_fuse FILE: nothing in report.json stays a float.
all_fuse() {
    ! grep -q '"fuses": *false' report.json || failed "$1: not all fuses: $(cat report.json)"
}

# make_residual EPOCHS: residual8.onnx, with a sum, Concat and pooling of all kinds, trained for top-1 to mean something.
make_residual() {
    judge make
    made train residual.onnx --data $data --epochs "$1" --optimizer adam --lr 0.005 --schedule cosine -o trained.onnx
    made quantize trained.onnx --data $data --ranges ranges.json -o residual8.onnx
}
