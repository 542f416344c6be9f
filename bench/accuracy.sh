#!/bin/sh
# accuracy.sh [SEEDS [EPOCHS [NET]]] -- accuracy at density, Kerf and PyTorch by the same recipe, same
# day, same machine; prints both means and says where Kerf is more than 0.15 points behind.
#
# Kerf's side is bench/accuracy.c, PyTorch's bench/peers/torch_prune.py (./bootstrap peers).
# PyTorch's results are taken from KERF_TORCH_PRUNE, a file of its lines, where that is set.
set -eu
seeds=${1:-5}
epochs=${2:-20}
net=${3:-lenet-300-100} # or lenet-5
root=$(cd "$(dirname "$0")/.." && pwd)
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
"$root/build/release/tests/bench_accuracy" --net "$net" --seeds "$seeds" --epochs "$epochs" | tee "$out/kerf.json"
peer=${KERF_TORCH_PRUNE:-}
if [ -z "$peer" ]; then
    peer=$out/torch.json
    "$root/build/venv-peers/bin/python" "$root/bench/peers/torch_prune.py" \
        --net "$net" --seeds "$seeds" --epochs "$epochs" | tee "$peer"
fi
# The last line of each: {"mean": {"dense": 90.1, "0.9": 89.8, ...}}
means() {
    tail -n 1 "$1" | tr -d '{}" ' | sed 's/^mean://' | tr ',' '\n' | tr ':' ' '
}
means "$out/kerf.json" > "$out/kerf.txt"
means "$peer" | while read -r share torch; do
    kerf=$(awk -v share="$share" '$1 == share {print $2}' "$out/kerf.txt")
    awk -v s="$share" -v k="$kerf" -v t="$torch" 'BEGIN {
        printf "%-6s kerf %6.2f  torch %6.2f  %+.2f%s\n", s, k, t, k - t, k < t - 0.15 ? "  MISSED" : ""
    }'
done | tee "$out/table"
! grep -q MISSED "$out/table"
