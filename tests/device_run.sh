#!/bin/sh
# device_run.sh IMPLEMENTATION PROGRAM... -- runs a device test on one OpenCL implementation
# alone.  One driver a process: a bad one takes the others along.
#
# pocl | small | avx2 | rusticl | intel | pair | oclgrind | oclgrind-cpu | arm64.  Intel's runtime comes from
# PyPI: its library's path stands in the ICD file that KERF_INTEL_ICD names (bootstrap makes it).
set -u
implementation=$1
shift
export KERF_REQUIRE_DEVICE=1
export KERF_CACHE_DIR="${KERF_CACHE_DIR:-${TMPDIR:-/tmp}/kerf-test-cache-$(id -u)}/$implementation"
export POCL_CACHE_DIR="$KERF_CACHE_DIR/pocl"
mkdir -p "$POCL_CACHE_DIR"
unset KERF_DEVICE
# By hand, too, features are those that the probe finds: it lies above the tests.
export KERF_PROBE="${KERF_PROBE-$(dirname "$1")/../kerf-probe}"
# What the program launches is told in a file of its own (see lib/device/launch.c).
if [ -n "${KERF_TEST_LAUNCHES-}" ]; then
    mkdir -p "$(dirname "$KERF_TEST_LAUNCHES")"
    : >"$KERF_TEST_LAUNCHES"
fi
# PoCL keeps what it compiled, and for a binary that is asked of it compiles every kernel once more.
case $implementation in
pocl | small | avx2) export KERF_CACHE_MIB="${KERF_CACHE_MIB-0}" ;;
esac
case $implementation in
pocl)
    OCL_ICD_VENDORS=/etc/OpenCL/vendors/pocl.icd exec "$@" ;;
small) # PoCL as if it were the smallest phone: 64 work-items a group, 16 KiB local memory
    OCL_ICD_VENDORS=/etc/OpenCL/vendors/pocl.icd KERF_TEST_LIMITS=64,16384 exec "$@" ;;
avx2) # PoCL compiles as for a CPU that has AVX2 and no AVX-512; by hand
    POCL_LLVM_CPU_NAME=haswell POCL_KERNELLIB_NAME=avx2 \
        OCL_ICD_VENDORS=/etc/OpenCL/vendors/pocl.icd exec "$@" ;;
rusticl)
    # A launch on llvmpipe takes 4 to 8 ms, and vectors of 16 are slow: whole training runs and long
    # rows of them take their small form there.
    case ${1##*/} in
    test_train | test_kill | test_compose | test_gates | test_penalty | test_channel_masks | test_teacher | test_teacher_keep | test_mixing | test_accumulate | test_mixed_run | test_distillation_loss) export KERF_TEST_SMALL=1 ;;
    esac
    OCL_ICD_VENDORS=/etc/OpenCL/vendors/rusticl.icd RUSTICL_ENABLE=llvmpipe exec "$@" ;;
intel)
    icd=${KERF_INTEL_ICD:-${KERF_TEST_SOURCE:-.}/build/intel.icd}
    if [ ! -e "$icd" ]; then
        echo "no $icd: ./bootstrap test makes it" >&2
        exit 1
    fi
    OCL_ICD_VENDORS=$icd exec "$@" ;;
pair) # PoCL and Intel's runtime beside each other, for ranks on unlike devices
    export OCL_ICD_VENDORS="$KERF_CACHE_DIR/vendors"
    mkdir -p "$OCL_ICD_VENDORS"
    cp /etc/OpenCL/vendors/pocl.icd "$OCL_ICD_VENDORS/pocl.icd" &&
        cp "${KERF_INTEL_ICD:-${KERF_TEST_SOURCE:-.}/build/intel.icd}" "$OCL_ICD_VENDORS/intel.icd" || exit 1
    export KERF_TEST_PAIR="Portable:,Intel:"
    exec "$@" ;;
oclgrind | oclgrind-cpu)
    # It says that it is no CPU; told otherwise, it meets the kernels for CPU devices.
    [ $implementation = oclgrind ] || export KERF_TEST_TYPE=cpu
    # The exit status is 0 whatever oclgrind finds; its log tells.
    log=$(mktemp)
    KERF_TEST_SMALL=1 oclgrind --data-races --check-api --max-errors 4 --log "$log" "$@"
    status=$?
    if [ -s "$log" ]; then
        cat "$log"
        rm -f "$log"
        exit 1
    fi
    rm -f "$log"
    exit $status ;;
arm64) # PoCL under qemu, found where Android's vendors keep OpenCL (tests/emulate)
    emulate=$(cd "$(dirname "$0")" && pwd)/emulate
    export KERF_PROBE_TIMEOUT_MS=600000 # a trial of all features takes minutes there
    OCL_ICD_VENDORS=/etc/OpenCL/vendors/pocl.icd KERF_TEST_OPENCL=/vendor/lib64/libOpenCL.so \
        KERF_TEST_SMALL=1 exec "$emulate/enter.sh" "$emulate/../../build/arm64-root" "$@" ;;
*)
    echo "device_run.sh: unknown implementation '$implementation'" >&2
    exit 2 ;;
esac
