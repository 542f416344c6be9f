# io.judge: ONNX's checker and ONNX Runtime on what Kerf reads and writes, and on what the
# command computes with it, on the default device (judge.py).
add_executable(rewrite ${CMAKE_CURRENT_LIST_DIR}/rewrite.c)
target_compile_definitions(rewrite PRIVATE _POSIX_C_SOURCE=200809L)
target_link_libraries(rewrite PRIVATE kerf_inside)
add_test(NAME io.judge
    COMMAND ${CMAKE_CURRENT_LIST_DIR}/judge_run.sh ${KERF_TEST_PYTHON}
        ${CMAKE_CURRENT_LIST_DIR}/judge.py ${PROJECT_SOURCE_DIR} $<TARGET_FILE:rewrite>
        $<TARGET_FILE:kerf-command>)
set_tests_properties(io.judge PROPERTIES LABELS host TIMEOUT 300 SKIP_RETURN_CODE 77)
# io.node_tests: ONNX's own tests, on one device: what the operations compute is tested on all.
add_test(NAME io.node_tests
    COMMAND ${PROJECT_SOURCE_DIR}/tests/device_run.sh pocl
        ${CMAKE_CURRENT_LIST_DIR}/node_tests.sh $<TARGET_FILE:kerf-command>)
file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/node_tests)
set_tests_properties(io.node_tests PROPERTIES LABELS "device;pocl" TIMEOUT 1500
    SKIP_RETURN_CODE 77 WORKING_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/node_tests
    ENVIRONMENT "KERF_PROBE=$<TARGET_FILE:kerf-probe>;KERF_TEST_SOURCE=${PROJECT_SOURCE_DIR}")
# io.models: real models beside ONNX Runtime (judge_models.py).
add_test(NAME io.models
    COMMAND ${PROJECT_SOURCE_DIR}/tests/device_run.sh pocl
        ${CMAKE_CURRENT_LIST_DIR}/judge_run.sh ${KERF_TEST_PYTHON}
        ${CMAKE_CURRENT_LIST_DIR}/judge_models.py ${PROJECT_SOURCE_DIR} $<TARGET_FILE:kerf-command>)
set_tests_properties(io.models PROPERTIES LABELS "device;pocl" TIMEOUT 600 SKIP_RETURN_CODE 77
    ENVIRONMENT "KERF_PROBE=$<TARGET_FILE:kerf-probe>;KERF_TEST_SOURCE=${PROJECT_SOURCE_DIR}")
