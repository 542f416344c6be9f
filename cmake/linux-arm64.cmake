# A cross build for AArch64 Linux: clang and lld of this machine, headers and libraries of the
# arm64 root that tests/emulate/make_root.sh makes.  Proves here what Android's NDK builds from
# the same files, and runs under qemu (tests/emulate).
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
cmake_path(SET tree NORMALIZE ${CMAKE_CURRENT_LIST_DIR}/..)
set(CMAKE_SYSROOT ${tree}build/arm64-root)
set(CMAKE_CROSSCOMPILING_EMULATOR ${tree}tests/emulate/enter.sh ${CMAKE_SYSROOT})
set(CMAKE_C_COMPILER clang)
set(CMAKE_C_COMPILER_TARGET aarch64-linux-gnu)
foreach(kind EXE SHARED MODULE)
    set(CMAKE_${kind}_LINKER_FLAGS_INIT -fuse-ld=lld)
endforeach()

# As the NDK has it: programs of this machine, all else of the other one.
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
foreach(kind LIBRARY INCLUDE PACKAGE)
    set(CMAKE_FIND_ROOT_PATH_MODE_${kind} ONLY)
endforeach()
