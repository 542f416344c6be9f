#!/bin/sh
# run.sh [FAMILY...] [option of kerf bench...] -- every case in turns with oneDNN, OpenBLAS, CLBlast,
# PyTorch and ONNX Runtime: how many times as fast Kerf is as each.  ./bootstrap peers installs them;
# one that is missing is left out and named.
#
#     bench/peers/run.sh
#     bench/peers/run.sh gemm softmax -o ratios.json
#     PEERS="onednn torch" BUILD=build/test-release bench/peers/run.sh gemm
set -eu
cd "$(dirname "$0")/../.."
python=build/venv-peers/bin/python
: "${PEERS:=onednn openblas clblast torch ort}" "${BUILD:=build/release}"

# Configured anew where it was before: libraries may have come since.
if [ -e "$BUILD/CMakeCache.txt" ]; then
    cmake "$BUILD" >/dev/null
else
    cmake --preset release -DBUILD_TESTING=OFF >/dev/null
fi
cmake --build "$BUILD" --target kerf-command kerf-probe peers >/dev/null

# The others run on the CPU, so Kerf does, unless the caller chose its driver.
pocl=/etc/OpenCL/vendors/pocl.icd
if [ -z "${OCL_ICD_VENDORS:-}" ] && [ -e $pocl ]; then
    export OCL_ICD_VENDORS=$pocl
fi

# The Python modules that a peer needs.
modules() {
    case $1 in
    torch) echo torch ;;
    ort) echo "onnx, onnxruntime" ;;
    *) echo "no_module_$1" ;;
    esac
}

for peer in $PEERS; do
    if [ -x "$BUILD/peers/${peer}_peer" ]; then
        set -- "$@" --beside "$peer=$BUILD/peers/${peer}_peer"
    elif [ -x $python ] && $python -c "import $(modules "$peer")" 2>/dev/null; then
        set -- "$@" --beside "$peer=$python bench/peers/${peer}_peer.py"
    else
        echo "run.sh: $peer is left out: ./bootstrap peers installs it" >&2
    fi
done
exec "$BUILD/kerf" bench "$@"
