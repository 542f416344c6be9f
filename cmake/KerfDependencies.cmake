# What the library stands on.  OpenCL is opened at run time, so only its headers are needed.
find_package(PkgConfig REQUIRED)
find_package(ZLIB REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(PROTOBUF_C REQUIRED IMPORTED_TARGET libprotobuf-c)
find_path(KERF_OPENCL_HEADERS CL/cl.h REQUIRED)

add_library(kerf_dependencies INTERFACE)
target_link_libraries(kerf_dependencies INTERFACE ZLIB::ZLIB Threads::Threads
    PkgConfig::JANSSON PkgConfig::XXHASH PkgConfig::PROTOBUF_C ${CMAKE_DL_LIBS})
if(NOT MSVC)
    target_link_libraries(kerf_dependencies INTERFACE m)
endif()
target_include_directories(kerf_dependencies SYSTEM INTERFACE ${KERF_OPENCL_HEADERS})

# CLBlast is opened at run time too; its header says what to call.
find_path(KERF_CLBLAST_HEADERS clblast_c.h)
if(KERF_CLBLAST AND KERF_CLBLAST_HEADERS)
    target_compile_definitions(kerf_dependencies INTERFACE KERF_WITH_CLBLAST)
endif()
