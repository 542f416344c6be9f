#!/bin/sh
# test_suite.sh -- the suite that devices are compared by: measured, checked, shown; and files of
# it that cannot be true.
. "$(dirname "$0")/lib.sh"

# ---- measured, with sensors that the test plays -------------------------------------------------
export KERF_SYSFS="$work/sys"
rapl="$work/sys/class/powercap/intel-rapl:0"
mkdir -p "$rapl" "$work/sys/class/hwmon/hwmon0" "$work/sys/devices/system/cpu/cpu0/cpufreq"
echo package-0 >"$rapl/name"
echo 1000000 >"$rapl/energy_uj"
echo 65532610987 >"$rapl/max_energy_range_uj"
echo k10temp >"$work/sys/class/hwmon/hwmon0/name"
echo 51500 >"$work/sys/class/hwmon/hwmon0/temp1_input"
echo 3100000 >"$work/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq"
expect_json "suite=1 energy_from=rapl budget_s=0.1" \
    "$KERF" bench --suite 1 --budget 0.1 --runs 3 --warm 1 --json -o r.json
expect_json "suite=1" cat r.json
grep -q '"temperature_c": 51.5' r.json || failed "no temperature in r.json"
grep -q '"clock_mhz": 3100.0' r.json || failed "no clock in r.json"
grep -q 'budget 0.1 s were over before it' r.json || failed "nothing says what was left out"

# ---- checked ------------------------------------------------------------------------------------
expect 0 "timed" "$KERF" bench --check r.json
expect_json "files.0.suite=1 files.0.cases=33" "$KERF" bench --check --json r.json
# change FROM TO SED: with a digest that fits.
change() {
    sed "$3" "$1" >"$2"
    digest=$("$KERF" bench --check "$2" 2>&1 | sed -n 's/.*must be \([0-9a-f]\{16\}\)$/\1/p')
    [ -z "$digest" ] || sed -i "s/\"digest\": \"[0-9a-f]*\"/\"digest\": \"$digest\"/" "$2"
}
# On a busy machine the first case may be too fast for peaks that were measured at a worse time.
change r.json good.json '0,/"valid": [a-z]*/s//"valid": true/;0,/"of_peak": [^,]*/s//"of_peak": null/;s/"f32_gflops": [^,]*/"f32_gflops": 100000.0/;0,/"why": "[0-9.]* of the measured[^"]*"/s//"why": null/'
expect 0 "timed" "$KERF" bench --check good.json
# broken WORDS SED: the file changed so must be told of in such words.
broken() {
    change good.json bad.json "$2"
    cmp -s good.json bad.json && failed "'$2' changes nothing"
    expect 1 "$1" "$KERF" bench --check bad.json
}
sed 's/"budget_s": /"budget_s": 1/' r.json >bad.json
expect 1 "was changed since it was written" "$KERF" bench --check bad.json
broken "must be 1" 's/"suite": 1/"suite": 2/'
broken "has no 'suite'" 's/"suite": 1,//'
broken "suite 1 is suite-1-" 's/"case_set": "suite-1-/"case_set": "suite-9-/'
broken "is no case of suite 1" 's/"case": "lenet-5 f32 batch=1"/"case": "lenet-6 f32 batch=1"/'
broken "must be a number above 0" 's/"f32_gflops": [^,]*/"f32_gflops": -1/'
broken "GFLOPS, the device has" 's/"f32_gflops": [^,]*/"f32_gflops": 0.001/'
broken "are in no order" '0,/"ms_min": [0-9.e-]*/s//"ms_min": 1e9/'
broken "are no part of" '0,/"runs": [0-9]*/s//"runs": 1000000000/'
broken "gflops are" '0,/"gflops": [0-9.e-]*/s//"gflops": 1.5/'
broken "does not say why" '0,/"why": "--budget[^"]*"/s//"why": null/'
echo '{"schema": 1' >bad.json
expect 1 "is not JSON" "$KERF" bench --check bad.json
expect_error 2 "kerf: bench: --suite 9: no such suite; there is 1" "$KERF" bench --suite 9
expect 2 "must be one of them" "$KERF" bench --suite 1 --check r.json
expect 2 "--budget: goes with --suite" "$KERF" bench gemm --budget 3

# ---- shown --------------------------------------------------------------------------------------
cp good.json s.json
expect 0 "" "$KERF" report good.json s.json -o page.html --csv n.csv --svg p.svg --markdown t.md
grep -q "Kind by kind" page.html || failed "no bars on the page"
grep -q "train mobilenet-v2 f32 batch=8" page.html && failed "a row of bars that no device has a number of"
name=$(sed -n 's/^  "device": "\(.*\)",$/\1/p' good.json)
[ -n "$name" ] && grep -qF "\"header\":[\"case\",\"1: $name\"" page.html || failed "a column's head is cut"
grep -q '^"good.json",".*",gemm,"m=1024 n=1024 k=1024 f32",ms_median,' n.csv || failed "n.csv lacks a line"
grep -q "<rect x=" p.svg || failed "no bars in p.svg"
grep -q "## Milliseconds" t.md || failed "no table in t.md"
expect_json "suite=1 files.1.times_as_fast=1" "$KERF" report good.json s.json -o page.html -f --json
expect 2 "-o is missing" "$KERF" report r.json
expect 1 "is not JSON" "$KERF" report r.json bad.json -o other.html

finish
