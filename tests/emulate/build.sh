#!/bin/sh
# build.sh -- the AArch64 cross build, build/linux-arm64, by the same files as Android's.
set -eu
cd "$(dirname "$0")/../.."
cmake/fetch_sources.sh build/sources
cmake --preset linux-arm64
cmake --build --preset linux-arm64
