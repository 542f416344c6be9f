#!/bin/sh
# node_tests.sh KERF -- ONNX's own tests of its operators, and of models that PyTorch exported
# (Debian: libonnx-testdata), through `kerf verify`: none may fail, and no fewer may pass than
# stood here before.  A test that needs what lib/io/unsupported.txt lists counts as neither.
set -u
kerf=$1
data=/usr/share/libonnx-testdata/data
if [ ! -d $data/node ]; then
    echo "skipped: no $data; ./bootstrap test installs libonnx-testdata"
    [ -z "${KERF_REQUIRE_DEVICE:-}" ] || exit 1
    exit 77
fi
result=0
while read -r folder least; do
    "$kerf" verify -q "$data/$folder" >out.txt 2>err.txt
    status=$?
    line=$(grep '^passed ' out.txt)
    echo "$folder: $line (at least $least must pass)"
    passed=$(echo "$line" | sed 's/^passed \([0-9]*\),.*/\1/')
    if [ $status != 0 ] || [ "${passed:-0}" -lt "$least" ]; then
        grep '^failed: ' out.txt
        cat err.txt
        result=1
    fi
done <<END
node 710
simple 7
pytorch-converted 69
pytorch-operator 28
END
exit $result
