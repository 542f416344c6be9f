#!/bin/sh
# test_crash.sh -- a driver that passes its trial and crashes later: one line says of what, no
# file is damaged, and a kernel whose build crashed is not built again.  As test_lost.sh.
. "$(dirname "$0")/lib.sh"
export KERF_CACHE_DIR="$work/cache"
use_stub_driver
"$KERF" new lenet-300-100 --input 1,8,8 --width 0.2 -q -o m.onnx || failed new
make_npy x.npy "(1, 1, 8, 8)" 64

crash() { # crash FAULT LINE: infer dies by a signal with this line (the shell adds its own)
    KERF_STUB="$1" "$KERF" infer m.onnx --input x.npy -o y.npy >out.txt 2>err.txt
    code=$?
    [ "$code" -gt 128 ] || failed "$1: exit $code: $(cat err.txt)"
    grep -qxF "$2" err.txt || failed "$1: no '$2' in '$(cat err.txt)'"
    [ ! -e y.npy ] || failed "$1: an output was written"
}

# ---- at a launch: a plain report, and nothing is remembered --------------------------------
crash "EnqueueNDRangeKernel segv 1 gemm_" "kerf: crashed (signal 11) while stub device was used"
expect 0 "" "$KERF" infer m.onnx --input x.npy -o y.npy
rm -rf y.npy cache/programs

# ---- at a build ----------------------------------------------------------------------------
crash "BuildProgram abort 1 gemm_" "kerf: crashed (signal 6) while stub device built \
gemm.cl; that kernel is left alone from now on"
for fault in "BuildProgram abort 1 gemm_" ""; do # the next runs do not try
    KERF_STUB="$fault" expect 1 "gemm.cl: the process ended when stub device built it" \
        "$KERF" infer m.onnx --input x.npy -o y.npy
    [ "$(grep -c . err.txt)" = 1 ] || failed "not one line: $(cat err.txt)"
    [ ! -e y.npy ] || failed "an output was written"
done
expect 0 "" "$KERF" infer m.onnx --input x.npy -o y.npy --device 1
rm y.npy

# What the line says helps: the file removed, or a day gone by.
guard=$(sed 's/.* or \(.*\) removed to try again/\1/' <<END
$(KERF_STUB="" "$KERF" infer m.onnx --input x.npy -o y.npy 2>&1)
END
)
[ -s "$guard" ] || failed "no file '$guard'"
touch -d "2 days ago" "$guard"
expect 0 "" "$KERF" infer m.onnx --input x.npy -o y.npy
[ ! -e "$guard" ] || failed "a build that went well left its guard"
rm y.npy

# ---- killed in a build: not the driver's fault, unless it happens again ----------------------
kill_in_build() { # kill_in_build BYTES: what the guard then has
    KERF_STUB="BuildProgram hang 1 gemm_" "$KERF" infer m.onnx --input x.npy -o y.npy 2>err.txt &
    pid=$!
    until [ "$(cat cache/guard/* 2>/dev/null | wc -c)" = "$1" ]; do sleep 0.1; done
    kill -9 $pid
    wait $pid 2>/dev/null
}
rm -rf cache/programs
kill_in_build 1
expect 0 "" "$KERF" infer m.onnx --input x.npy -o y.npy
rm -rf cache/programs y.npy
kill_in_build 1
kill_in_build 2
expect 1 "the process ended when stub device built it" "$KERF" infer m.onnx --input x.npy -o y.npy
finish
