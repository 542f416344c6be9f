# fuzz.NAME runs a fuzzer for 10 seconds, fuzz.NAME.long (label slow) for ten minutes
# (packed files, which travel most: for an hour); both start from tests/golden and what earlier runs
# found.
# fuzz.build makes them, with clang.
# fuzz.image is slow in both lengths: what it finds are mostly faults of stb_image itself.
set(fuzz_run ${CMAKE_CURRENT_LIST_DIR}/fuzz_run.sh)
add_test(NAME fuzz.build COMMAND ${fuzz_run} build)
set_tests_properties(fuzz.build PROPERTIES LABELS host FIXTURES_SETUP fuzzers TIMEOUT 900
    SKIP_RETURN_CODE 77 RESOURCE_LOCK fuzzers)
file(GLOB fuzzers CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/fuzz_*.c)
foreach(fuzzer IN LISTS fuzzers)
    get_filename_component(name ${fuzzer} NAME_WE)
    string(REPLACE "fuzz_" "" name ${name})
    add_test(NAME fuzz.${name} COMMAND ${fuzz_run} ${name} 10)
    set_tests_properties(fuzz.${name} PROPERTIES LABELS host TIMEOUT 120
        FIXTURES_REQUIRED fuzzers SKIP_RETURN_CODE 77)
    if(name STREQUAL image)
        set_tests_properties(fuzz.${name} PROPERTIES LABELS slow)
    endif()
    set(seconds 600)
    if(name STREQUAL packed)
        set(seconds 3600)
    endif()
    math(EXPR most "${seconds} + 300")
    add_test(NAME fuzz.${name}.long COMMAND ${fuzz_run} ${name} ${seconds})
    set_tests_properties(fuzz.${name}.long PROPERTIES LABELS slow TIMEOUT ${most}
        FIXTURES_REQUIRED fuzzers SKIP_RETURN_CODE 77)
endforeach()
