# A check must complain of a broken tree, in exactly the words of the tree's expected.txt:
#     cmake -DCHECK=layers.cmake -DROOT=broken -P notices.cmake
cmake_minimum_required(VERSION 3.25)
execute_process(COMMAND ${CMAKE_COMMAND} -DROOT=${ROOT} -P ${CHECK}
    RESULT_VARIABLE result OUTPUT_VARIABLE text ERROR_VARIABLE text)
if(result EQUAL 0)
    message(FATAL_ERROR "${CHECK} has nothing to say of ${ROOT}")
endif()
file(STRINGS ${ROOT}/expected.txt expected)
string(REGEX REPLACE "\n+CMake Error.*" "" text "${text}")
string(REPLACE "\n" ";" found "${text}")
list(SORT found)
list(SORT expected)
if(NOT "${found}" STREQUAL "${expected}")
    string(REPLACE ";" "\n" found "${found}")
    string(REPLACE ";" "\n" expected "${expected}")
    message(FATAL_ERROR "found:\n${found}\n\nmust be:\n${expected}")
endif()
