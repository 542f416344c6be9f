#!/bin/sh
# enter.sh ROOT PROGRAM ARG... -- runs an AArch64 program in the root that make_root.sh made,
# with this folder and this source tree at their own paths.
#
# All mounts are made in a namespace of this process and end with it.  PoCL wants /proc and
# /sys, and its compiler starts other AArch64 programs: the kernel is told that qemu runs them,
# as long as one of us is there.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
if [ "${KERF_ENTERED:-}" != 1 ]; then
    # shellcheck source=tests/emulate/needs.sh
    . "$here/needs.sh"
    KERF_ENTERED=1 exec unshare --mount --propagation private "$here/enter.sh" "$@"
fi
unset KERF_ENTERED
root=$1
shift
tree=$(cd "$here/../.." && pwd)
formats=/proc/sys/fs/binfmt_misc
[ -e $formats/register ] || mount -t binfmt_misc none $formats
# Another of us may come first; what counts is that it is there.
[ -e $formats/qemu-aarch64 ] || cat /usr/lib/binfmt.d/qemu-aarch64.conf >$formats/register ||
    [ -e $formats/qemu-aarch64 ]
mount -t proc proc "$root/proc"
mount -t sysfs sys "$root/sys"
mount --rbind /dev "$root/dev"
export TMPDIR=/tmp # the root's own
mkdir -p "$root$tree"
mount --bind "$tree" "$root$tree"
# shellcheck disable=SC2016  # for the shell inside
exec chroot "$root" /bin/sh -c 'cd "$1" && shift && exec "$@"' sh "$PWD" "$@"
