#!/bin/sh
# use.sh KERF [STARTER] -- the single file, alone in a folder, as a person has it who carried it here:
# it tries the driver by itself, infers, trains, prunes, runs a grid and shows.  With KERF_TEST_SMALL
# (under qemu, where each kernel takes seconds to compile) it only infers.  STARTER: wine.
set -u
failures=0
work=$(mktemp -d)
starter=${2:-}
# Wine's server stays for a while, and writes to its folder when it goes.
trap '[ "$starter" != wine ] || wineserver -k; rm -rf "$work"' EXIT
name=kerf
[ -z "$starter" ] || name=kerf.exe
cp "$1" "$work/$name" || exit 1
cd "$work" || exit 1
[ "$starter" != wine ] || export WINEPREFIX="$work/wine" WINEDEBUG=-all
unset KERF_PROBE KERF_DEVICE # of a test run

# ends CODE WORDS ARG...
ends() {
    code=$1
    words=$2
    shift 2
    $starter "./$name" "$@" >out.txt 2>&1 </dev/null
    got=$?
    [ $got = "$code" ] || {
        echo "FAILED: exit $got, not $code: kerf $*"
        failures=$((failures + 1))
    }
    [ -z "$words" ] || grep -qF -e "$words" out.txt || {
        echo "FAILED: no '$words' from kerf $*:"
        head -n 5 out.txt
        failures=$((failures + 1))
    }
}
# expect WORDS ARG...
expect() {
    ends 0 "$@"
}
# refused WORDS ARG...: wrong usage, said in a line.
refused() {
    ends 2 "$@"
}
expect "jansson 2.14" --version -v
expect "Permission is hereby granted" --version -v
expect "lenet-5" new --list
expect "" new lenet-300-100 --input 1,8,8 -q -o m.onnx
expect "weights" info m.onnx
data="--data random:1,8,8,10"
kept=${KERF_CACHE_DIR:-$work/cache}
export KERF_CACHE_DIR="$work/cache" # nothing is known of the driver
# shellcheck disable=SC2086  # words
expect "top-1" eval m.onnx $data
[ -n "$(ls cache/probe 2>/dev/null)" ] || {
    echo "FAILED: no driver was tried"
    failures=$((failures + 1))
}
KERF_CACHE_DIR=$kept
# shellcheck disable=SC2086  # words
[ -n "${KERF_TEST_SMALL:-}" ] || {
    expect "weights" train m.onnx $data --epochs 1 --batch 32 -o t.onnx
    expect "weights" prune t.onnx --sparsity 0.9 $data --retrain 1 --batch 32 -o p.kerf
    expect "" report t.run -o page.html
    grep -q "Chart.js v" page.html || failures=$((failures + 1))
    cat >grid.yaml <<'END'
kerf: 1
model: lenet-300-100
width: 0.2
data: random:1,8,8,10
train: {epochs: 1, batch: 64}
steps: [prune: {start: 0, sparsity: 0.9}]
END
    expect "sparsity=0.5" run grid.yaml --sweep 'steps.0.prune.sparsity=[0.5,"0.9"]' -o "a grid"
    [ -s "a grid/point-2-seed-1/model.onnx" ] || {
        echo "FAILED: the second run of the grid left no network"
        failures=$((failures + 1))
    }
}
[ -z "$starter" ] || {
    refused "--on: not from Windows, must run on Linux or Android" devices --on 'ssh there'
    refused "--start: not on Windows" bench m.onnx --start
    refused "--beside there: not on Windows" bench gemm --beside there
}
[ $failures = 0 ] && echo passed
exit $failures
