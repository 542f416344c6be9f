# jansson, libyaml, xxHash and protobuf-c from their sources: for Android and for cross builds, which
# have no packages, and for the command as a single file (presets dist-*).  Static libraries, made by the same compiler as Kerf and at the same time,
# so there is no second build to keep in step.  zlib comes with the system there, or as its static
# library (ZLIB_USE_STATIC_LIBS) for the single file.
#
# KERF_SOURCES is a folder with the four archives, as Debian 12's source packages have them
# (cmake/fetch_sources.sh gets them); each is upstream's own, byte by byte.
include(FetchContent)
set(FETCHCONTENT_QUIET ON)
set(CMAKE_POLICY_DEFAULT_CMP0077 NEW) # option() keeps what is set below
set(CMAKE_POLICY_DEFAULT_CMP0063 NEW) # hidden is hidden in static libraries too
set(CMAKE_POLICY_VERSION_MINIMUM 3.5) # jansson asks for an older one than CMake 4 knows

# Unpacked to ${name}_SOURCE_DIR; ${name}_VERSION is its version.
macro(kerf_unpack name archive sha256)
    if(NOT EXISTS ${KERF_SOURCES}/${archive})
        message(FATAL_ERROR "KERF_SOURCES: ${KERF_SOURCES} has no ${archive}; "
                            "cmake/fetch_sources.sh ${KERF_SOURCES} gets it on Debian, elsewhere "
                            "put upstream's archive there under that name")
    endif()
    FetchContent_Declare(${name} URL ${KERF_SOURCES}/${archive} URL_HASH SHA256=${sha256}
        DOWNLOAD_EXTRACT_TIMESTAMP OFF SOURCE_SUBDIR none) # no CMakeLists.txt of its own is run
    FetchContent_MakeAvailable(${name})
    string(REGEX REPLACE ".*_([0-9.]+)[.]orig.*" "\\1" ${name}_VERSION ${archive})
endmacro()
kerf_unpack(jansson jansson_2.14.orig.tar.gz
    c739578bf6b764aa0752db9a2fdadcfe921c78f1228c7ec0bb47fa804c55d17b)
kerf_unpack(yaml libyaml_0.2.5.orig.tar.gz
    fa240dbf262be053f3898006d502d514936c818e422afdcf33921c63bed9bf2e)
kerf_unpack(xxhash xxhash_0.8.1.orig.tar.gz
    3bb6b7d6f30c591dd65aaaff1c8b7a5b94d81687998ca9400082c739a690436c)
kerf_unpack(protobuf_c protobuf-c_1.4.1.orig.tar.gz
    4cc4facd508172f3e0a4d3a8736225d472418aee35b4ad053384b137b220339f)

# Two of them are one file each, libyaml is a few; jansson finds out what the system has.
add_library(xxhash STATIC ${xxhash_SOURCE_DIR}/xxhash.c)
target_include_directories(xxhash SYSTEM PUBLIC ${xxhash_SOURCE_DIR})
file(GLOB yaml_files ${yaml_SOURCE_DIR}/src/*.c)
add_library(yaml STATIC ${yaml_files})
target_include_directories(yaml SYSTEM PUBLIC ${yaml_SOURCE_DIR}/include)
target_compile_definitions(yaml PRIVATE YAML_VERSION_MAJOR=0 YAML_VERSION_MINOR=2
    YAML_VERSION_PATCH=5 YAML_VERSION_STRING="0.2.5" PUBLIC YAML_DECLARE_STATIC)
add_library(protobuf_c STATIC ${protobuf_c_SOURCE_DIR}/protobuf-c/protobuf-c.c)
target_include_directories(protobuf_c SYSTEM PUBLIC ${protobuf_c_SOURCE_DIR})
target_compile_definitions(protobuf_c PRIVATE PACKAGE_VERSION="1.4.1" PACKAGE_STRING="protobuf-c 1.4.1")
foreach(part EXAMPLES BUILD_DOCS INSTALL)
    set(JANSSON_${part} OFF)
endforeach()
set(JANSSON_WITHOUT_TESTS ON)
add_subdirectory(${jansson_SOURCE_DIR} ${jansson_BINARY_DIR} EXCLUDE_FROM_ALL)
target_include_directories(jansson SYSTEM INTERFACE ${jansson_BINARY_DIR}/include)
# Their warnings are theirs, and so are their names.
set_target_properties(jansson yaml xxhash protobuf_c PROPERTIES C_EXTENSIONS ON
    COMPILE_OPTIONS "-w;-fvisibility=hidden")
