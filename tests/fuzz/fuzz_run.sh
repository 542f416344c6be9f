#!/bin/sh
# fuzz_run.sh build            builds the fuzzers in build/fuzz
# fuzz_run.sh NAME SECONDS     runs one; what it finds goes to build/fuzz/found
#
# Without clang both skip (77), or fail where a skip must not pass (KERF_REQUIRE_DEVICE).
set -eu
cd "$(dirname "$0")/../.."
root=$PWD

if ! command -v clang >/dev/null; then
    echo "skipped: the fuzzers need clang (Debian: clang libclang-rt-14-dev)"
    [ -z "${KERF_REQUIRE_DEVICE:-}" ] || exit 1
    exit 77
fi

if [ "$1" = build ]; then
    cmake --preset fuzz >/dev/null
    exec cmake --build build/fuzz --target fuzzers
fi

name=$1
corpus=$root/build/fuzz/corpus/$name
mkdir -p "$corpus" build/fuzz/found build/fuzz/empty
# Seeds: golden files in the fuzzer's format, by suffix, and what a script of its own makes.
seeds=$root/build/fuzz/seeds/$name
mkdir -p "$seeds"
find tests/golden -name "*$name*" -type f -exec cp {} "$seeds" \;
if [ -x "tests/fuzz/seeds_$name.sh" ]; then "tests/fuzz/seeds_$name.sh" "$seeds"; fi
# External data is looked for in an empty folder.
cd build/fuzz/empty
# What it finds is a failure: its own code for that, 77, would pass for a skip.
exec "$root/build/fuzz/tests/fuzz/fuzz_$name" -error_exitcode=1 -max_total_time="$2" -timeout=10 -rss_limit_mb=2048 \
    -max_len=65536 -print_final_stats=1 -verbosity=0 -artifact_prefix="$root/build/fuzz/found/$name-" \
    "$corpus" "$seeds"
