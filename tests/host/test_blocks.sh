#!/bin/sh
# test_blocks.sh -- files with ONNX Runtime's MatMulNBits give what they give there, and what such
# a node must not say is refused (blocks_judge.py).  PYTHON has onnx and onnxruntime.
. "$(dirname "$0")/lib.sh"
export KERF_DEVICE=0
need_python
judge="$KERF_TEST_SOURCE/tests/host/blocks_judge.py"
"$PYTHON" "$judge" make || failed make
for file in good_*.onnx; do
    expect 0 "" "$KERF" infer "$file" --input x.npy -q -o "${file%.onnx}.npy"
    "$PYTHON" "$judge" compare "$file" || failed "$file"
done
refused() { # FILE WORDS
    expect 1 "node 'fc' (com.microsoft.MatMulNBits): $2" "$KERF" infer "bad_$1.onnx" --input x.npy -q -o y.npy
}
refused bits "bits is 3, must be 2, 4 or 8"
refused block "block_size is 24, must be a power of 2 from 16 to 65536"
refused small "block_size is 8, must be a power of 2"
refused k "K and N are -1 and 19, must be above 0"
refused product "K and N are 1099511627776 and 1099511627776, must be"
refused length "b has 760 elements, must have 7600 (K 800, N 19, block_size 16, bits 4)"
refused order "g_idx order is not supported"
refused zeros "zeros is float32, must be uint8"
expect 1 "reads 'b', which no input, initializer or node makes" "$KERF" infer bad_input.onnx --input x.npy -q -o y.npy
finish
