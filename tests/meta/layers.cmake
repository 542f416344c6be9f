# Reads every #include of a tree: cmake -DROOT=.. -P layers.cmake
#
#   1. A room of lib/ includes its own files and rooms on lower floors, by their own headers
#      or by kerf/ROOM.h: never up, never sideways.  The rooms of lib/compress are neighbours.
#   2. A public header follows the same rule.
#   3. OpenCL's headers are included in lib/device alone, MPI's in lib/cluster alone, and
#      only lib/ops makes launches: device/launch.h is for it and lib/device.
#   4. host/ and examples/ include kerf/*.h: what the command can do, any C program can.
#      host/probe is the helper of lib/device and may look inside.
#   5. No two C files of lib/ have the same name.
#
# The list is the house, from the ground up; docs/architecture.md says what each room is for.
cmake_minimum_required(VERSION 3.25)
set(floors "base" "device" "tensor" "data graph state" "nets io ops" "plan"
    "prune quantize distill share" "train" "recipe cluster")
set(compress_rooms prune quantize distill share)
set(bad "")

function(complain file text)
    file(RELATIVE_PATH name ${ROOT} ${file})
    set(bad "${bad}${name}: ${text}\n" PARENT_SCOPE)
endfunction()

# The floor of a room, "" for what is none.
function(find_floor room out)
    set(number 0)
    set(${out} "" PARENT_SCOPE)
    foreach(floor IN LISTS floors)
        if(" ${floor} " MATCHES " ${room} ")
            set(${out} ${number} PARENT_SCOPE)
        endif()
        math(EXPR number "${number} + 1")
    endforeach()
endfunction()

# The room that an include names: "graph/x.h", "kerf/graph.h", "compress/prune/x.h".
function(find_room seen out)
    string(REGEX REPLACE "^(kerf|compress)/" "" place ${seen})
    string(REGEX MATCH "^[a-z_]+" room ${place})
    if(NOT seen MATCHES "/")
        set(room "")
    endif()
    set(${out} "${room}" PARENT_SCOPE)
endfunction()

# Rules 1 and 2.
macro(check_direction file room seen)
    find_floor(${room} own_floor)
    find_room(${seen} other)
    set(other_floor "")
    if(NOT other STREQUAL "")
        find_floor(${other} other_floor)
    endif()
    if(${seen} MATCHES "^\\.")
        complain(${file} "${seen} must be written from the root of lib")
    elseif("${seen}" STREQUAL "kerf/kerf.h")
        complain(${file} "${room} may not include kerf/kerf.h, which includes all rooms")
    elseif(NOT other_floor STREQUAL "" AND NOT other STREQUAL "${room}")
        if(other_floor GREATER own_floor)
            complain(${file} "${room} may not include ${seen}: ${other} lies above it")
        elseif(other_floor EQUAL own_floor)
            complain(${file} "${room} may not include ${seen}: ${other} is its neighbour")
        endif()
    endif()
endmacro()

# Rule 3.
macro(check_door file room seen header_regex what)
    if("${seen}" MATCHES "${header_regex}" AND NOT "${room}" MATCHES "^(${what})$")
        string(REPLACE "|" " and lib/" places "${what}")
        complain(${file} "${room} may not include ${seen}, only lib/${places} may")
    endif()
endmacro()

function(check_lib_include file room seen)
    check_direction(${file} ${room} ${seen})
    check_door(${file} ${room} ${seen} "^CL/" "device")
    check_door(${file} ${room} ${seen} "^mpi\\.h$" "cluster")
    check_door(${file} ${room} ${seen} "^device/(launch|clblast)\\.h$" "device|ops")
    set(bad "${bad}" PARENT_SCOPE)
endfunction()

# Rule 4: what is inside the library has a room in its path, or belongs to another library.
function(check_outside_include file room seen)
    find_room(${seen} other)
    find_floor("${other}" other_floor)
    if((NOT other_floor STREQUAL "" AND NOT seen MATCHES "^kerf/") OR seen MATCHES "^(CL/|mpi)")
        complain(${file} "${room} may not include ${seen}, only kerf/*.h")
    endif()
    set(bad "${bad}" PARENT_SCOPE)
endfunction()

# Calls check(FILE ROOM SEEN) with what stands between the quotes or brackets of each include.
function(check_files check room)
    foreach(file IN LISTS ARGN)
        file(STRINGS ${file} lines REGEX "^[ \t]*#[ \t]*include[ \t]*[<\"]")
        foreach(line IN LISTS lines)
            string(REGEX REPLACE "^[^<\"]*[<\"]([^>\"]*)[>\"].*" "\\1" seen "${line}")
            cmake_language(CALL ${check} ${file} ${room} ${seen})
        endforeach()
    endforeach()
    set(bad "${bad}" PARENT_SCOPE)
endfunction()

foreach(floor IN LISTS floors)
    string(REPLACE " " ";" rooms "${floor}")
    foreach(room IN LISTS rooms)
        set(tree ${ROOT}/lib/${room})
        if(room IN_LIST compress_rooms)
            set(tree ${ROOT}/lib/compress/${room})
        endif()
        file(GLOB_RECURSE files ${tree}/*.[ch])
        check_files(check_lib_include ${room} ${files})
        file(GLOB files ${ROOT}/include/kerf/${room}.h)
        check_files(check_lib_include ${room} ${files})
    endforeach()
endforeach()
foreach(room host examples)
    file(GLOB_RECURSE files ${ROOT}/${room}/*.[ch])
    list(FILTER files EXCLUDE REGEX "/host/probe/")
    check_files(check_outside_include ${room} ${files})
endforeach()

# A room that is not on the list would not be read at all.
file(GLOB rooms RELATIVE ${ROOT}/lib ${ROOT}/lib/*)
foreach(room IN LISTS rooms)
    find_floor(${room} floor)
    if(floor STREQUAL "" AND NOT room STREQUAL compress)
        complain(${ROOT}/lib/${room} "stands on no floor")
    endif()
endforeach()

# Rule 5.
file(GLOB_RECURSE files ${ROOT}/lib/*.c)
set(names "")
foreach(file IN LISTS files)
    get_filename_component(name ${file} NAME)
    if(name IN_LIST names)
        complain(${file} "another file of lib/ is called ${name} too")
    endif()
    list(APPEND names ${name})
endforeach()

if(NOT bad STREQUAL "")
    message("${bad}")
    message(FATAL_ERROR "the plan of the house is broken")
endif()
