#!/bin/sh
# seeds_idx.sh DIR -- small IDX files to start from: images, labels, each plain and packed.
set -eu
{ printf '\000\000\010\003\000\000\000\002\000\000\000\002\000\000\000\003'
  printf 'abcdefABCDEF'; } >"$1/images"
{ printf '\000\000\010\001\000\000\000\004'; printf '\000\001\002\003'; } >"$1/labels"
printf '\000\000\010\002\000\000\000\000\000\000\000\007' >"$1/empty"
for name in images labels empty; do
    gzip -nc "$1/$name" >"$1/$name.gz"
done
