#!/bin/sh
# test_tune.sh -- `kerf tune` as a person uses it: the table and the JSON, the budget, Ctrl-C, a
# model that cannot be trained, and plans that take what was found.
. "$KERF_TEST_SOURCE/tests/host/lib.sh"
mkdir cache
ln -s "$KERF_CACHE_DIR/programs" cache/ # built once; what is tuned here is nobody else's
KERF_CACHE_DIR=$work/cache
export KERF_CACHE_DIR
stores="$KERF_CACHE_DIR/tuning"

# whole_store: every line but the first is case, choice, milliseconds and check, parted by tabs.
whole_store() {
    for store in "$stores"/*.txt; do
        tab=$(printf '\t')
        sed 1d "$store" | grep -vqE "^[^$tab]+$tab[^$tab]+$tab[0-9.e+-]+$tab[0-9a-f]+\$" &&
            failed "a line of $store is not whole"
    done
}

"$KERF" new lenet-300-100 --input 1,4,4 --width 0.1 -o m.onnx >/dev/null
expect_json "device cases.0.case cases.0.variant cases.0.untuned cases.0.ms plans.0.cases \
    plans.0.measured plans.0.changed plans.0.ratio plans.0.ci95.1 plans.1.taken_back" \
    "$KERF" tune m.onnx --batch 8 --json
grep -q '"plan":"m.onnx, batch 8, inference"' out.txt || failed "no plan for inference"
grep -q '"plan":"m.onnx, batch 8, training"' out.txt || failed "no plan for training"
[ "$(ls "$stores")" ] || failed "nothing was remembered"
whole_store

# Every case that plans have is in the store from now on, so nobody guesses.
expect_json "layers.0.variant" "$KERF" bench m.onnx --batch 8 --runs 2 --warm 0 --json
variant=$(sed 's/.*"layers":\[{[^}]*"variant":"\([^"]*\)".*/\1/' out.txt)
cut -f2 "$stores"/*.txt | grep -qxF -e "$variant" || failed "'$variant' is not in the store"

expect 0 "remembered in $stores" "$KERF" tune m.onnx --batch 8 --budget 3
grep -q "faster" out.txt || failed "the gain is not told"
expect 0 "--budget 0.001: not enough for 2 of 2 plans" "$KERF" tune m.onnx --batch 8 --budget 0.001
expect 2 "--budget" "$KERF" tune m.onnx --budget -1
expect 1 "none.onnx" "$KERF" tune none.onnx

# Layers with zeros are timed with and without them, in all directions; then planners know.
"$KERF" new lenet-300-100 --input 1,8,8 --width 0.3 -q -o wide.onnx
"$KERF" prune wide.onnx --sparsity 0.9 -q -o few.onnx >/dev/null
expect 0 "zeros 10% Gemm" "$KERF" tune few.onnx --batch 16
grep -q "zeros train 10% Gemm" out.txt || failed "zeros are not timed in training"
[ "$(grep -c '^zeros' "$stores"/*.txt)" -ge 3 ] || failed "zeros are not remembered"
whole_store

# A file that knows devices: the same network, whose programs need no compiler where they are trusted.
expect_json "output=b.kerf plans.0.plan" "$KERF" tune m.onnx --bundle --budget 3s -o b.kerf --json
expect_json "devices.0.profile devices.0.driver devices.0.choices devices.0.programs devices.0.program_bytes" "$KERF" info b.kerf --json
expect 0 "known device" "$KERF" info b.kerf
expect 0 "; knows 1 device" "$KERF" pack --test b.kerf
expect 0 "and b.kerf" "$KERF" tune b.kerf --bundle --budget 3s -o b.kerf -f
expect_json "devices.0.id" "$KERF" pack --test b.kerf --json
"$JSON_CHECK" devices.1.id <out.txt >missing.txt && failed "a device is there twice"
expect 0 "" "$KERF" unpack b.kerf -q -o back.onnx
cmp m.onnx back.onnx || failed "a bundle changes the network"
make_npy x.npy "(1, 1, 4, 4)" 16
mkdir none # a cache folder with what is known of drivers, and no more
ln -s "$KERF_CACHE_DIR/probe" none/
for trust in 0 1; do
    KERF_TRUST_BUNDLES=$trust KERF_CACHE_DIR=$work/none KERF_CACHE_MIB=0 "$KERF" infer b.kerf --input x.npy -o y$trust.npy -v >out.txt 2>err.txt ||
        failed "infer: $(cat err.txt)"
    grep -q '^built' err.txt && compiled=1 || compiled=0
    [ $compiled != $trust ] || failed "trusted $trust: $(cat err.txt)"
done
cmp y0.npy y1.npy || failed "programs of the file give other bits"
expect_error 1 "kerf: tune: --output b.kerf: is already there; -f replaces it" "$KERF" tune m.onnx --bundle -o b.kerf
expect_error 2 "kerf: tune: -o b.onnx: a bundle is a part of packed files, must end in .kerf" "$KERF" tune m.onnx --bundle -o b.onnx
expect_error 2 "kerf: tune: -o: goes with --bundle; what is found is remembered in any case" "$KERF" tune m.onnx -o c.kerf
expect_error 2 "kerf: tune: --bundle: a model is missing: kerf tune M --bundle -o M.kerf" "$KERF" tune --bundle -o c.kerf
expect_error 2 "kerf: tune: --budget 3x: must be a number" "$KERF" tune m.onnx --budget 3x

# Ctrl-C: what was measured is kept whole.
rm -r "$stores"
"$KERF" tune >out.txt 2>err.txt &
pid=$!
for _ in $(seq 400); do
    cat "$stores"/*.txt 2>/dev/null | grep -q "Gemm" && break
    sleep 0.05
done
kill -INT $pid
wait $pid
code=$?
[ $code = 130 ] || failed "Ctrl-C: exit $code: $(tail -2 err.txt)"
grep -q "Gemm" "$stores"/*.txt || failed "what was measured is not kept"
whole_store

# A folder that cannot be written to is told of before anything is measured.
expect 1 "/dev/null/kerf" env KERF_CACHE_DIR=/dev/null/kerf "$KERF" tune m.onnx
finish
