# The library's objects in two halves: kerf_run_objects reads, plans and runs; kerf_objects has the
# rest, the rooms and operations that train, compress and know data.  The small runtime,
# libkerf-run (docs/runtime.md), is made of the first half alone.
#
# The floors of docs/architecture.md make that possible: nothing in the first half calls the second.
#
# KERF_RUNTIME=ON builds nothing else, and wants small code; a call there takes microseconds of a
# run's milliseconds.
set(run_rooms base device graph io ops plan state tensor)
# What differs in the runtime, and so is compiled for each library.
set(kerf_run_own ${PROJECT_SOURCE_DIR}/lib/ops/ops.c ${PROJECT_SOURCE_DIR}/lib/plan/training.c)

function(kerf_add_objects target dependencies)
    add_library(${target} OBJECT)
    target_compile_options(${target} PRIVATE -ffunction-sections -fdata-sections)
    target_include_directories(${target} PUBLIC include PRIVATE lib ${PROJECT_BINARY_DIR}/generated)
    target_compile_definitions(${target} PRIVATE KERF_VERSION="${PROJECT_VERSION}"
        CL_TARGET_OPENCL_VERSION=120 _XOPEN_SOURCE=700
        KERF_LIBEXEC_DIR="${CMAKE_INSTALL_FULL_LIBEXECDIR}/kerf")
    target_link_libraries(${target} PUBLIC ${dependencies})
endfunction()

kerf_add_objects(kerf_run_objects kerf_run_dependencies)
if(NOT KERF_RUNTIME)
    kerf_add_objects(kerf_objects kerf_dependencies)
endif()
# The operations: each name stands for five files (cmake/KerfOps.cmake).
include(ops)
# Belong to no operation: what tries and measures a device, and launches queued as one.
kerf_embed_kernel(probe kerf_run_objects)
kerf_embed_kernel(join kerf_run_objects)

# What of lib/ belongs to no operation goes by its room.  prep.c reads the text in a model that
# says how pictures become its input.
#
# What is each system's own has two files, NAME_posix.c and NAME_windows.c.
set(kerf_other_system windows)
if(WIN32)
    set(kerf_other_system posix)
endif()
function(kerf_add_rooms)
    file(GLOB_RECURSE files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/lib/*.c)
    get_property(of_ops GLOBAL PROPERTY kerf_op_files)
    list(REMOVE_ITEM files ${of_ops})
    list(FILTER files EXCLUDE REGEX "_${kerf_other_system}[.]c$")
    if(KERF_WITH_MPI) # two ways to be a cluster (kerf/cluster.h)
        list(FILTER files EXCLUDE REGEX "/lib/cluster/cluster_alone[.]c$")
    else()
        list(FILTER files EXCLUDE REGEX "/lib/cluster/cluster_(codes|mpi|sum|tickets|wait)[.]c$")
    endif()
    list(JOIN run_rooms "|" rooms)
    set(run ${files})
    list(FILTER run INCLUDE REGEX "/lib/((${rooms})/.*|data/prep)[.]c$")
    list(REMOVE_ITEM run ${kerf_run_own})
    target_sources(kerf_run_objects PRIVATE ${run})
    if(NOT KERF_RUNTIME)
        list(REMOVE_ITEM files ${run})
        target_sources(kerf_objects PRIVATE ${files})
    endif()
endfunction()
kerf_add_rooms()

# Pages of 16 KiB, which new phones have; what nothing exported reaches is dropped.
add_library(kerf-run SHARED $<TARGET_OBJECTS:kerf_run_objects> ${kerf_run_own})
add_library(Kerf::kerf-run ALIAS kerf-run)
set_target_properties(kerf-run PROPERTIES VERSION ${PROJECT_VERSION} SOVERSION 0)
target_compile_definitions(kerf-run PRIVATE KERF_RUNTIME _XOPEN_SOURCE=700)
target_include_directories(kerf-run PRIVATE include lib INTERFACE
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:include>)
target_link_libraries(kerf-run PRIVATE kerf_run_dependencies)
target_link_options(kerf-run PRIVATE -Wl,--gc-sections -Wl,-z,max-page-size=16384)
if(NOT CMAKE_C_FLAGS MATCHES "-fsanitize")
    target_link_options(kerf-run PRIVATE -Wl,--no-undefined)
endif()

# The helper that tries drivers, for a build that has no command to bring it along.
if(KERF_RUNTIME)
    file(GLOB probe_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/host/probe/*.c)
    add_executable(kerf-probe ${probe_sources} $<TARGET_OBJECTS:kerf_run_objects> ${kerf_run_own})
    target_compile_definitions(kerf-probe PRIVATE KERF_RUNTIME _XOPEN_SOURCE=700)
    target_include_directories(kerf-probe PRIVATE include lib)
    target_link_libraries(kerf-probe PRIVATE kerf_run_dependencies)
    target_link_options(kerf-probe PRIVATE -Wl,--gc-sections)
endif()
