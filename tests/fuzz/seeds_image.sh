#!/bin/sh
# seeds_image.sh DIR -- a small PPM, a PGM and an empty PNG's head to start from.
set -eu
printf 'P6\n2 1\n255\n\001\002\003\004\005\006' >"$1/a.ppm"
printf 'P5\n2 2\n255\n\001\002\003\004' >"$1/a.pgm"
printf '\211PNG\r\n\032\n\000\000\000\rIHDR\000\000\000\001\000\000\000\001\010\002\000\000\000\220wS\336' >"$1/a.png"
