# What the library stands on: kerf_run_dependencies what reads, plans and runs, kerf_dependencies
# all of it.  OpenCL is opened at run time, so only its headers are needed.
set(KERF_SOURCES "" CACHE PATH "folder of archives to build jansson, libyaml, xxHash and protobuf-c from, where there are no packages of them")
find_package(Threads REQUIRED)
add_library(kerf_run_dependencies INTERFACE)
add_library(kerf_dependencies INTERFACE)
target_link_libraries(kerf_dependencies INTERFACE kerf_run_dependencies)
if(KERF_SOURCES)
    include(KerfSources)
    target_link_libraries(kerf_run_dependencies INTERFACE jansson xxhash protobuf_c)
    target_link_libraries(kerf_dependencies INTERFACE yaml)
else()
    find_package(PkgConfig REQUIRED)
    function(kerf_depend target name package) # sets NAME_VERSION
        pkg_check_modules(${name} REQUIRED IMPORTED_TARGET GLOBAL ${package})
        target_link_libraries(${target} INTERFACE PkgConfig::${name})
    endfunction()
    kerf_depend(kerf_run_dependencies jansson jansson)
    kerf_depend(kerf_run_dependencies xxhash libxxhash)
    kerf_depend(kerf_run_dependencies protobuf_c libprotobuf-c)
    if(NOT KERF_RUNTIME)
        kerf_depend(kerf_dependencies yaml yaml-0.1) # recipes
    endif()
endif()
if(NOT KERF_RUNTIME)
    find_package(ZLIB REQUIRED) # data sets
    target_link_libraries(kerf_dependencies INTERFACE ZLIB::ZLIB)
endif()
if(WIN32)
    include(KerfWindows)
endif()
target_link_libraries(kerf_run_dependencies INTERFACE Threads::Threads ${CMAKE_DL_LIBS})
if(NOT MSVC)
    target_link_libraries(kerf_run_dependencies INTERFACE m)
endif()

# Headers are the same for every system: of `header`, a file or a folder of them, a cross build takes
# a copy, which stands apart from the other headers of this system that must not be seen.
function(kerf_depend_header target variable found header)
    find_path(${variable} ${found} PATH_SUFFIXES stb REQUIRED NO_CMAKE_FIND_ROOT_PATH)
    set(place ${${variable}})
    if(CMAKE_CROSSCOMPILING)
        set(place ${PROJECT_BINARY_DIR}/headers)
        file(COPY ${${variable}}/${header} DESTINATION ${place})
    endif()
    target_include_directories(${target} SYSTEM INTERFACE ${place})
endfunction()
kerf_depend_header(kerf_run_dependencies KERF_OPENCL_HEADERS CL/cl.h CL)
if(NOT KERF_RUNTIME)
    kerf_depend_header(kerf_dependencies KERF_STB_HEADERS stb_image.h stb_image.h) # lib/data/decode.c
endif()

# Several processes train together by MPI, where there is one (lib/cluster).
set(KERF_MPI AUTO CACHE STRING "train on several devices and machines by MPI: AUTO, ON or OFF")
set_property(CACHE KERF_MPI PROPERTY STRINGS AUTO ON OFF)
set(KERF_WITH_MPI OFF)
if(KERF_MPI AND NOT KERF_RUNTIME AND NOT KERF_SOURCES AND NOT CMAKE_CROSSCOMPILING)
    if(KERF_MPI STREQUAL "AUTO")
        find_package(MPI QUIET COMPONENTS C)
    else()
        find_package(MPI REQUIRED COMPONENTS C)
    endif()
    if(MPI_C_FOUND)
        set(KERF_WITH_MPI ON)
        list(JOIN MPI_C_LIBRARIES " " KERF_PC_MPI) # cmake/kerf.pc.in
        target_link_libraries(kerf_dependencies INTERFACE MPI::MPI_C)
    endif()
endif()

# CLBlast is opened at run time too; its header says what to call.
find_path(KERF_CLBLAST_HEADERS clblast_c.h)
if(KERF_CLBLAST AND KERF_CLBLAST_HEADERS AND NOT KERF_RUNTIME)
    target_compile_definitions(kerf_run_dependencies INTERFACE KERF_WITH_CLBLAST)
endif()
