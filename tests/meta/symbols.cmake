# What the shared library shows, and what in it can be written.
#     cmake -DNM=nm -DLIBRARY=libkerf.so -P symbols.cmake
#
# Every exported name begins with kerf_.  What is global and not one a thread is the table of
# OpenCL functions, the guard that a handler of signals reads (lib/device/guard.c), and what a program
# says once and first: its cache folder, where its log goes, and the word that makes it its own helper.  Whatever else is written must
# belong to an object.
cmake_minimum_required(VERSION 3.25)
set(allowed opencl opencl_once guard_now told_dir is_told log_to own_word)
set(bad "")

execute_process(COMMAND ${NM} -D --defined-only ${LIBRARY} OUTPUT_VARIABLE text
    RESULT_VARIABLE result)
string(REGEX MATCHALL "[^\n]+" lines "${text}")
list(LENGTH lines num_exported)
foreach(line IN LISTS lines)
    if(NOT line MATCHES " [A-Za-z] kerf_[a-z0-9_]+$")
        string(APPEND bad "exported:${line}\n")
    endif()
endforeach()
if(NOT result EQUAL 0 OR num_exported LESS 20)
    string(APPEND bad "${LIBRARY}: exports ${num_exported} names, cannot be right\n")
endif()

execute_process(COMMAND ${OBJDUMP} -t ${LIBRARY} OUTPUT_VARIABLE text RESULT_VARIABLE result)
string(REGEX MATCHALL "[^\n]+ O \\.(data|bss)\t[^\n]+" lines "${text}")
foreach(line IN LISTS lines)
    string(REGEX REPLACE ".*[ \t]([^ \t]+)$" "\\1" name "${line}")
    string(REGEX REPLACE "\\.[0-9]+$" "" name "${name}")
    if(NOT name IN_LIST allowed AND NOT name MATCHES "^(completed|__.*)$")
        string(APPEND bad "can be written by all threads: ${name}\n")
    endif()
endforeach()
if(NOT result EQUAL 0)
    string(APPEND bad "${LIBRARY}: cannot be read by objdump\n")
endif()
if(NOT bad STREQUAL "")
    message(FATAL_ERROR "${bad}")
endif()
