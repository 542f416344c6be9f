#!/bin/sh
# seeds_bundle.sh DIR -- sections of packed files with no device, one, and two.
set -eu
printf '\001\000' >"$1/none"
device='\002id\003cpu\004name\002dr\0050.1.0\002\003m=1\004gemm\003m=2\006gemm/8\001\003abc'
# shellcheck disable=SC2059 -- escapes are wanted
printf "\\001\\001$device" >"$1/one"
# shellcheck disable=SC2059
printf "\\001\\002$device$device" >"$1/two"
