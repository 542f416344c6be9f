#!/bin/sh
# seeds_cache.sh DIR -- a list of verdicts, a tuning file, and damage to one, to start from.
set -eu
cat >"$1/verdict" <<'END'
[{"platform": "P", "name": "N", "driver": "1", "works": true, "why": "", "max_group": 256,
"features": {"divides_exactly": 1, "f16": 0, "f64": 1, "sub_groups": 16, "dot_khr": 0,
"dot_x86": 0, "vector_floats": 16, "binaries": 1,
"streaming_stores": 1}}]
END
printf 'kerf-tuning 2 0.1.0 0123456789abcdef0123456789abcdef\nm=1\tgemm\t1\t0123456789abcdef\n' >"$1/tuning"
printf '\000\003x\000\100\000' >"$1/damage"
