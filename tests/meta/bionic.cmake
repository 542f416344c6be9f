# Objects call nothing that Android's C library lacks at API level 26:
#     cmake -DNM=nm -DOBJECTS=list.txt -P bionic.cmake
#
# No NDK is needed for that, and none could be had for every machine that tests run on: the
# objects are those of this build, list.txt names them one a line.  What glibc's headers make
# of a name of C is taken back first; names that one of the objects or of the libraries that
# come along defines are none of Android's (bionic_api26.txt says where its names are from).
cmake_minimum_required(VERSION 3.25)
# MPI is none of them there: lib/cluster has another file for a build without.
set(dependencies "json_|yaml_|XXH|protobuf_c_|CLBlast|MPI_|ompi_")
# What compilers call on their own, from their own runtime library.
set(runtime "_GLOBAL_OFFSET_TABLE_|__tls_get_addr|__emutls_get_address|__cpu_[a-z0-9_]+|__aarch64_[a-z0-9_]+")

# glibc's name=C's, or the one that does the same on bionic; bcmp is what clang makes of a
# memcmp for glibc.
set(renamed bcmp=memcmp __errno_location=__errno __sysv_signal=signal __xpg_strerror_r=strerror_r
    __assert_fail=__assert2 __xpg_basename=basename __ctype_b_loc=isalpha
    __ctype_tolower_loc=tolower __ctype_toupper_loc=toupper)
macro(take_back name)
    foreach(pair IN LISTS renamed)
        if("${pair}" MATCHES "^${${name}}=(.*)$")
            set(${name} ${CMAKE_MATCH_1})
        endif()
    endforeach()
    string(REGEX REPLACE "^__isoc(99|23)_" "" ${name} "${${name}}") # sscanf, strtol
    string(REGEX REPLACE "^__(.*)_chk$" "\\1" ${name} "${${name}}") # checked by _FORTIFY_SOURCE
    string(REGEX REPLACE "64$" "" ${name} "${${name}}")             # fopen64: off_t has 64 bits
endmacro()

file(STRINGS ${CMAKE_CURRENT_LIST_DIR}/bionic_api26.txt known REGEX "^[^#]")
file(STRINGS ${OBJECTS} objects)
execute_process(COMMAND ${NM} ${objects} OUTPUT_VARIABLE text RESULT_VARIABLE result
    ERROR_VARIABLE errors)
list(LENGTH objects num_objects)
if(NOT result EQUAL 0 OR num_objects EQUAL 0)
    message(FATAL_ERROR "${NM} reads none of the ${num_objects} objects: ${errors}")
endif()
string(REGEX MATCHALL " [TDBRVWC] [A-Za-z_0-9]+" defined "${text}")
list(TRANSFORM defined REPLACE "^ . " "")
string(REGEX MATCHALL " U [A-Za-z_0-9]+" used "${text}")
list(TRANSFORM used REPLACE "^ . " "")
list(REMOVE_DUPLICATES used)
list(REMOVE_ITEM used ${defined})

set(bad "")
foreach(symbol IN LISTS used)
    if(symbol IN_LIST known OR symbol MATCHES "^(${dependencies})" OR symbol MATCHES "^(${runtime})$")
        continue()
    endif()
    set(name ${symbol})
    take_back(name)
    if(NOT name IN_LIST known)
        string(APPEND bad "bionic has no ${name} at API level 26\n")
    endif()
endforeach()
if(NOT bad STREQUAL "")
    message(FATAL_ERROR "${bad}")
endif()
