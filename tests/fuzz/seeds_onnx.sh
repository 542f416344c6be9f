#!/bin/sh
# seeds_onnx.sh FOLDER -- real models for fuzz_onnx, beside the golden files: ONNX's own tests, and
# Paddle's text models where they are (io.models), whole if small, cut at several places, and with
# a byte changed here and there.  The fuzzer goes on from these.
set -eu
folder=$1
cd "$(dirname "$0")/../.."
models=$(mktemp)
trap 'rm -f "$models"' EXIT
find /usr/share/libonnx-testdata/data/node /usr/share/libonnx-testdata/data/pytorch-* \
    build/venv-models/lib -name '*.onnx' 2>/dev/null | sort >"$models" || true

number=0
while read -r model; do
    number=$((number + 1))
    size=$(wc -c <"$model")
    name=$folder/real_$number
    [ "$size" -gt 16384 ] || cp "$model" "$name.onnx"
    # Every eighth is cut and changed, and all that are large.
    [ "$size" -gt 16384 ] || [ $((number % 8)) = 0 ] || continue
    for part in 1 2 3; do
        length=$((size * part / 4))
        [ $length -lt 65536 ] || length=$((16384 * part))
        head -c $length "$model" >"$name.cut_$part.onnx"
        cp "$name.cut_$part.onnx" "$name.changed_$part.onnx"
        printf '\377' | dd of="$name.changed_$part.onnx" bs=1 seek=$((length / 2)) conv=notrunc 2>/dev/null
    done
done <"$models"
echo "$number real models"
