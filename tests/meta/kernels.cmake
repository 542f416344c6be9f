# Every kernel compiles alone, with nothing but OpenCL C 1.2: no extension, 32 and 64 bits.
#     cmake -DROOT=.. -DCLANG=clang -P kernels.cmake
#
# Two warnings are no fault in a kernel: variants share one list of arguments, and options are
# constants.  Files are ASCII without the quirks that EmbedKernel.cmake cannot carry.
cmake_minimum_required(VERSION 3.25)
file(GLOB kernels ${ROOT}/kernels/*.cl)
file(GLOB shared ${ROOT}/kernels/*.clh)
set(bad "")
foreach(file IN LISTS kernels shared)
    file(RELATIVE_PATH name ${ROOT} ${file})
    file(READ ${file} text HEX)
    if(text MATCHES "^(..)*([89a-f].)")
        string(APPEND bad "${name}: is not plain ASCII\n")
    endif()
endforeach()
foreach(file IN LISTS kernels)
    file(RELATIVE_PATH name ${ROOT} ${file})
    foreach(target spir spir64)
        execute_process(COMMAND ${CLANG} -target ${target} -x cl -cl-std=CL1.2
                -Xclang -finclude-default-header -Xclang -cl-ext=-all -fsyntax-only
                -Werror -Wall -Wextra -Wno-unused-parameter -Wno-constant-logical-operand -I${ROOT}/kernels ${file}
            RESULT_VARIABLE result ERROR_VARIABLE log)
        if(NOT result EQUAL 0)
            message("${log}")
            string(APPEND bad "${name}: does not compile for ${target}\n")
        endif()
    endforeach()
endforeach()
if(NOT kernels)
    set(bad "kernels: there are none\n")
endif()
if(NOT bad STREQUAL "")
    message(FATAL_ERROR "${bad}")
endif()
