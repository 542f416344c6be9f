# Installs a build into an empty prefix and builds a program against it, through pkg-config
# and through find_package.
#     cmake -DROOT=.. -DBUILD=.. -DVERSION=.. -DCC=.. -DPKG_CONFIG=.. -P install.cmake
cmake_minimum_required(VERSION 3.25)
set(work ${BUILD}/install-test)
set(prefix ${work}/prefix)
set(program ${ROOT}/tests/meta/installed)
file(REMOVE_RECURSE ${work})
file(MAKE_DIRECTORY ${work})

# Runs a command and stops where it fails; its output is in `text`.
function(run)
    execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE out ERROR_VARIABLE err)
    if(NOT result EQUAL 0)
        string(REPLACE ";" " " line "${ARGN}")
        message(FATAL_ERROR "${line}: ${result}\n${out}${err}")
    endif()
    set(text "${out}" PARENT_SCOPE)
endfunction()

function(require_file pattern)
    file(GLOB_RECURSE found ${prefix}/${pattern})
    if(NOT found)
        message(FATAL_ERROR "nothing installed as ${pattern}")
    endif()
    list(GET found 0 found)
    set(found ${found} PARENT_SCOPE)
endfunction()

function(require_greeting)
    if(NOT text STREQUAL "kerf ${VERSION} says: y\n")
        message(FATAL_ERROR "the program printed '${text}'")
    endif()
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${prefix})
require_file(include/kerf/kerf.h)
require_file(libexec/kerf/kerf-probe)
if(HAS_COMMAND)
    require_file(bin/kerf)
    run(${found} --version)
    if(NOT text MATCHES "${VERSION}")
        message(FATAL_ERROR "the installed command says it is ${text}")
    endif()
endif()
require_file(kerf.pc)
get_filename_component(pc_dir ${found} DIRECTORY)
get_filename_component(lib_dir ${pc_dir} DIRECTORY)
set(ENV{PKG_CONFIG_PATH} ${pc_dir})

run(${PKG_CONFIG} --modversion kerf)
if(NOT text STREQUAL "${VERSION}\n")
    message(FATAL_ERROR "pkg-config says version ${text}")
endif()
run(${PKG_CONFIG} --cflags --libs kerf)
string(STRIP "${text}" flags)
separate_arguments(flags)
run(${CC} -std=c11 -Wall -Wextra -Wpedantic -Werror -DKERF_WANTED_VERSION="${VERSION}"
    ${program}/main.c ${flags} -Wl,-rpath,${lib_dir} -o ${work}/by_pkg_config)
run(${work}/by_pkg_config)
require_greeting()

run(${CMAKE_COMMAND} -S ${program} -B ${work}/build -DCMAKE_PREFIX_PATH=${prefix}
    -DCMAKE_C_COMPILER=${CC} -DWANTED_VERSION=${VERSION})
run(${CMAKE_COMMAND} --build ${work}/build)
run(${work}/build/somebody)
require_greeting()

# The headers are for C++ too.
if(CXX)
    run(${CXX} -x c++ -std=c++17 -Wall -Wextra -Werror -fsyntax-only
        ${prefix}/include/kerf/kerf.h -I${prefix}/include)
endif()
file(REMOVE_RECURSE ${work})
