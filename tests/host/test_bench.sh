#!/bin/sh
# test_bench.sh -- `kerf bench` over cases: what it prints and writes, cases that cannot run,
# other programs beside it, Ctrl-C.  Runs on what tests/device_run.sh chose.  That each checker
# sees a wrong element is host.bench_check's, that a share above 1 is doubted host.bench_rate's.
. "$(dirname "$0")/lib.sh"
export KERF_DEVICE=0
quick="--runs 3 --warm 0"

printf 'cases 1 gemm\nm=8 n=6 k=4 f32\nm=3 n=5 k=7 f32 transA transB\n' >gemm.txt
printf 'cases 1 softmax\nSoftmax 3x17 f32\n' >softmax.txt
printf 'cases 1 elementwise\nRelu 99x99 f32\nRelu 1000000x1000000 f32\n' >large.txt

# ---- what it says -----------------------------------------------------------------------------
# shellcheck disable=SC2086 -- words
{
expect_json "case_set device driver probe.platform probe.opencl probe.profile probe.features \
    probe.peaks.f32_gflops probe.peaks.copy_gbps cases.0.op=gemm cases.0.variant cases.0.ms_min \
    cases.0.ms_median cases.0.ms_p90 cases.0.runs=3 cases.0.gflops cases.0.gbps cases.0.of_peak \
    cases.0.valid=true cases.0.why=null cases.1.valid=true cases.2.op=softmax cases.2.gflops=null \
    cases.2.of_peak=null" "$KERF" bench --cases gemm.txt --cases softmax.txt $quick --json
"$JSON_CHECK" "cases.0.case=m=8 n=6 k=4 f32" <out.txt || failed "the case's name"
expect_json "cases.0.op=softmax" "$KERF" bench softmax --cases gemm.txt --cases softmax.txt $quick --json
"$JSON_CHECK" cases.1 <out.txt >missing.txt && failed "the filter let others through"
expect 0 "m=3 n=5 k=7 f32 transA transB" "$KERF" bench --cases gemm.txt $quick -o a.json
expect_json "cases.0.valid=true" cat a.json
expect_error 1 "kerf: bench: --output a.json: is already there; -f replaces it" \
    "$KERF" bench --cases gemm.txt $quick -o a.json
expect 0 "" "$KERF" bench --cases gemm.txt $quick -f -o a.json
"$KERF" bench --cases gemm.txt $quick -o - 2>err.txt | "$JSON_CHECK" cases.1.valid || failed "-o -"
grep -q "GFLOPS" err.txt || failed "the table is not on standard error"
"$KERF" bench --cases gemm.txt $quick -o b.json >out.txt
expect_json "devices.1.num_cases=2" "$KERF" bench --compare a.json b.json --json
"$KERF" bench --cases softmax.txt $quick -o c.json >out.txt
expect 1 "has case set" "$KERF" bench --compare a.json c.json

# ---- the whole set: every case of the command is read, checked and right ------------------------
expect 0 "cases 1-" "$KERF" bench --runs 1 --warm 0 -o all.json
grep '"why": "' all.json | grep -v "of the measured peak" && failed "cases that are not right"
for family in gemm conv elementwise reduce softmax loss optimizer mask; do
    grep -q "\"op\": \"$family\"" all.json || failed "no case of $family"
done

# ---- cases that cannot run ---------------------------------------------------------------------
expect_json "cases.0.valid=true cases.1.valid=false cases.1.ms_median=null cases.1.variant=null" \
    "$KERF" bench --cases large.txt $quick --json
grep -q '"why":"needs 3.64 TiB in one piece, the device has ' out.txt || failed "$(cat out.txt)"
expect 0 "elementwise Relu 1000000x1000000 f32: needs" "$KERF" bench --cases large.txt $quick

# ---- other programs in turns ----------------------------------------------------------------------
cat >peer.sh <<'END'
while read -r calls family name; do
    echo "$calls $family $name" >>asked.txt
    case $family in gemm) echo 1000.5 ;; *) echo "no such family" ;; esac
done
END
beside="bench --cases gemm.txt --cases softmax.txt $quick"
expect_json "cases.0.beside.0.name=slow cases.0.beside.0.ms_median=1000.5 \
    cases.0.beside.0.times_as_fast cases.0.beside.0.ci95.1" \
    "$KERF" $beside --json --beside "slow=sh peer.sh" --beside "sh peer.sh"
"$JSON_CHECK" cases.0.beside.1.name=sh <out.txt || failed "the second program"
"$JSON_CHECK" cases.2.beside.0 <out.txt >missing.txt && failed "a ratio to a program that has none"
grep -q "^[1-9][0-9]* gemm m=3 n=5 k=7 f32 transA transB$" asked.txt || failed "$(cat asked.txt)"
expect 0 "times as fast as slow (geometric mean of 2 cases)" \
    "$KERF" $beside --beside "slow=sh peer.sh"
expect 1 "kerf: bench: --beside x: ended at gemm m=8 n=6 k=4 f32" "$KERF" $beside --beside x=false
expect 1 "kerf: bench: --beside x: answered '-1', must be milliseconds or 'no'" \
    "$KERF" $beside --beside 'x=while read -r a; do echo -1; done'
expect 1 "kerf: bench: --beside x: answered 'soon', must be" \
    "$KERF" $beside --beside 'x=while read -r a; do echo soon; done'
expect_error 2 "kerf: bench: --beside x=: must be NAME=COMMAND" "$KERF" $beside --beside x=

# ONNX Runtime's side of bench/peers, whose Python the tests have: an answer for each family it has.
printf 'cases 1 elementwise\nAdd 2x3x4 3x1 f32\nkerf.ReluGrad 8 8 f32\n' >e.txt
printf 'cases 1 reduce\nReduceSum 4x5 axes=1 f32\nReduceMean 4x5x6 axes=0,2 f32\nReduceMax 99 f32\n' >r.txt
expect_json "cases.0.beside.0.times_as_fast cases.1.beside.0.ms_min cases.2.beside.0.name=ort \
    cases.3.beside.0.times_as_fast cases.5.beside.0.ms_min cases.6.beside.0.ms_min \
    cases.7.beside.0.ms_min" "$KERF" $beside --cases e.txt --cases r.txt --json \
    --beside "ort=$PYTHON $KERF_TEST_SOURCE/bench/peers/ort_peer.py"
"$JSON_CHECK" cases.4.beside.0 <out.txt >missing.txt && failed "ONNX Runtime has no kerf.ReluGrad"
}

# ---- Ctrl-C: what is whole is written ------------------------------------------------------------
"$KERF" bench --cases gemm.txt --duration 60 -o stopped.json >out.txt 2>err.txt &
pid=$!
sleep 2
kill -INT $pid
wait $pid
code=$?
[ $code = 130 ] || failed "exit $code, not 130"
expect_json "case_set cases" cat stopped.json
finish
