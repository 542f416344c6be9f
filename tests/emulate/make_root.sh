#!/bin/sh
# make_root.sh DIR -- an arm64 Debian 12 with PoCL in DIR: the sysroot of the cross build
# (cmake/linux-arm64.cmake) and the world that enter.sh runs its programs in.
#
# debootstrap fetches and checks the packages; they are then only unpacked.  Its second stage
# would run each package's scripts under qemu for minutes, and none of them matters here.
# OpenCL's loader is put where Android's vendors put their library, and nowhere else.
set -eu
dir=$1
suite=bookworm
packages=pocl-opencl-icd,ocl-icd-libopencl1,libc6-dev,libgcc-12-dev,zlib1g-dev
[ ! -e "$dir/complete" ] || exit 0

# shellcheck source=tests/emulate/needs.sh
. "$(dirname "$0")/needs.sh"
# From where this machine has its own packages.
# shellcheck disable=SC2016  # apt-get's own words
from=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' |
    grep -v security | head -n 1)
rm -rf "$dir"
mkdir -p "$(dirname "$dir")"
debootstrap --arch=arm64 --foreign --variant=minbase "--include=$packages" \
    $suite "$dir" "$from" >&2
for deb in "$dir"/var/cache/apt/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink -C "$dir"
done
rm -rf "$dir/var/cache/apt/archives" "$dir/debootstrap"

# Where it may not mount, debootstrap links these to the outer ones: nothing to mount on.
for place in proc sys dev; do
    [ ! -L "$dir/$place" ] || rm "$dir/$place"
    mkdir -p "$dir/$place"
done

mkdir -p "$dir/vendor/lib64"
cp "$dir/usr/lib/aarch64-linux-gnu/libOpenCL.so.1" "$dir/vendor/lib64/libOpenCL.so"
rm "$dir"/usr/lib/aarch64-linux-gnu/libOpenCL.so*
touch "$dir/complete"
