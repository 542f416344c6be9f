#!/bin/sh
# test_print_recipe.sh -- the recipe that a single command stands for leaves the same bits.
. "$(dirname "$0")/lib.sh"

data="--data random:1,8,8,4 --val 512 --batch 64"
expect 0 "" "$KERF" new lenet-300-100 --width 0.1 --input 1,8,8 --classes 4 -q -o net.onnx
# shellcheck disable=SC2086 -- words
expect 0 "" "$KERF" train net.onnx $data --epochs 0.5 -q -o dense.onnx

# same COMMAND...: by itself and by its recipe.
same() {
    expect 0 "" "$KERF" "$@" -q -f -o alone.onnx
    "$KERF" "$@" --print-recipe >r.yaml || failed "--print-recipe: $*"
    expect 0 "" "$KERF" run r.yaml -q -f -o run
    cmp -s alone.onnx run/model.onnx || failed "its recipe gives other bits: $*: $(cat r.yaml)"
}

# shellcheck disable=SC2086 -- words
{
    same train net.onnx $data --epochs 1 --lr 0.02 --schedule exp --warmup 0.25 --freeze 'fc3*' --seed 3
    same train net.onnx $data --epochs 0.5 --optimizer adamw --weight-decay 0.01 --label-smoothing 0.1 --mixup 0.2 --precision mixed
    same train net.onnx $data --epochs 0.5 --accumulate 4 --clip 0.5 --gradients int8 --local-steps 1 --balance 3,1 --batch-norm together
    same train net.onnx $data --epochs 1 --penalty l1=1e-3 --penalty-from 0.25 --penalty-until 0.75
    same prune dense.onnx $data --sparsity 0.9 --layers fc1 --layers 'fc2*'
    same prune dense.onnx $data --sparsity 'fc1=0.9,*=0.5' --events 3 --retrain 0.25 --finetune 0.5 --lift 0.25
    same prune dense.onnx $data --sparsity 0.8 --scope global --method taylor --events 2 --retrain 0.25 \
        --distill self --temperature 3 --curve linear
    same prune dense.onnx $data --s 1.2 --method std --events 2 --retrain 0.5 --rewind 0.25
    same prune dense.onnx $data --remove --sparsity 0.5 --criterion taylor --calibrate 64 --scope global --finetune 0.5
    same prune dense.onnx $data --remove --macs 50% --round-to 4 --layers 'fc[12]' --finetune 0.25
    same quantize dense.onnx $data --weights int4 --observer percentile=99.9 --calibrate 100
    same quantize dense.onnx $data --mode dynamic --skip fc3
    same quantize dense.onnx $data --mode qat --epochs 0.5 --freeze-observers 0.25 --equalize
    same quantize dense.onnx $data --mode qat --epochs 0.25 --learn-ranges --weights int2
    same distill dense.onnx net.onnx $data --epochs 0.5 --temperature 2 --alpha 0.5 --tap fc1=fc1:mse:0.5
    same share dense.onnx $data --bits 3 --init density --skip fc3
    expect_error 2 "kerf: prune: --print-recipe: --max-drop has no place in a recipe" \
        "$KERF" prune dense.onnx $data --max-drop 1 --print-recipe
}
expect_error 2 "kerf: quantize: --print-recipe: a recipe has data; --data is missing" \
    "$KERF" quantize dense.onnx --print-recipe

# The timetable of the same, without any work: 3 prunings and no word of what is not in it.
expect 0 "150 steps of" "$KERF" prune dense.onnx --data random:1,8,8,4 --val 512 --batch 64 --sparsity 0.9 --events 3 \
    --retrain 0.25 --finetune 0.5 --dry -f -o dry.onnx
[ "$(grep -c prune out.txt)" = 3 ] || failed "--dry shows other prunings: $(cat out.txt)"
grep -q observers out.txt && failed "--dry tells of ranges where nothing is quantized"
[ -e dry.onnx ] && failed "--dry leaves a file"
expect_error 2 "kerf: quantize: --dry: a recipe has data; --data is missing" "$KERF" quantize dense.onnx --dry

finish
