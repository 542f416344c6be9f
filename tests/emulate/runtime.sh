#!/bin/sh
# runtime.sh CMAKE READELF -- the small runtime for AArch64, by the same files as Android's, and what
# it needs of a phone (tests/meta/runtime.cmake).
set -eu
cd "$(dirname "$0")/../.."
cmake/fetch_sources.sh build/sources
"$1" --preset runtime-linux-arm64 "-DCMAKE_SHARED_LINKER_FLAGS=-fuse-ld=lld -Wl,-s"
"$1" --build --preset runtime-linux-arm64
"$1" -DREADELF="$2" -DLIBRARY=build/runtime-linux-arm64/libkerf-run.so -DMOST_BYTES=1500000 \
    "-DNEEDED=lib(c|m|dl)[.]so[.0-9]*|ld-linux-aarch64.*" -P tests/meta/runtime.cmake
