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
