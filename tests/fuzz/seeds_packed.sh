#!/bin/sh
# seeds_packed.sh FOLDER -- the golden packed files, which the fuzzer goes on from.
set -eu
cp "$(dirname "$0")"/../golden/packed/*.kerf "$1"
