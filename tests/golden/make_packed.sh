#!/bin/sh
# make_packed.sh KERF [FOLDER] -- writes tests/golden/packed: small models, each packed with another
# form of tensor, and beside each the ONNX file that it must be read as for ever
# (tests/io/test_golden_packed.c).
#
# Run it only where the format changes, with a new version of it: what is there stays.  Seeds and
# training-free compressions make the same files again.
set -eu
kerf=$1
golden=$(cd "$(dirname "$0")" && pwd)
out=${2:-$golden/packed}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

quietly() { "$kerf" "$@" -f --seed 1 >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }; }

# pack NAME FROM -- one pair of files.
pack() {
    "$kerf" pack "$2" -o "$out/$1.kerf" -f >"$work/log"
    "$kerf" unpack "$out/$1.kerf" -o "$out/$1.onnx" -f >"$work/log"
}

dense=$work/dense.onnx sparse=$work/sparse.onnx
quietly new lenet-300-100 --width 0.04 --input 1,5,5 --classes 3 -o "$dense"
quietly prune "$dense" --sparsity 0.8 -o "$sparse"
quietly share "$dense" --bits 2 -o "$work/table.onnx"
quietly share "$sparse" --bits 3 -o "$work/sparse_table.onnx"
quietly share "$sparse" --bits 2 --per block=12 -o "$work/blocks.onnx"
quietly quantize "$dense" --mode weight-only --weights int4 -o "$work/int4.onnx"
quietly quantize "$dense" --mode dynamic -o "$work/int8.onnx"
for name in dense sparse table sparse_table blocks int4 int8; do
    pack $name "$work/$name.onnx"
done
quietly new lenet-5 --width 0.1 --input 1,16,16 --classes 2 -o "$work/conv.onnx"
quietly prune "$work/conv.onnx" --sparsity 0.6 -o "$work/conv.onnx"
pack conv "$work/conv.onnx"
# Symbols that are coded, every type, nothing at all, elements of two bits, sizes that are unknown.
for name in few_values typed_data scalar_and_empty packed_2 unnamed_dimensions; do
    pack $name "$golden/good/$name.onnx"
done
ls -l "$out"
