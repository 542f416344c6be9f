#!/bin/sh
# record.sh [BUILD] -- runs the gates and writes down what they find: amd.tsv, intel.tsv and
# docs/kernels.md.  After a kernel changed; what got worse shows in the diff.
set -eu
cd "$(dirname "$0")/../.."
build=${1:-build/test-release}
python=$(sed -n 's/^KERF_TEST_PYTHON:[A-Z]*=//p' "$build/CMakeCache.txt")
ocloc=$(sed -n 's/^KERF_OCLOC:[A-Z]*=//p' "$build/CMakeCache.txt")
cmake --build "$build" --target gate_programs
"$build/tests/gate_programs" "$build/gate/programs"
for gate in amd intel page; do
    "$python" -B tests/gate/gate.py $gate --record --programs "$build/gate/programs" \
        --cache "$build/gate/cache" --ocloc "$ocloc" --table tests/gate/$gate.tsv \
        --page docs/kernels.md
done
