#!/bin/sh
# test_lost.sh -- a device that fails in the middle of training: one line, exit 1, and the
# checkpoint goes on to the same bits.  The device is that of tests/device/stub_icd.c, the
# library KERF_STUB_LIBRARY, which hands on to the driver that tests/device_run.sh chose.
. "$(dirname "$0")/lib.sh"
data=random:1,8,8,10

export KERF_STUB_LOG="$work/log"
use_stub_driver

train() { # train OUT [OPTIONS]
    out=$1
    shift
    "$KERF" train m.onnx --data $data --epochs 4 --batch 64 -q -o "$out" "$@" >out.txt 2>err.txt
}

"$KERF" new lenet-300-100 --input 1,8,8 --width 0.2 -q -o m.onnx || failed new
train whole.onnx || failed "the stub does not train: $(cat err.txt)"

# lose ENTRY HOW EXIT WORDS: from the middle of all calls of ENTRY on, it fails; then resume.
lose() {
    rm -rf log a.onnx a.run
    KERF_STUB="$1 0" train a.onnx # an error that is none: counts
    calls=$(wc -c <log)
    rm -rf log a.onnx a.run
    KERF_STUB="$1 $2 $((calls * 2 / 3))" train a.onnx
    code=$?
    [ "$code" = "$3" ] || failed "$1 $2 at call $((calls * 2 / 3)): exit $code: $(cat err.txt)"
    [ ! -e a.onnx ] || failed "$1 $2: an output was written"
    if [ "$2" != abort ]; then
        head -1 err.txt | grep -q "^kerf: train: stub device: .*$4" ||
            failed "$1 $2: $(cat err.txt)"
        tail -1 err.txt | grep -qE "^  kerf train .* --resume$" || failed "$1 $2: no way to go on"
        [ "$(grep -c . err.txt)" = 3 ] || failed "$1 $2: not an error and a hint: $(cat err.txt)"
    fi
    train a.onnx --resume || failed "$1 $2: --resume: $(cat err.txt)"
    cmp -s whole.onnx a.onnx || failed "$1 $2: --resume gave other bits"
}

lose EnqueueNDRangeKernel -5 1 ": queueing failed (CL_OUT_OF_RESOURCES, -5)"
lose EnqueueReadBuffer -9999 1 "read of "
lose EnqueueWriteBuffer -36 1 "upload of "
lose EnqueueFillBuffer -2 1 "fill of "
lose EnqueueMarkerWithWaitList -5 1 "mark in the queue failed (CL_OUT_OF_RESOURCES, -5)"
lose Flush -2 1 "mark in the queue failed (CL_DEVICE_NOT_AVAILABLE, -2)"
lose WaitForEvents -14 1 "queued work failed (CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST, -14)"
lose EnqueueNDRangeKernel abort 134 ""

# Another device goes on too.
rm -rf a.onnx a.run
KERF_STUB="EnqueueNDRangeKernel -5 $((calls * 2 / 3))" train a.onnx
KERF_DEVICE=1 train a.onnx --resume --device 1 || failed "another device: $(cat err.txt)"
[ -s a.onnx ] || failed "another device wrote nothing"
finish
