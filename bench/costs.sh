#!/bin/sh
# costs.sh M.onnx... -- does a network that was looked for here, by costs that were measured there,
# take there what was asked for?  Channels go until 75 and 50 % of the time are left; then the
# network is timed there, alone, in turns with the whole one.
#
# THERE and HERE are ICD files of two OpenCL implementations (OCL_ICD_VENDORS), KERF the command,
# TIMED what stands before it where time counts ("chrt -f 50").  The least of ROUNDS medians, as
# costs are measured, beside the target; docs/costs.md has what came of it.
set -eu
KERF=${KERF:-kerf}
ROUNDS=${ROUNDS:-5}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

there() { # shellcheck disable=SC2086 -- words
    OCL_ICD_VENDORS=$THERE ${TIMED-} "$KERF" "$@"
}
value() { python3 -c 'import json, sys; print(eval("x" + sys.argv[2], {"x": json.load(open(sys.argv[1]))}))' "$1" "$2"; }

# least FILE...: of each, in turns.
least() {
    : >"$work/times"
    for round in $(seq "$ROUNDS"); do
        for file in "$@"; do
            there bench "$file" --duration 0.5 --json >"$work/time.json"
            echo "$file $(value "$work/time.json" '["infer"]["ms_median"]')" >>"$work/times"
        done
    done
    for file in "$@"; do
        awk -v f="$file" '$1 == f && (least == "" || $2 < least) { least = $2 } END { print least }' "$work/times"
    done
}

for model in "$@"; do
    there bench "$model" --costs --duration 0.5 -f -o "$work/there.json" >"$work/costs.txt"
    whole=$(value "$work/there.json" '["points"][0]["ms"]')
    for part in 0.75 0.5; do
        target=$(awk "BEGIN { printf \"%.4f\", $whole * $part }")
        OCL_ICD_VENDORS=$HERE "$KERF" prune "$model" --remove --latency "${target}ms@$work/there.json" -f -q -o "$work/cut.onnx" >"$work/cut.txt"
        there bench "$work/cut.onnx" --runs 3 -q >"$work/built.txt"
        # shellcheck disable=SC2046 -- two numbers
        set -- $(least "$model" "$work/cut.onnx")
        awk -v m="$model" -v t="$target" -v w="$whole" -v a="$1" -v b="$2" 'BEGIN {
            printf "%s: target %.3f of %.3f ms; there the whole takes %.3f, what was found %.3f: %+.1f %% (of the whole %.3f, wanted %.3f)\n",
                m, t, w, a, b, 100 * (b / t - 1), b / a, t / w }'
    done
done
