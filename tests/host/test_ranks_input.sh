#!/bin/sh
# test_ranks_input.sh -- what ranks are begun with and cannot do, or that looks like a mistake: options, networks
# and data that are unlike, too few samples, one GPU for two (docs/cluster.md).
. "$(dirname "$0")/lib.sh"

expect 0 "" "$KERF" new lenet-300-100 --width 0.1 --input 1,8,8 --classes 4 -o m.onnx
data="--data random:1,8,8,4 --val 256 --batch 384"

# ---- what is refused, and said once -------------------------------------------------------------
# said_once CODE WORDS COMMAND...
said_once() {
    words=$2
    expect "$@"
    [ "$(cat out.txt err.txt | grep -cF -e "$words")" = 1 ] || failed "'$words' is not said once"
}
# shellcheck disable=SC2086
{
    said_once 2 "kerf: eval: is no work for several: must be begun without mpirun" together 2 eval m.onnx $data
    said_once 2 "kerf: train: --epochs -2: must be at least 0" together 2 train m.onnx $data --epochs -2 -o x.onnx
    said_once 1 "kerf: train: batch 4 has no sample for each of 5 ranks: must be at least accumulate times ranks, 5" \
        together 5 train m.onnx --data random:1,8,8,4 --batch 4 -o x.onnx
    said_once 1 "kerf: train: balance fast: must be even, measure, or shares of ranks above 0, like 3,1" \
        together 2 train m.onnx $data --balance fast -o x.onnx
    said_once 1 "kerf: train: balance 3,2,1 has 3 shares: must be one for each of 2 ranks" \
        together 2 train m.onnx $data --balance 3,2,1 -o x.onnx
    grep -q "warning:" err.txt && failed "ranks on cores, which are shared by intention, are warned of: $(cat err.txt)"
    expect 1 "rank 1: kerf: train: gone.onnx: cannot be read" "$MPIRUN" -n 1 "$KERF" train m.onnx $data -o x.onnx \
        : -n 1 "$KERF" train gone.onnx $data -o x.onnx
    said_once 1 "kerf: train: rank 1 has epochs=3, rank 0 has epochs=2; all must be alike" "$MPIRUN" -n 1 "$KERF" train m.onnx $data --epochs 2 -o x.onnx \
        : -n 1 "$KERF" train m.onnx $data --epochs 3 -o x.onnx
}

# ---- what would wait for each other ----------------------------------------------------------------
# apart FIRST SECOND: the words of a rank each.
# shellcheck disable=SC2086
apart() {
    timeout 60 "$MPIRUN" -n 1 "$KERF" $1 : -n 1 "$KERF" $2
}
expect 0 "" together 2 train m.onnx $data --epochs 1 -q -o x.onnx
said_once 1 "kerf: train: rank 1 has no resume, rank 0 has resume=true; all must be alike" \
    apart "train m.onnx $data --epochs 1 -o x.onnx -f --resume" "train m.onnx $data --epochs 1 -o x.onnx -f"
said_once 1 "kerf: train: rank 1 has resume=true, rank 0 has no resume; all must be alike" \
    apart "train m.onnx $data --epochs 1 -o x.onnx -f" "train m.onnx $data --epochs 1 -o x.onnx -f --resume"
said_once 1 "kerf: train: rank 1 has command=prune, rank 0 has command=train; all must be alike" \
    apart "train m.onnx $data -o x.onnx -f" "prune m.onnx $data --sparsity 0.5 -o x.onnx -f"
said_once 1 "kerf: train: rank 1 has no local-steps, rank 0 has local-steps=2; all must be alike" \
    apart "train m.onnx $data -o x.onnx -f --local-steps 2" "train m.onnx $data -o x.onnx -f"
said_once 1 "kerf: train: rank 1 has batch-norm=together, rank 0 has no batch-norm; all must be alike" \
    apart "train m.onnx $data -o x.onnx -f" "train m.onnx $data -o x.onnx -f --batch-norm together"
# What each rank has for itself.
cp m.onnx copy.onnx
expect 0 "" apart "train m.onnx $data --epochs 1 -q -o x.onnx -f" "train copy.onnx --epochs 1 -v $data -o y.onnx --device 0"
[ -e y.onnx ] && failed "rank 1 writes"
rm -r x.onnx x.run
expect 0 "" "$KERF" new lenet-300-100 --width 0.1 --input 1,8,8 --classes 4 --seed 2 -o other.onnx
said_once 1 "kerf: prune: rank 1 has weights=" apart "prune m.onnx --analyse $data" "prune other.onnx --analyse $data"
said_once 1 "kerf: quantize: rank 1 has weights=" apart "quantize m.onnx $data -o x.onnx" "quantize other.onnx $data -o x.onnx"
said_once 1 "kerf: quantize: rank 1 has no run-dir, rank 0 has run-dir=given; all must be alike" \
    apart "quantize m.onnx $data --analyse --run-dir q -o x.onnx" "quantize m.onnx $data --analyse -o x.onnx"
echo 1 >one.json
echo 2 >two.json
said_once 1 "kerf: quantize: rank 1 has ranges=" apart "quantize m.onnx $data --ranges one.json -o x.onnx" \
    "quantize m.onnx $data --ranges two.json -o x.onnx"
said_once 1 "kerf: prune: rank 1 has latency=8, rank 0 has latency=5; all must be alike" \
    apart "prune m.onnx $data --latency 5@one.json -o x.onnx" "prune m.onnx $data --latency 8@two.json -o x.onnx"
said_once 1 "kerf: prune: rank 1 has packed=0, rank 0 has packed=1; all must be alike" \
    apart "prune m.onnx $data --size 9K -o x.kerf" "prune m.onnx $data --size 9K -o x.onnx"
LC_ALL=C sed 's/Relu/Tanh/g' m.onnx >tanh.onnx
said_once 1 "kerf: prune: rank 1 has network=" apart "prune m.onnx --analyse $data" "prune tanh.onnx --analyse $data"
printf 'kerf: 1\nmodel: m.onnx\ndata: "random:1,8,8,4"\ntrain: {epochs: 1, lr: 0.1}\n' >a.yaml
sed 's/0.1/0.2/' a.yaml >b.yaml
said_once 1 "kerf: run: rank 1 has recipe=" apart "run a.yaml -o a" "run b.yaml -o a"
said_once 1 "rank 1: kerf: run: gone.yaml: cannot be read" apart "run a.yaml -o a" "run gone.yaml -o a"
said_once 1 'kerf: run: rank 1 has output="b", rank 0 has output="a"; all must be alike' \
    apart "run a.yaml -o a --seeds 2" "run a.yaml -o b --seeds 2"
[ -e a ] && failed "ranks of two recipes leave a folder"

# Two machines whose folders of the run are not the same.
mkdir one two
expect 0 "" "$KERF" train m.onnx $data --epochs 2 -q -o one/x.onnx
cp -r one/x.run two/
mv two/x.run/checkpoint.old two/x.run/checkpoint
said_once 1 "kerf: train: rank 1 has checkpoint-" timeout 60 "$MPIRUN" -n 1 -wdir "$PWD/one" "$KERF" train ../m.onnx $data --epochs 2 \
    -o x.onnx -f --resume : -n 1 -wdir "$PWD/two" "$KERF" train ../m.onnx $data --epochs 2 -o x.onnx -f --resume

# ---- data ---------------------------------------------------------------------------------------
# picture FILE BYTE: 8x8, all of one colour.
picture() {
    mkdir -p "$(dirname "$1")"
    { printf 'P6 8 8 255\n' && head -c 192 /dev/zero | tr '\000' "$2"; } >"$1"
}
for i in 1 2 3 4; do
    for folder in here there; do
        picture $folder/data/a/$i.ppm A
        picture $folder/data/b/$i.ppm B
    done
done
picture there/data/b/3.ppm C
expect 0 "" "$KERF" new lenet-300-100 --width 0.1 --input 3,8,8 --classes 2 -o pictures.onnx
pictures="--data images:data --epochs 1 --batch 4 -q"
# shellcheck disable=SC2086
{
    train="$KERF train ../pictures.onnx $pictures"
    expect 0 "" "$MPIRUN" -n 1 -wdir "$PWD/here" $train -o ../same.onnx : -n 1 -wdir "$PWD/here" $train -o ../same.onnx
    said_once 1 "kerf: train: rank 1 has data=" "$MPIRUN" -n 1 -wdir "$PWD/here" $train -o ../x.onnx \
        : -n 1 -wdir "$PWD/there" $train -o ../x.onnx
    said_once 1 "kerf: train: batch is 9: must be from 1 to the number of training samples" \
        together 2 train pictures.onnx --data images:here/data --batch 9 -o x.onnx
    said_once 1 "kerf: train: 2 training samples for 3 ranks: must be one for each at least" \
        together 3 train pictures.onnx --data images:here/data --val 6 --batch 2 -o x.onnx
}
[ -e x.onnx ] && failed "what is refused leaves a file"

# ---- devices ------------------------------------------------------------------------------------
# The run itself is refused, so that it is short.
# shellcheck disable=SC2086
{
    export KERF_TEST_TYPE=gpu
    said_once 1 "kerf: train: warning: ranks 0 and 1 of one machine share " \
        together 3 train m.onnx $data --balance 1,1,1,1,1 --device 0,0 -o x.onnx
    grep -q "share [^ :].*: each must have a GPU of its own" err.txt || failed "the GPU has no name: $(cat err.txt)"
    grep -qF "2 devices are named for 3 ranks of a machine: from rank 2 of it on they take them again" err.txt ||
        failed "a short list is not told: $(cat err.txt)"
}

finish
