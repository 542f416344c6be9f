#!/bin/sh
# test_crash.sh -- a driver that passes its trial and crashes later: one line says of what, no
# file is damaged, and the kernel it crashed in is neither built nor launched again: another takes
# its place, and that is said.  As test_lost.sh.
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
avoids() { # infer works, by another kernel than the one it crashed in
    KERF_STUB="" "$KERF" infer m.onnx --input x.npy -o y.npy >out.txt 2>err.txt ||
        failed "exit $?: $(cat err.txt)"
    grep -q "warning: Gemm .*: gemm_.* takes the place of gemm_.*: gemm.cl: the process ended" \
        err.txt || failed "no word of another kernel: '$(cat err.txt)'"
    rm y.npy
}

crash "EnqueueNDRangeKernel segv 1 gemm_dot" "kerf: crashed (signal 11) while stub device launched \
gemm_dot of gemm.cl; that kernel is left alone from now on"
avoids
rm -rf cache/guard cache/programs
crash "BuildProgram abort 1 gemm_dot" "kerf: crashed (signal 6) while stub device built \
gemm.cl; that kernel is left alone from now on"
avoids
KERF_STUB="" expect 0 "" "$KERF" infer m.onnx --input x.npy -o y.npy --device 1
[ ! -s err.txt ] || failed "the other device is warned of: $(cat err.txt)"
rm y.npy

# What the line says helps: the file removed, or a day gone by.
KERF_STUB="" "$KERF" infer m.onnx --input x.npy -o y.npy 2>err.txt
guard=$(sed -n 's/.* or \(.*\) removed to try again/\1/p' err.txt | head -n 1)
[ -s "$guard" ] || failed "no file '$guard'"
touch -d "2 days ago" "$guard"
rm -f y.npy
expect 0 "" "$KERF" infer m.onnx --input x.npy -o y.npy
[ ! -s err.txt ] || failed "still left alone: $(cat err.txt)"
[ ! -e "$guard" ] || failed "a build that went well left its guard"
rm y.npy

# ---- killed in a build: not the driver's fault, unless it happens again and again -------------
kill_in_build() { # kill_in_build BYTES: what the guard then has
    KERF_STUB="BuildProgram hang 1 gemm_dot" "$KERF" infer m.onnx --input x.npy -o y.npy 2>err.txt &
    pid=$!
    until [ "$(cat cache/guard/* 2>/dev/null | wc -c)" = "$1" ]; do sleep 0.1; done
    [ "$1" != 4 ] || beside # another process is not told that the kernel is bad while this lives
    kill -9 $pid
    wait $pid 2>/dev/null
}
beside() {
    expect 0 "" "$KERF" infer m.onnx --input x.npy -o z.npy
    [ ! -s err.txt ] || failed "refused what another process is at: $(cat err.txt)"
    rm -r z.npy cache/programs
}
rm -rf cache/programs
for kills in 1 2 3; do kill_in_build $kills; done
expect 0 "" "$KERF" infer m.onnx --input x.npy -o y.npy
[ ! -s err.txt ] || failed "killed thrice is enough: $(cat err.txt)"
rm -rf cache/programs y.npy
for kills in 1 2 3 4; do kill_in_build $kills; done
avoids

# ---- a driver that refuses a kernel: training goes on, and its choices are what ran ----------
rm -rf cache/guard cache/programs
KERF_STUB="EnqueueNDRangeKernel -5 1 gemm_wide" expect 0 "takes the place of gemm_wide" \
    "$KERF" train m.onnx --data random:1,8,8,10 --epochs 1 --run-dir run -o t.onnx
grep -q gemm_wide run/choices.json && failed "choices.json names kernels that were refused"
grep -q gemm_ run/choices.json || failed "no choices: $(cat run/choices.json)"
finish
