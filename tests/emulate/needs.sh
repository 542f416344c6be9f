# shellcheck shell=sh
# needs.sh -- what an arm64 root wants of this machine; sourced.  Says all that is missing at
# once, and ends the script with it.
missing=""
[ "$(id -u)" = 0 ] || missing="$missing; the rights of root (chroot, mount)"
for tool in debootstrap:debootstrap qemu-aarch64-static:qemu-user-static unshare:util-linux \
    clang:clang ld.lld:lld; do
    command -v "${tool%%:*}" >/dev/null 2>&1 ||
        missing="$missing; ${tool%%:*} (Debian: apt-get install ${tool##*:})"
done
[ -e /proc/sys/fs/binfmt_misc ] ||
    missing="$missing; binfmt_misc in the kernel, for programs of another processor"
if [ -n "$missing" ]; then
    echo "the AArch64 run under qemu needs: ${missing#; }" >&2
    exit 1
fi
