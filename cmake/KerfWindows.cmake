# The part of POSIX that mingw-w64 lacks (windows/): a library like any other that Kerf stands on,
# whose header each file of Kerf reads first.  printf is C's here, not that of Windows' old library,
# and files may be longer than 2 GiB.
enable_language(RC)
file(GLOB posix_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/windows/*.c)
set(posix_header "SHELL:-include ${PROJECT_SOURCE_DIR}/windows/posix.h")
add_library(posix STATIC ${posix_sources})
target_compile_options(posix PRIVATE ${posix_header})
target_include_directories(posix PUBLIC ${PROJECT_SOURCE_DIR}/windows)
target_compile_definitions(posix PUBLIC __USE_MINGW_ANSI_STDIO=1 _FILE_OFFSET_BITS=64)
# isnan() and its kin are macros there that convert a double for a float's case; and the compiler holds
# formats against the old library's rules.  Builds for other systems look at both.
target_compile_options(posix INTERFACE ${posix_header} -Wno-float-conversion -Wno-format
    -Wno-format-extra-args)
foreach(library jansson yaml protobuf_c)
    target_compile_definitions(${library} PRIVATE __USE_MINGW_ANSI_STDIO=1)
endforeach()
target_sources(posix INTERFACE $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:${PROJECT_SOURCE_DIR}/windows/utf8.rc>)
target_link_libraries(kerf_run_dependencies INTERFACE posix)
