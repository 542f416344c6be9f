#!/bin/sh
# test_no_device.sh -- what the command says where no OpenCL device is.
. "$(dirname "$0")/lib.sh"
unset KERF_DEVICE
export OCL_ICD_VENDORS=/nonexistent
export KERF_CACHE_DIR="$work/cache"

"$KERF" new lenet-300-100 -q -o m.onnx || failed "new needs no device"
expect 0 "235,200" "$KERF" info m.onnx
expect_error 1 "kerf: devices: warning: left out: /nonexistent (/nonexistent): it offers no platform
kerf: devices: no OpenCL device; on Debian, apt install pocl-opencl-icd gives one" \
    "$KERF" devices
# The command alone in a folder tries drivers as well: it is its own helper.
mkdir alone
cp "$KERF" alone/kerf
rm -rf "$KERF_CACHE_DIR"
expect 1 "left out: /nonexistent (/nonexistent): it offers no platform" \
    env -u KERF_PROBE alone/kerf devices
make_npy x.npy "(1, 1, 28, 28)" 784
for line in "infer m.onnx --input x.npy" "bench" "tune" "demo" \
    "prune m.onnx --sparsity 0.5 -o p.onnx" "eval m.onnx --data random:1,28,28,10" \
    "train m.onnx --data random:1,28,28,10 -o p.onnx"; do
    # shellcheck disable=SC2086 -- words
    expect 1 "device" "$KERF" $line
    [ "$(grep -c . err.txt)" -le 2 ] || failed "$line: more than an error and a hint: $(cat err.txt)"
done
[ ! -e p.onnx ] || failed "an output was written"
finish
