#!/bin/sh
# list_unsupported.sh [check] -- puts lib/io/unsupported.txt into docs/onnx.md, between its two
# marks; with check, only says whether it is there.
set -eu
cd "$(dirname "$0")/../.."
page=$(mktemp)
trap 'rm -f "$page"' EXIT
{
    sed '/^<!-- unsupported -->$/q' docs/onnx.md
    grep -v '^#' lib/io/unsupported.txt | sed '/^$/d; s/.*/`&`/' | paste -sd ' ' | fold -s -w 118 |
        sed 's/ $//'
    sed -n '/^<!-- end of unsupported -->$/,$p' docs/onnx.md
} >"$page"
cmp -s "$page" docs/onnx.md && exit 0
if [ "${1-}" = check ]; then
    echo "docs/onnx.md does not show lib/io/unsupported.txt; tests/io/list_unsupported.sh puts it there"
    exit 1
fi
cat "$page" >docs/onnx.md
