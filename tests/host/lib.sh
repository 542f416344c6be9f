# lib.sh -- what the tests of the command share; sourced by test_*.sh.
#
# KERF is the command, JSON_CHECK the program beside it; a folder of its own is entered and
# taken away at the end.  `expect` runs, compares exit code and words, and counts.
set -u
failures=0
work=$(mktemp -d)
export PYTHONDONTWRITEBYTECODE=1 # what judges share stays the only file of its name
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

failed() {
    echo "FAILED: $*"
    failures=$((failures + 1))
}

# expect CODE WORDS COMMAND...: what it printed (both streams) must hold WORDS; "" is any.
expect() {
    want_code=$1
    want_words=$2
    shift 2
    "$@" >out.txt 2>err.txt </dev/null
    code=$?
    [ "$code" = "$want_code" ] || failed "exit $code, not $want_code: $*: $(head -3 err.txt)"
    if [ -n "$want_words" ] && ! cat out.txt err.txt | grep -qF -e "$want_words"; then
        failed "no '$want_words' from: $*: $(head -3 out.txt err.txt)"
    fi
}

# expect_error CODE LINE COMMAND...: standard error is this very line and no other, and
# nothing went to standard output.
expect_error() {
    want_code=$1
    want_line=$2
    shift 2
    "$@" >out.txt 2>err.txt </dev/null
    code=$?
    [ "$code" = "$want_code" ] || failed "exit $code, not $want_code: $*"
    [ "$(cat err.txt)" = "$want_line" ] || failed "'$(cat err.txt)' is not '$want_line'"
    [ ! -s out.txt ] || failed "standard output is not empty: $*"
}

# expect_json CLAIMS COMMAND...: claims as json_check takes them, parted by spaces.
expect_json() {
    claims=$1
    shift
    "$@" >out.txt 2>err.txt </dev/null || failed "exit $?: $*: $(head -3 err.txt)"
    # shellcheck disable=SC2086 -- claims are words
    "$JSON_CHECK" $claims <out.txt || failed "JSON of: $*"
}

# wait_for FILE NUM: until it has so many lines.
wait_for() {
    tries=0
    until [ "$(cat "$1" 2>/dev/null | wc -l)" -ge "$2" ]; do
        tries=$((tries + 1))
        [ $tries -lt 3000 ] || { failed "$1: no $2 lines after five minutes" && return; }
        sleep 0.1
    done
}

# make_npy FILE SHAPE NUM: float32, all 3.0039 (four bytes "@@@@"); SHAPE as in Python.
make_npy() {
    header="{'descr': '<f4', 'fortran_order': False, 'shape': $2, }"
    printf '\223NUMPY\001\000\166\000%-117s\n' "$header" >"$1"
    head -c $(($3 * 4)) /dev/zero | tr '\000' '@' >>"$1"
}

# ---- ranks: MPIRUN begins them --------------------------------------------------------------------

# together NUM WORDS...: the command with so many ranks.
together() {
    ranks=$1
    shift
    "$MPIRUN" -n "$ranks" "$KERF" "$@"
}

# begin NUM LOG WORDS...: the same beside this script; $job is mpirun.
begin() {
    ranks=$1
    log=$2
    shift 2
    "$MPIRUN" -n "$ranks" "$KERF" "$@" >"$log" 2>&1 </dev/null &
    job=$!
}

# child_of PID NUM: the process number NUM, from 1, that mpirun has begun.
child_of() {
    cut -d" " -f"$2" "/proc/$1/task/$1/children"
}

# need_python: without $PYTHON the test is skipped, or fails where a device is demanded.
need_python() {
    [ -x "$PYTHON" ] && return
    echo "no $PYTHON: ./bootstrap test makes it"
    [ -n "${KERF_REQUIRE_DEVICE:-}" ] && exit 1
    exit 77
}

finish() {
    [ "$failures" = 0 ] && echo passed && exit 0
    echo "$failures failed"
    exit 1
}

# The device of tests/device/stub_icd.c, which breaks as KERF_STUB tells and else hands on to
# the driver of this test run; that one stands beside it.
use_stub_driver() {
    KERF_STUB_DRIVER=$(cat "$OCL_ICD_VENDORS")
    mkdir vendors
    cp "$OCL_ICD_VENDORS" vendors/good.icd
    echo "$KERF_STUB_LIBRARY" >vendors/stub.icd
    export KERF_STUB_DRIVER OCL_ICD_VENDORS="$work/vendors" KERF_DEVICE="stub device"
}
