#!/bin/sh
# test_compare.sh -- `kerf bench --compare`: what it computes, what it refuses, and files that
# are anything but results; `--cases` files that are damaged.  Needs no device.
. "$(dirname "$0")/lib.sh"

# results FILE DEVICE CASES [SET]: what kerf bench -o writes, as far as it is read back.
results() {
    printf '{"schema":1,"kerf":"0.1.0","case_set":"%s","device":"%s","driver":"7","cases":[%s]}' \
        "${4:-1-00000001}" "$2" "$3" >"$1"
}
# one OP CASE MS [VALID]
one() {
    printf '{"op":"%s","case":"%s","ms_median":%s,"valid":%s}' "$1" "$2" "$3" "${4:-true}"
}
results a.json "Radeon X" "$(one gemm p 2),$(one gemm q 8),$(one softmax r 3),$(one reduce s 5)"
results b.json "Mali Y" "$(one gemm p 1),$(one gemm q 2),$(one softmax r 6),$(one reduce s 1 false)"
results c.json "Mali Z" "$(one gemm q 4)"

# ---- numbers: 2 and 4 times as fast, half as fast, and one that is not valid -----------------
expect 0 "2.83x" "$KERF" bench --compare a.json b.json
expect 0 "1.59x" "$KERF" bench --compare a.json b.json
expect 0 "Mali Z" "$KERF" bench --compare a.json b.json c.json
expect_json "case_set=1-00000001 reference=a.json devices.0.times_as_fast=1 devices.0.num_cases=4 \
    devices.1.times_as_fast=1.587401 devices.1.num_cases=3 devices.1.families.gemm=2.828427 \
    devices.1.families.softmax=0.5 devices.1.families.reduce=null devices.2.times_as_fast=2 \
    devices.2.num_cases=1 cases.1.case=q cases.1.ms.2=4 cases.1.times_as_fast.1=4 \
    cases.3.ms.1=null devices.1.device devices.1.driver=7 devices.1.file=b.json" \
    "$KERF" bench --compare a.json b.json c.json --json
expect_json "reference=b.json devices.0.times_as_fast=0.629961 cases.0.times_as_fast.0=0.5" \
    "$KERF" bench --compare a.json b.json --reference b.json --json
expect_json "reference=b.json" "$KERF" bench --compare a.json b.json --reference Mali --json
expect 0 "" "$KERF" bench --compare a.json b.json -o both.json
expect_json "devices.1.num_cases=3" cat both.json
expect_error 1 "kerf: bench: --output both.json: is already there; -f replaces it" \
    "$KERF" bench --compare a.json b.json -o both.json

# ---- what it refuses ----------------------------------------------------------------------------
results other.json "Arc" "$(one gemm p 1)" 1-00000002
expect_error 1 "kerf: bench: other.json: has case set 1-00000002, must be 1-00000001 like a.json" \
    "$KERF" bench --compare a.json b.json other.json
expect_error 2 "kerf: bench: --reference Mali: fits 2 devices, must be a file or part of one \
device's name" "$KERF" bench --compare a.json b.json c.json --reference Mali
expect_error 2 "kerf: bench: --reference Arc: fits 0 devices, must be a file or part of one \
device's name" "$KERF" bench --compare a.json b.json --reference Arc
expect_error 2 "kerf: bench: --compare: must have at least two files of kerf bench -o" \
    "$KERF" bench --compare a.json
expect_error 2 "kerf: bench: --cases: goes with families, not with a model or --compare" \
    "$KERF" bench --compare a.json b.json --cases x.txt
expect_error 2 "kerf: bench: --reference: goes with --compare" "$KERF" bench gemm --reference a
expect_error 2 "kerf: bench: m.onnx: no family of cases; models are timed by a call of their own" \
    "$KERF" bench gemm m.onnx

# ---- files that are no results: one line each ------------------------------------------------
# hostile LINE: what x.json is now is refused with this line.
hostile() {
    expect_error 1 "kerf: bench: x.json$1" "$KERF" bench --compare a.json x.json
}
must="must be a file that kerf bench -o wrote"
printf '' >x.json
hostile ":1: is not JSON: '[' or '{' expected near end of file"
head -c 100 a.json >x.json
expect 1 "kerf: bench: x.json:1: is not JSON: " "$KERF" bench --compare a.json x.json
printf '[1]' >x.json
hostile ": has no 'schema': $must"
printf '{"schema":"1"}' >x.json
hostile ": has no 'schema': $must"
sed 's/"schema":1/"schema":2/' a.json >x.json
hostile ": has schema 2, must be 1"
sed 's/"case_set":"[^"]*"/"case_set":7/' a.json >x.json
hostile ": has no 'case_set': $must"
sed 's/"device"/"devise"/' a.json >x.json
hostile ": has no 'device': $must"
sed 's/"cases":.*/"cases":{}}/' a.json >x.json
hostile ": has no 'cases': $must"
results x.json X "7"
hostile ": case 0 must have texts 'op' and 'case' and a boolean 'valid'"
results x.json X "$(one gemm p 1 '"yes"')"
hostile ": case 0 must have texts 'op' and 'case' and a boolean 'valid'"
for ms in 0 -1 null '"1"' '[1]'; do
    results x.json X "$(one gemm p "$ms")"
    hostile ": case 0, gemm p: 'ms_median' must be a number above 0"
done
results x.json X "$(one gemm p 1),$(one gemm p 2)"
hostile ": case 1, gemm p, is there twice"
head -c 100000 /dev/zero | tr '\000' '[' >x.json
expect 1 "kerf: bench: x.json:1: is not JSON: maximum parsing depth" \
    "$KERF" bench --compare a.json x.json
results x.json '\u001b[31mred' "$(one gemm p 1)"
expect 0 "?[31mred" "$KERF" bench --compare a.json x.json
mkdir folder
expect 1 "kerf: bench: folder: cannot be read" "$KERF" bench --compare a.json folder
expect 1 "kerf: bench: none.json: cannot be read" "$KERF" bench --compare a.json none.json

# ---- cases of one's own that are none; no device is opened for them --------------------------
# damaged TEXT LINE
damaged() {
    printf "$1" >x.txt
    expect_error 1 "kerf: bench: x.txt$2" "$KERF" bench --cases x.txt
}
damaged '' ": holds no case"
damaged '# nothing\ncases 1 gemm\n' ": holds no case"
damaged 'm=1 n=1 k=1 f32\n' ":1: must begin with 'cases 1 FAMILY' like 'cases 1 gemm'"
damaged 'cases 2 gemm\n' ":1: holds cases of version 2, must be 1"
damaged 'cases 1 gem\n' ":1: gem: no such family; see kerf bench --help"
gemm="is no case, must be like 'm=64 n=300 k=784 f32'"
for line in 'm=1 n=1 k=0 f32' 'm=1 n=1 f32' 'm=1 n=1 k=1' 'm=1 n=1 k=1 f64' 'm=1 n=-1 k=1 f32' \
    'm=1 n=1 k=99999999999999999999 f32' 'm=1 n=1 k=1 f32 transB transA' 'm=1 n=1 k=1x f32'; do
    damaged "cases 1 gemm\n$line\n" ":2: '$line' $gemm"
done
damaged 'cases 1 gemm\nm=2 n=2 k=2 f32\n\nm=2 n=2  k=2 f32 # again' \
    ":4: 'm=2 n=2 k=2 f32' is there twice"
for line in 'Add 2x3 f32' 'Add 2x3 4 f32' 'Add 3 2x3 f32' 'Relu 2x f32' 'Relu 2x0 f32' 'Relu x2 f32' \
    'Gelu 2 f32' 'Relu 1x1x1x1x1x1x1x1x1 f32' 'Relu 1099511627775x1099511627775 f32'; do
    damaged "cases 1 elementwise\n$line\n" ":2: '$line' is no case, must be like 'Add 256x300 300 f32'"
done
for line in 'ReduceSum 2x3 axes=2 f32' 'ReduceSum 2x3 axes= f32' 'ReduceSum 2x3 axes=1,0 f32' \
    'ReduceSum 2x3 axes=1, f32' 'ReduceSum f32'; do
    damaged "cases 1 reduce\n$line\n" \
        ":2: '$line' is no case, must be like 'ReduceSum 256x300 axes=0 f32'"
done
damaged 'cases 1 loss\nkerf.MseLoss 2x3x4 f32\n' \
    ":2: 'kerf.MseLoss 2x3x4 f32' is no case, must be like 'SoftmaxCrossEntropyLoss 128x1000 f32'"
long=$(head -c 300 /dev/zero | tr '\000' 'm')
damaged "cases 1 gemm\n$long\n" ":2: has 300 characters, must have fewer than 256"
head -c 4000 /dev/urandom >x.txt
expect 1 "kerf: bench: x.txt:" "$KERF" bench --cases x.txt
printf 'cases 1 softmax\nSoftmax 2x3 f32\n' >x.txt
expect_error 1 "kerf: bench: gemm: no case of it in x.txt" "$KERF" bench gemm --cases x.txt
finish
