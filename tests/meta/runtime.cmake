# What a library or a program needs of a system, and how large it is: the small runtime, and the command
# as a single file:
#     cmake -DREADELF=readelf -DLIBRARY=libkerf-run.so -DNEEDED=regex [-DMOST_BYTES=N] [-DPAGE=N]
#           [-DNEWEST_GLIBC=V] -P runtime.cmake
#
# Other libraries are those of NEEDED; segments lie on pages of 16 KiB, which new phones have, or of PAGE.
cmake_minimum_required(VERSION 3.25)
set(bad "")
if(NOT DEFINED PAGE)
    set(PAGE 16384)
endif()
execute_process(COMMAND ${READELF} -dlVW ${LIBRARY} OUTPUT_VARIABLE text RESULT_VARIABLE result)
if(NOT result EQUAL 0)
    message(FATAL_ERROR "${LIBRARY}: cannot be read by ${READELF}")
endif()

string(REGEX REPLACE "[][]" "|" text "${text}") # brackets bind the elements of a list together
string(REGEX MATCHALL "NEEDED[^\n|]*[|][^|]*" lines "${text}")
foreach(line IN LISTS lines)
    string(REGEX REPLACE ".*[|]" "" name "${line}")
    if(NOT name MATCHES "^(${NEEDED})$")
        string(APPEND bad "needs ${name}, which an app has not\n")
    endif()
endforeach()

string(REGEX MATCHALL "LOAD[^\n]*0x[0-9a-f]+" lines "${text}")
list(LENGTH lines num_segments)
math(EXPR page "${PAGE}" OUTPUT_FORMAT HEXADECIMAL)
foreach(line IN LISTS lines)
    string(REGEX REPLACE ".*(0x[0-9a-f]+)$" "\\1" align "${line}")
    math(EXPR rest "${align} % ${PAGE}")
    if(NOT rest EQUAL 0)
        string(APPEND bad "a segment is aligned to ${align}, must be to ${page}\n")
    endif()
endforeach()
if(num_segments EQUAL 0)
    string(APPEND bad "no segments are to be seen\n")
endif()

# Functions that came with a later version of the C library keep it from starting where that is older.
string(REGEX MATCHALL "Name: GLIBC_[0-9.]+" lines "${text}")
foreach(line IN LISTS lines)
    string(REGEX REPLACE ".*_" "" version "${line}")
    if(DEFINED NEWEST_GLIBC AND version VERSION_GREATER NEWEST_GLIBC)
        string(APPEND bad "needs glibc ${version}, must do with ${NEWEST_GLIBC}\n")
    endif()
endforeach()

file(SIZE ${LIBRARY} bytes)
message(STATUS "${bytes} bytes")
if(DEFINED MOST_BYTES AND bytes GREATER MOST_BYTES)
    string(APPEND bad "${bytes} bytes, must be at most ${MOST_BYTES}\n")
endif()
if(NOT bad STREQUAL "")
    message(FATAL_ERROR "${LIBRARY}:\n${bad}")
endif()
