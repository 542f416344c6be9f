#!/bin/sh
# judge_run.sh PYTHON SCRIPT ARG... -- runs a judge of tests.  Without its Python it skips
# (77), or fails where a skip must not pass (KERF_REQUIRE_DEVICE).
if [ ! -x "$1" ]; then
    echo "skipped: no Python with onnx and onnxruntime at $1; ./bootstrap test makes one"
    [ -z "${KERF_REQUIRE_DEVICE:-}" ] || exit 1
    exit 77
fi
exec "$@"
