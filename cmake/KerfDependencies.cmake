# What the library stands on.  OpenCL is opened at run time, so only its headers are needed.
set(KERF_SOURCES "" CACHE PATH "folder of archives to build jansson, libyaml, xxHash and protobuf-c from, where there are no packages of them")
find_package(ZLIB REQUIRED)
find_package(Threads REQUIRED)
if(KERF_SOURCES)
    include(KerfSources)
    set(libraries jansson yaml xxhash protobuf_c)
else()
    find_package(PkgConfig REQUIRED)
    pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
    pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1)
    pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
    pkg_check_modules(PROTOBUF_C REQUIRED IMPORTED_TARGET libprotobuf-c)
    set(libraries PkgConfig::JANSSON PkgConfig::YAML PkgConfig::XXHASH PkgConfig::PROTOBUF_C)
endif()

add_library(kerf_dependencies INTERFACE)
target_link_libraries(kerf_dependencies INTERFACE ZLIB::ZLIB Threads::Threads ${libraries}
    ${CMAKE_DL_LIBS})
if(NOT MSVC)
    target_link_libraries(kerf_dependencies INTERFACE m)
endif()

# The headers are the same for every system.  In a cross build they stand apart from the other
# headers of this one, which must not be seen.
find_path(KERF_OPENCL_HEADERS CL/cl.h REQUIRED NO_CMAKE_FIND_ROOT_PATH)
set(opencl_headers ${KERF_OPENCL_HEADERS})
if(CMAKE_CROSSCOMPILING)
    set(opencl_headers ${PROJECT_BINARY_DIR}/opencl)
    file(COPY ${KERF_OPENCL_HEADERS}/CL DESTINATION ${opencl_headers})
endif()
target_include_directories(kerf_dependencies SYSTEM INTERFACE ${opencl_headers})

# CLBlast is opened at run time too; its header says what to call.
find_path(KERF_CLBLAST_HEADERS clblast_c.h)
if(KERF_CLBLAST AND KERF_CLBLAST_HEADERS)
    target_compile_definitions(kerf_dependencies INTERFACE KERF_WITH_CLBLAST)
endif()

# stb_image is a header alone, compiled into lib/data/decode.c.
find_path(KERF_STB_HEADERS stb_image.h PATH_SUFFIXES stb REQUIRED NO_CMAKE_FIND_ROOT_PATH)
set(stb_headers ${KERF_STB_HEADERS})
if(CMAKE_CROSSCOMPILING)
    set(stb_headers ${PROJECT_BINARY_DIR}/stb)
    file(COPY ${KERF_STB_HEADERS}/stb_image.h DESTINATION ${stb_headers})
endif()
