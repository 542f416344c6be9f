#!/bin/sh
# test_files.sh -- new and info, and the rules of files: -f, - for the streams, full disks,
# closed pipes, damaged files; no device.
. "$(dirname "$0")/lib.sh"

# ---- new, info ---------------------------------------------------------------------------------
expect 0 "266,200" "$KERF" new lenet-300-100 -o a.onnx
expect 0 "266,610" "$KERF" new --list
expect 0 "431,080" "$KERF" new --list
expect 0 "430,500" "$KERF" new lenet-5 -o five.onnx
expect_json "weights=430500 macs=2293000 layers.1.name=conv2 layers.1.op=Conv layers.1.macs=1600000" \
    "$KERF" info five.onnx --json
expect_json "networks.0.name networks.0.parameters" "$KERF" new --list --json
expect_json "weights=266200 nonzeros=266200 compression=1 macs=266200 nonzero_macs=266200 \
    bytes inputs.0.name=input inputs.0.shape.1=1 prep warnings=[] layers.0.name=fc1 \
    layers.0.op=Gemm layers.0.weights=235200 layers.0.sparsity=0 layers.0.bits=32 \
    layers.0.bytes=940800 layers.0.macs=235200 layers.2.weights=1000" \
    "$KERF" info a.onnx --json
expect 0 "compression 1.00x" "$KERF" info a.onnx
"$KERF" info - --json <a.onnx >out.txt || failed "info from standard input"
"$JSON_CHECK" file=- weights=266200 bytes=null <out.txt || failed "JSON of info -"
"$KERF" new lenet-300-100 -o - 2>/dev/null | cmp -s - a.onnx || failed "new -o - differs from a file"
expect 0 "" "$KERF" new lenet-300-100 --classes 26 --width 0.5 --seed 7 -o half.onnx
expect_json "layers.0.weights=117600 layers.2.weights=1300" "$KERF" info half.onnx --json

# ---- fold ------------------------------------------------------------------------------------
expect_error 2 "kerf: fold: --prep is missing: a.onnx does not say how its images are prepared" \
    "$KERF" fold a.onnx -o folded.onnx
expect 2 "kerf: fold: --prep nonsense: prep 'nonsense': not understood" \
    "$KERF" fold a.onnx --prep nonsense -o folded.onnx
expect 2 "kerf: fold: --prep scale=0: prep 'scale=0': not understood" \
    "$KERF" fold a.onnx --prep scale=0 -o folded.onnx
[ ! -e folded.onnx ] || failed "a failed fold wrote its output"
expect_json "before=crop=28,signed prep=crop=28x28,scale=1 output=folded.onnx" \
    "$KERF" fold a.onnx --prep crop=28,signed -o folded.onnx --json
expect 0 "prepared by crop=28x28,scale=1" "$KERF" info folded.onnx
expect 0 "was prepared by crop=28x28,scale=1, is now by crop=28x28,scale=1" \
    "$KERF" fold folded.onnx -o twice.onnx
cmp -s folded.onnx twice.onnx || failed "there was nothing to fold, and another file came of it"

# ---- what is there is kept --------------------------------------------------------------------
cp a.onnx before.onnx
expect_error 1 "kerf: new: --output a.onnx: is already there; -f replaces it" \
    "$KERF" new lenet-300-100 --seed 2 -o a.onnx
cmp -s a.onnx before.onnx || failed "a refused output was changed"
expect 0 "" "$KERF" new lenet-300-100 --seed 2 -f -o a.onnx
cmp -s a.onnx before.onnx && failed "-f did not replace"
expect_error 1 "kerf: new: --output none/a.onnx: none: no such folder" \
    "$KERF" new lenet-300-100 -o none/a.onnx
mkdir folder
expect_error 1 "kerf: new: --output folder: is a folder, must be a file" \
    "$KERF" new lenet-300-100 -o folder

# ---- streams that fail -------------------------------------------------------------------------
if [ -w /dev/full ]; then
    expect 1 "No space left on device" "$KERF" new lenet-300-100 -o /dev/full
    [ -c /dev/full ] || failed "/dev/full was replaced"
    "$KERF" new lenet-300-100 -o - >/dev/full 2>err.txt
    [ $? = 1 ] || failed "a full standard output is not an error"
    grep -q "No space left on device" err.txt || failed "full disk: $(cat err.txt)"
    "$KERF" info a.onnx >/dev/full 2>err.txt
    [ $? = 1 ] || failed "a full standard output is not an error of info"
    grep -q "kerf: info: standard output cannot be written: No space left" err.txt ||
        failed "full disk: $(cat err.txt)"
fi
{ "$KERF" info a.onnx 2>err.txt; echo $? >code.txt; } | true
sleep 0.2
case $(cat code.txt) in
0) ;; # all went out before the reader left
1) grep -q "Broken pipe" err.txt || failed "closed pipe: $(cat err.txt)" ;;
*) failed "closed pipe: exit $(cat code.txt)" ;;
esac

# ---- bad files -----------------------------------------------------------------------------------
expect 1 "kerf: info: nosuch.onnx: " "$KERF" info nosuch.onnx
printf 'no model at all' >bad.onnx
expect 1 "kerf: info: bad.onnx: " "$KERF" info bad.onnx
: >empty.onnx
expect 1 "kerf: info: empty.onnx: " "$KERF" info empty.onnx
size=$(wc -c <half.onnx)
for part in 1 7 30 50 75 90 99; do
    head -c $((size * part / 100)) half.onnx >cut.onnx
    "$KERF" info cut.onnx >out.txt 2>err.txt
    [ $? = 1 ] || failed "a file cut at $part % was taken"
    [ "$(wc -l <err.txt)" = 1 ] || failed "cut at $part %: $(wc -l <err.txt) lines of error"
done
expect 1 "kerf: new: " "$KERF" new lenet-301 -o c.onnx
[ ! -e c.onnx ] || failed "a network without a name was written"
ls | grep -q tmp && failed "something half-written was left: $(ls)"
finish
