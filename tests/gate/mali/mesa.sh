#!/bin/sh
# mesa.sh FOLDER -- makes FOLDER/debian: a Debian 13 in which Mesa's OpenCL compiles for the
# GPUs of phones, none of which needs to be there.
#
# Mesa's "drm-shim" answers a driver's questions in place of the kernel, so the driver believes
# in a Mali or an Adreno and compiles to its instructions; nothing runs.  Debian's Mesa is built
# without it, hence the 10 to 20 minutes on two cores and the 4 GB.  mesa.patch makes it say which
# kernel it compiles and what came out, on stderr, and mends an answer of the shim (a file of
# a fence) without which a kernel with tables ends the process.
#
# For root: it makes a chroot and mounts in it, in a mount namespace that ends with the command.
# Safe to repeat: what is there is not done again.  Needs the package debootstrap.
# shellcheck disable=SC2086  # lists of words
set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ $# -eq 1 ] || { echo "usage: mesa.sh FOLDER" >&2; exit 2; }
[ "$(id -u)" = 0 ] || { echo "mesa.sh: only root can make a chroot; use sudo" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "mesa.sh: needs the package debootstrap" >&2; exit 1; }
mkdir -p "$1"
debian=$(cd "$1" && pwd)/debian

PACKAGES="build-essential pkg-config meson ninja-build bison flex rustc bindgen
    python3-mako python3-yaml python3-packaging
    llvm-19-dev libclang-19-dev libclang-cpp19-dev libllvmspirvlib-19-dev spirv-tools
    libclc-19 libclc-19-dev libdrm-dev libelf-dev libexpat1-dev zlib1g-dev
    ocl-icd-opencl-dev opencl-c-headers"

# A compiler and a driver each; no graphics, no window system, no video.
OPTIONS="-Dtools=drm-shim -Dgallium-drivers=panfrost,freedreno -Dfreedreno-kmds=msm
    -Dgallium-rusticl=true -Dllvm=enabled -Dstatic-libclc=all -Drust_std=2021
    -Dvulkan-drivers= -Dvulkan-layers= -Dplatforms= -Dvideo-codecs= -Dopengl=false
    -Degl=disabled -Dgbm=disabled -Dglx=disabled -Dgles1=disabled -Dgles2=disabled
    -Dglvnd=disabled -Dgallium-va=disabled -Dgallium-vdpau=disabled -Dgallium-xa=disabled
    -Dxmlconfig=disabled -Dzstd=disabled -Dlmsensors=disabled -Dvalgrind=disabled
    -Dlibunwind=disabled -Dbuildtype=plain -Doptimization=1 -Db_ndebug=true"
TARGETS="src/gallium/targets/rusticl/libRusticlOpenCL.so.1.0.0
    src/panfrost/drm-shim/libpanfrost_noop_drm_shim.so
    src/freedreno/drm-shim/libfreedreno_noop_drm_shim.so"

# A list of several lines as one.
words() { echo "$@"; }

# A command line inside.
inside() {
    # shellcheck disable=SC2016  # the inner shell expands them
    LC_ALL=C unshare --mount sh -c 'mount -t proc proc "$0/proc" && mount -t sysfs sys "$0/sys" &&
        exec chroot "$0" /bin/sh -euc "$1"' "$debian" "$1"
}

if [ ! -e "$debian/installed" ]; then
    unshare --mount debootstrap --variant=minbase \
        --include="$(words $PACKAGES | tr ' ' ,)" trixie "$debian"
    touch "$debian/installed"
fi
if [ ! -e "$debian/mesa/patched" ]; then
    rm -rf "$debian/mesa"
    mkdir "$debian/mesa"
    sed -n 's/^deb /deb-src /p' "$debian/etc/apt/sources.list" \
        >"$debian/etc/apt/sources.list.d/sources.list"
    inside "apt-get -q update; cd /mesa; apt-get -q source mesa; mv mesa-*/ source"
    patch -d "$debian/mesa/source" -p1 <"$here/mesa.patch"
    touch "$debian/mesa/patched"
fi
if [ ! -e "$debian/mesa/built" ]; then
    inside "rm -rf /mesa/build
        meson setup --wrap-mode=nodownload $(words $OPTIONS) /mesa/build /mesa/source
        ninja -C /mesa/build $(words $TARGETS)"
    touch "$debian/mesa/built"
fi
