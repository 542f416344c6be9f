# The command, and the helper that tries drivers one by one (host/probe), which the command has in it
# and other programs find beside them.
file(GLOB probe_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/host/probe/*.c)
if(probe_sources)
    add_executable(kerf-probe ${probe_sources})
    target_compile_definitions(kerf-probe PRIVATE _POSIX_C_SOURCE=200809L)
    target_link_libraries(kerf-probe PRIVATE kerf_inside)
endif()
# What the report page is made of becomes part of the command (host/report.c).
find_file(KERF_CHART_JS chart.min.js REQUIRED
    PATHS /usr/share/javascript/chart.js /usr/share/nodejs/chart.js/dist
    NO_DEFAULT_PATH NO_CMAKE_FIND_ROOT_PATH)
kerf_embed_text(report_template ${PROJECT_SOURCE_DIR}/host/report.html)
kerf_embed_text(report_chart ${KERF_CHART_JS})
include(KerfContents)
# The cases of `kerf bench`, a file a family (host/bench_case.c).
file(GLOB shapes CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/bench/shapes/*.txt)
set(shape_sources)
foreach(file IN LISTS shapes)
    get_filename_component(name ${file} NAME_WE)
    kerf_embed_text(shapes_${name} ${file})
    list(APPEND shape_sources ${PROJECT_BINARY_DIR}/generated/shapes_${name}.c)
endforeach()
# The numbered suites of it (host/suite_list.c).
file(GLOB suites CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/bench/suites/*.txt)
foreach(file IN LISTS suites)
    get_filename_component(name ${file} NAME_WE)
    kerf_embed_text(suite_${name} ${file})
    list(APPEND shape_sources ${PROJECT_BINARY_DIR}/generated/suite_${name}.c)
endforeach()

file(GLOB host_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/host/*.c)
list(FILTER host_sources EXCLUDE REGEX "_${kerf_other_system}[.]c$")
add_executable(kerf-command ${host_sources} ${PROJECT_SOURCE_DIR}/host/probe/probe.c
    ${PROJECT_BINARY_DIR}/generated/report_template.c
    ${PROJECT_BINARY_DIR}/generated/report_chart.c
    ${PROJECT_BINARY_DIR}/generated/kerf_contents.c ${shape_sources})
set_target_properties(kerf-command PROPERTIES OUTPUT_NAME kerf)
target_compile_definitions(kerf-command PRIVATE _POSIX_C_SOURCE=200809L)
target_link_libraries(kerf-command PRIVATE kerf_inside)
