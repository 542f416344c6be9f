# kerf_add_test(ROOM NAME LABELS...) -- the program tests/ROOM/test_NAME.c is the test
# ROOM.NAME.  With label `device` it runs once on every OpenCL implementation of
# KERF_TEST_DEVICES, each in a process of its own: ROOM.NAME@pocl and so on; with `once`
# on the first of them.
#
# tests/device_run.sh sets the environment that one implementation wants.  A simulator is no
# CPU: operations run under oclgrind once more as if it were, for the kernels of CPU devices.
# And on the small device they run as on a GPU, with the kernels that a phone is given.
#
# Labelled slow besides is what says little for its time: whole networks on the small device and in the
# simulator, where they launch no other kernels than operations do, and what llvmpipe takes long for: its
# compiler, or many launches.
set(KERF_TEST_PYTHON ${PROJECT_SOURCE_DIR}/build/venv/bin/python CACHE FILEPATH "Python with onnx and onnxruntime, the judges of tests")
set(KERF_TEST_DEVICES pocl CACHE STRING "implementations for device tests: pocl small rusticl intel oclgrind arm64")

set(kerf_long_on_rusticl decoupled_loss distillation_loss elementwise elementwise_typed gemm mixed pool recompute
    reduce skip_channels sparse_conv sparse_conv_grad sparse_linear)

# "slow", or nothing.
function(kerf_slow_label out room name device)
    set(${out} "" PARENT_SCOPE)
    if((device MATCHES "^(small|oclgrind)$" AND NOT room MATCHES "^(ops|device)$")
            OR (device STREQUAL rusticl AND (room MATCHES "^(compress|train)$" OR name IN_LIST kerf_long_on_rusticl)))
        set(${out} slow PARENT_SCOPE)
    endif()
endfunction()

function(kerf_add_test room name)
    set(program test_${name})
    add_executable(${program} ${PROJECT_SOURCE_DIR}/tests/${room}/test_${name}.c)
    target_include_directories(${program} PRIVATE ${PROJECT_SOURCE_DIR}/tests
        ${PROJECT_SOURCE_DIR}/bench)
    target_compile_definitions(${program} PRIVATE _XOPEN_SOURCE=700)
    if(room STREQUAL "runtime") # as apps have it
        target_link_libraries(${program} PRIVATE kerf-run m)
    else()
        target_link_libraries(${program} PRIVATE kerf_inside kerf_test_ref)
    endif()
    set(devices ${KERF_TEST_DEVICES})
    if("once" IN_LIST ARGN)
        list(GET devices 0 devices)
        list(REMOVE_ITEM ARGN once)
    endif()
    if("device" IN_LIST ARGN)
        if(room STREQUAL "ops" AND "oclgrind" IN_LIST devices)
            list(APPEND devices oclgrind-cpu)
        endif()
        foreach(device IN LISTS devices)
            set(timeout 1500)
            if(device STREQUAL arm64) # its compiler runs under qemu
                set(timeout 7200)
            endif()
            kerf_slow_label(slow ${room} ${name} ${device})
            add_test(NAME ${room}.${name}@${device}
                COMMAND ${PROJECT_SOURCE_DIR}/tests/device_run.sh ${device} $<TARGET_FILE:${program}>)
            set_tests_properties(${room}.${name}@${device} PROPERTIES
                SKIP_RETURN_CODE 77 LABELS "${ARGN};${device};sanitize;${slow}" TIMEOUT ${timeout}
                ENVIRONMENT "KERF_PROBE=$<TARGET_FILE_DIR:${program}>/../kerf-probe;KERF_TEST_SOURCE=${PROJECT_SOURCE_DIR};KERF_TEST_LAUNCHES=${PROJECT_BINARY_DIR}/launches/${device}/${room}.${name}.tsv")
            if(room STREQUAL "ops" AND device STREQUAL "small")
                set_property(TEST ${room}.${name}@${device} APPEND PROPERTY
                    ENVIRONMENT KERF_TEST_TYPE=gpu)
            endif()
            # What each kernel's own tests launched is compared with the list of all kernels.
            if(room MATCHES "^(ops|device)$")
                set_tests_properties(${room}.${name}@${device} PROPERTIES
                    FIXTURES_SETUP launches_${device})
            endif()
        endforeach()
    else()
        add_test(NAME ${room}.${name} COMMAND ${program})
        set_tests_properties(${room}.${name} PROPERTIES LABELS "${ARGN};sanitize" TIMEOUT 900
            ENVIRONMENT "KERF_TEST_SOURCE=${PROJECT_SOURCE_DIR}")
    endif()
endfunction()
