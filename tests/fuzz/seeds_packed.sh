#!/bin/sh
# seeds_packed.sh FOLDER -- small packed files that the fuzzer goes on from.
set -eu
cp "$(dirname "$0")"/../golden/*.kerf "$1" 2>/dev/null || true
