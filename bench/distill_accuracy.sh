#!/bin/sh
# distill_accuracy.sh [SEEDS [EPOCHS [WIDTH]]] -- what a small student gains by a teacher: LeNet-5 at a tenth of its
# width on Fashion-MNIST, by labels and by each loss, the same first weights, order and epochs.
#
# Prints top-1 of each seed and the mean gain over labels alone; wanted: 0.5 points. KERF names the command,
# TEACHER a file (else one of full width is trained first), LOSSES what is tried, FIRST the first seed (1).
set -eu
seeds=${1:-5}
epochs=${2:-20}
width=${3:-0.1}
: "${KERF:=build/release/kerf}" "${TEACHER:=}" "${DATA:=fashion-mnist}"
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
common="--data $DATA --val 5000 --epochs $epochs --lr ${LR:-0.02} --warmup 1 -q -f"

if [ -z "$TEACHER" ]; then
    TEACHER=$out/teacher.onnx
    "$KERF" new lenet-5 --seed 100 -q -o "$out/fresh.onnx" >/dev/null
    "$KERF" train "$out/fresh.onnx" $common --seed 100 -o "$TEACHER" >/dev/null
fi

top1() {
    "$KERF" eval "$1" --data "$DATA" --json | sed 's/.*"top1": *\([0-9.]*\).*/\1/;q'
}

# NAME, then the options that make it.
how() {
    case $1 in
    soft) echo "--temperature 4 --alpha 0.9" ;;
    dkd) echo "--alpha 0 --temperature 4 --tap fc2:dkd:0.1" ;;
    attention) echo "--temperature 4 --alpha 0.9 --tap conv2:attention:100" ;;
    similarity) echo "--temperature 4 --alpha 0.9 --tap conv2:similarity:1000" ;;
    distance) echo "--temperature 4 --alpha 0.9 --tap relu1:distance:5" ;;
    hint) echo "--temperature 4 --alpha 0.9 --hint-epochs 1 --tap conv2:mse:0.1@0-1" ;;
    esac
}

for seed in $(seq "${FIRST:-1}" "$seeds"); do
    "$KERF" new lenet-5 --width "$width" --seed "$seed" -q -f -o "$out/student.onnx" >/dev/null
    "$KERF" train "$out/student.onnx" $common --seed "$seed" -o "$out/labels.onnx" >/dev/null
    echo "$seed labels $(top1 "$out/labels.onnx")"
    for loss in ${LOSSES:-soft dkd attention similarity distance}; do
        # shellcheck disable=SC2046
        "$KERF" distill "$TEACHER" "$out/student.onnx" $common --seed "$seed" $(how "$loss") -o "$out/$loss.onnx" >/dev/null
        echo "$seed $loss $(top1 "$out/$loss.onnx")"
    done
done | tee "$out/all"

awk -v first="${FIRST:-1}" '{ sum[$2] += $3; num[$2]++; top[$1 " " $2] = $3 }
END {
    for (loss in sum) {
        worst = 100
        for (seed = first; seed < first + num[loss]; seed++) {
            gain = top[seed " " loss] - top[seed " labels"]
            worst = gain < worst ? gain : worst
        }
        printf "%-10s mean %.2f  gain %+.2f  least %+.2f\n", loss, sum[loss] / num[loss],
            sum[loss] / num[loss] - sum["labels"] / num["labels"], worst
    }
}' "$out/all" | sort -k5 -rn
