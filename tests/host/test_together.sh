#!/bin/sh
# test_together.sh -- `kerf eval` and `kerf infer` on several devices at once: two of PoCL, and one of
# Intel's beside it where that is installed.
. "$(dirname "$0")/lib.sh"

export POCL_DEVICES="pthread pthread"
data=random:1,8,8,4
"$KERF" new lenet-300-100 --classes 4 --input 1,8,8 --width 0.1 -o m.onnx >/dev/null

# together DEVICES: the same as device 0 alone, and each sample was taken once.
together() {
    "$KERF" eval m.onnx --data $data --batch 64 --device 0 --json >one.json || failed "one alone"
    "$KERF" eval m.onnx --data $data --batch 64 --device "$1" --json >all.json || failed "device $1"
    for key in samples top1 confusion; do
        want=$(grep -o "\"$key\":[^a-z]*" one.json | tail -1)
        grep -qF "$want" all.json || failed "$1: other $key than one alone"
    done
    sed 's/.*"devices"://' all.json | grep -o '"samples":[0-9]*' | cut -d: -f2 >taken
    [ "$(awk '{ sum += $1 } END { print sum }' taken)" = 2048 ] || failed "$1: $(cat taken)"
}
together all
together 1,0
[ "$(wc -l <taken)" = 2 ] || failed "there are not two devices"
grep -q '"devices"' one.json && failed "one device alone is listed"
expect 0 "device " "$KERF" eval m.onnx --data $data --device all
grep -qE "pthread.* +[0-9]+$" out.txt || failed "nobody says who took how many: $(cat out.txt)"

# Fewer batches than devices: one has nothing to do.
expect_json "samples=2048 devices.0.samples devices.1.samples" \
    "$KERF" eval m.onnx --data $data --device all --batch 2048 --json
grep -q '"samples":0' out.txt || failed "a batch was cut in two"

# What is one device's work alone goes on as it did.
expect_json "agreement=100" \
    "$KERF" eval m.onnx --data $data --device all --reference m.onnx --json
KERF_DEVICE=0,1 expect_json "devices.1.samples" "$KERF" eval m.onnx --data $data --json

expect 1 "kerf: eval: device 7: must be one of 0 (" "$KERF" eval m.onnx --data $data --device 0,7
expect_error 2 "kerf: eval: --device 1: is device 1, which is named already: must be named once" \
    "$KERF" eval m.onnx --data $data --device 1,0,1

# ---- infer: pieces of 256 in the order of inputs, with the bits of one alone -------------------------
# Rows that differ: digits of their numbers as floats, behind a header of 128 bytes.
make_npy long.npy "(700, 1, 8, 8)" $((700 * 64))
head -c 128 long.npy >x.npy
for row in $(seq 700); do printf '%0256d' "$row"; done >>x.npy
expect 0 "" "$KERF" infer m.onnx --input x.npy --device 0 -o one.npy -q
expect_json "samples=700 devices.0.samples devices.1.samples" \
    "$KERF" infer m.onnx --input x.npy --device all -o all.npy --json
cmp -s one.npy all.npy || failed "infer: other bits than one alone"
[ "$(sed 's/.*"devices"://' out.txt | grep -o '"samples":[0-9]*' | awk -F: '{ sum += $2 } END { print sum }')" = 700 ] ||
    failed "infer: $(cat out.txt)"
expect 0 "" "$KERF" infer m.onnx --input x.npy --device 1,0 -o both.npy
cmp -s one.npy both.npy || failed "infer --device 1,0: other bits than one alone"
grep -qE "pthread.* +[0-9]+$" out.txt || failed "infer: nobody says who took how many: $(cat out.txt)"
# What halves make of batch norms, every device has.
"$KERF" new resnet-18-cifar --classes 4 --input 1,8,8 --width 0.1 -o norms.onnx >/dev/null
expect 0 "" "$KERF" infer norms.onnx --input x.npy --precision f16 --device 0 -o one.npy -q -f
expect 0 "" "$KERF" infer norms.onnx --input x.npy --precision f16 --device all -o all.npy -q -f
cmp -s one.npy all.npy || failed "infer --precision f16: other bits than one alone"
make_npy few.npy "(256, 1, 8, 8)" $((256 * 64))
expect 0 "" "$KERF" infer m.onnx --input few.npy --device all -o few_y.npy --json
grep -q '"devices"' out.txt && failed "infer: one piece has two devices"
expect_error 2 "kerf: infer: --device 1: is device 1, which is named already: must be named once" \
    "$KERF" infer m.onnx --input x.npy --device 1,0,1 -o never.npy

# Other makers' rounding may turn a sample that is near the border, among 2048.
intel=${KERF_INTEL_ICD:-$KERF_TEST_SOURCE/build/intel.icd}
if [ -e "$intel" ]; then
    mkdir vendors
    cp "$OCL_ICD_VENDORS" "$intel" vendors
    export OCL_ICD_VENDORS="$work/vendors" POCL_DEVICES=pthread
    "$KERF" eval m.onnx --data $data --device 0 --json >one.json
    "$KERF" eval m.onnx --data $data --device all --json >all.json || failed "Intel's runtime beside PoCL"
    [ "$(grep -o '"index"' all.json | wc -l)" = 2 ] || failed "Intel's runtime and PoCL are not two"
    top1() { grep -o '"top1":[0-9.]*' "$1" | cut -d: -f2; }
    echo "$(top1 one.json) $(top1 all.json)" | awk '{ d = $1 - $2; exit !(d * d <= 0.02 * 0.02) }' ||
        failed "top-1 is $(top1 all.json), alone $(top1 one.json)"
else
    echo "no $intel: nothing beside PoCL"
fi

finish
