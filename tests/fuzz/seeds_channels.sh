#!/bin/sh
# seeds_channels.sh FOLDER -- networks whose channels the fuzzer takes out: those of seeds_onnx.sh,
# and the golden files.
set -eu
"$(dirname "$0")/seeds_onnx.sh" "$1"
find "$(dirname "$0")/../golden" -name "*.onnx" -type f -exec cp {} "$1" \;
