#!/bin/sh
# costs.sh M.onnx... -- does a network that was looked for here, by costs that were measured there,
# take there what was asked for?  Each search of HOW aims at shares of the whole's time; what it
# found runs there in turns with the whole network, and the median of ratios is beside that share and
# beside what the costs predict: where there are few networks to choose among, that is less.
#
# THERE and HERE are ICD files of two OpenCL implementations (OCL_ICD_VENDORS), KERF the command,
# TIMED what stands before it where time counts ("chrt -f 50"), DATA what quantizing looks at
# (random images of the model's shape will do: only times are asked).  docs/costs.md has what came of it.
set -eu
KERF=${KERF:-kerf}
ROUNDS=${ROUNDS:-3}
HOW=${HOW:-channels zeros static weight-only}
PARTS=${PARTS:-0.75 0.5}
DATA=${DATA:-random:1,28,28,10}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

there() {
    # shellcheck disable=SC2086 # words
    OCL_ICD_VENDORS=$THERE ${TIMED-} "$KERF" "$@"
}
value() { python3 -c 'import json, sys; print(eval("x" + sys.argv[2], {"x": json.load(open(sys.argv[1]))}))' "$1" "$2"; }

# look HOW MODEL MS: into $work/cut.onnx; fails where no network is so fast by the costs.
look() {
    case $1 in
    channels) set -- prune "$2" --remove --latency "$3" ;;
    zeros) set -- prune "$2" --data "$DATA" --latency "$3" ;;
    *) set -- quantize "$2" --data "$DATA" --mode "$1" --latency "$3" ;;
    esac
    OCL_ICD_VENDORS=$HERE "$KERF" "$@" -f --json -o "$work/cut.onnx" >"$work/cut.json" 2>"$work/cut.txt"
}

# Milliseconds of what was found, by the costs: each search tells them in its own way.
predicted() {
    python3 -c 'import json, sys
found = json.load(open(sys.argv[1]))["found"]
if isinstance(found, list):
    found = found[0]
print([p for p in found["curve"] if p["chosen"]][0]["ms"] if "curve" in found else found["ms"])' "$work/cut.json"
}

# The ratio of cut.onnx to the model: the median of ROUNDS medians of pairs.
ratio() {
    there bench "$1" "$work/cut.onnx" --runs 3 -q >"$work/built.txt"
    for _ in $(seq "$ROUNDS"); do
        there bench "$1" "$work/cut.onnx" --duration 0.5 --json >"$work/time.json"
        python3 -c 'import json, sys
r = json.load(open(sys.argv[1]))["ratio"][0]
print(r["median"] if r["of"] == sys.argv[2] else 1 / r["median"])' "$work/time.json" "$work/cut.onnx"
    done | sort -n | awk '{ all[NR] = $1 } END { print all[int((NR + 1) / 2)] }'
}

for model in "$@"; do
    there bench "$model" --costs --duration 0.5 -f -o "$work/there.json" >"$work/costs.txt"
    whole=$(value "$work/there.json" '["points"][0]["ms"]')
    for how in $HOW; do
        for part in $PARTS; do
            target=$(awk "BEGIN { printf \"%.4f\", $whole * $part }")
            if look "$how" "$model" "${target}ms@$work/there.json"; then
                ratio "$model" | awk -v m="$model" -v h="$how" -v p="$part" -v w="$whole" -v ms="$(predicted)" '{
                    printf "%s: %s: asked for %.3f of the whole, predicted %.3f, takes %.3f: %+.1f %%, %+.1f %% of predicted\n",
                        m, h, p, ms / w, $1, 100 * ($1 / p - 1), 100 * ($1 * w / ms - 1) }'
            else
                echo "$model: $how: $part of the whole cannot be reached"
            fi
        done
    done
done
