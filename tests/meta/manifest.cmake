# The Android example asks for each library that Kerf looks for by name, and requires none:
#     cmake -DROOT=.. -DMANIFEST=AndroidManifest.xml -P manifest.cmake
#
# From API level 31 on, a name that is not in the manifest is not to be opened.
cmake_minimum_required(VERSION 3.25)
file(READ ${ROOT}/lib/device/opencl_posix.c text)
string(REGEX MATCH "opencl_paths\\[\\] = {[^}]*}" list "${text}")
string(REGEX MATCHALL "\"lib[^/\"]*[.]so\"" names "${list}")
list(LENGTH names num)
file(READ ${MANIFEST} manifest)
set(bad "")
foreach(name IN LISTS names)
    if(NOT manifest MATCHES "<uses-native-library android:name=${name} android:required=\"false\" */>")
        string(APPEND bad "the manifest must ask for ${name}, required=\"false\"\n")
    endif()
endforeach()
if(num LESS 5)
    string(APPEND bad "lib/device/opencl_posix.c names ${num} libraries, cannot be right\n")
endif()
if(NOT bad STREQUAL "")
    message(FATAL_ERROR "${MANIFEST}:\n${bad}")
endif()
