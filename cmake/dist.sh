#!/bin/sh
# dist.sh SYSTEM... -- the command as a single file for each system, linux-x86_64, linux-aarch64 or
# windows-x86_64: build/dist/kerf-VERSION-SYSTEM (.exe), and beside it .txt, which tells what is in it
# and what it needs.
#
# Libraries are in it (cmake/KerfSources.cmake, zlib); it opens OpenCL at run time and needs glibc
# alone, from the version on that the list names, or libraries that are Windows' own.  Debian's compilers and headers decide that: build
# on the oldest system that is to run it.  ./bootstrap dist installs what this wants.
set -eu
cd "$(dirname "$0")/.."

# What of the system a program needs: its libraries, and the newest version of glibc's functions.
needs() {
    case $1 in *.exe)
        x86_64-w64-mingw32-objdump -p "$1" | sed -n 's/.*DLL Name: //p' | sort | tr '\n' ' '
        return
        ;;
    esac
    readelf -dW "$1" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p' | sort | tr '\n' ' '
    readelf -VW "$1" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1 | sed 's/GLIBC_/(glibc /; s/$/ or later)/'
}

pack() {
    ending=
    case $1 in windows-*) ending=.exe ;; esac
    built=build/dist-$1/kerf$ending
    version=$(sed -n 's/^project(kerf VERSION \([0-9.]*\).*/\1/p' CMakeLists.txt)
    packed=build/dist/kerf-$version-$1$ending
    mkdir -p build/dist
    cp "$built" "$packed"
    {
        echo "kerf $version for $1, $(wc -c <"$packed") bytes, SHA-256 $(sha256sum "$packed" | cut -d' ' -f1)"
        echo "needs of the system: $(needs "$packed")"
        cat "build/dist-$1/generated/contents.txt"
    } >"$packed.txt"
    echo "$packed"
}

cmake/fetch_sources.sh build/sources
for system in "$@"; do
    [ "$system" != linux-aarch64 ] || tests/emulate/make_root.sh build/arm64-root
    cmake --preset "dist-$system" >&2
    cmake --build --preset "dist-$system" >&2
    pack "$system"
done
