#!/bin/sh
# slow_links.sh -- what a step of 2 ranks takes on links of 100 and 10 Mbit/s, with and without losses, by
# how gradients travel; docs/cluster.md has what came of it.
#
# Each rank has a host of its own on this machine (tests/host/hosts.sh; root, or a system that lets users have
# networks).  A step's time is that of the second epoch over its steps, the fastest of ROUNDS, in milliseconds; all
# ways take turns.  MODEL learns 8,192 random images of INPUT at BATCH.  KERF and MPIRUN name the commands.
. "$(dirname "$0")/../tests/host/hosts.sh"
hosts_enter "$0" "$@"
set -eu
KERF=${KERF:-build/release/kerf}
MPIRUN=${MPIRUN:-mpirun}
MODEL=${MODEL:-lenet-300-100}
INPUT=${INPUT:-1,28,28}
BATCH=${BATCH:-1024}
ROUNDS=${ROUNDS:-3}
LINKS=${LINKS:-100mbit:0 100mbit:1 10mbit:0 10mbit:1} # rate, and percent of frames that are lost
WAYS=${WAYS:-f32 int8 local sparse both}
export POCL_MAX_PTHREAD_COUNT="${POCL_MAX_PTHREAD_COUNT:-1}"
work=$(mktemp -d)
hosts_begin 2
"$KERF" new "$MODEL" --input "$INPUT" --classes 10 -q -o "$work/m.onnx" >/dev/null

# The words of a way for gradients to travel.
words() {
    case $1 in
    f32) echo "train --epochs 2" ;;
    int8) echo "train --epochs 2 --gradients int8" ;;
    sparse) echo "prune --sparsity 0.95 --retrain 2" ;;
    both) echo "prune --sparsity 0.95 --retrain 2 --gradients int8" ;;
    local) echo "train --epochs 2 --local-steps 4" ;;
    esac
}

# step_ms WAY
step_ms() {
    command=$(words "$1")
    # shellcheck disable=SC2086 -- words
    hosts_run "$KERF" ${command%% *} "$work/m.onnx" ${command#* } --data "random:$INPUT,10" --batch "$BATCH" \
        -o "$work/out.onnx" -f -q --json >"$work/told"
    sed -n 's/.*"epoch":2,[^}]*"images_per_s":\([0-9.e+-]*\).*/\1/p' "$work/told" |
        awk "{ print 1e3 * $BATCH / \$1 }"
}

for link in $LINKS; do
    hosts_link "${link%:*}" "${link#*:}"
    for _ in $(seq "$ROUNDS"); do
        for way in $WAYS; do
            ms=$(step_ms "$way")
            echo "$link $way $ms"
        done
    done
done >"$work/all"

awk -v ways="$WAYS" '
    { if (!(($1, $2) in ms)) { ms[$1, $2] = $3; } if ($3 < ms[$1, $2]) ms[$1, $2] = $3 }
    !($1 in seen) { seen[$1] = 1; links[++num] = $1 }
    END {
        n = split(ways, way, " ")
        printf "| link | lost |"
        for (w = 1; w <= n; w++) printf " %s |", way[w]
        printf "\n"
        for (i = 1; i <= num; i++) {
            split(links[i], link, ":")
            printf "| %s | %s %% |", link[1], link[2]
            for (w = 1; w <= n; w++) printf " %.1f |", ms[links[i], way[w]]
            printf "\n"
        }
    }' "$work/all"
