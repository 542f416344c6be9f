# kerf_embed_text(NAME FILE) -- FILE as an array NAME in generated/NAME.c, for whoever takes that file in.
function(kerf_embed_text name source)
    add_custom_command(OUTPUT ${PROJECT_BINARY_DIR}/generated/${name}.c
        COMMAND ${CMAKE_COMMAND} -DNAME=${name} -DSRC=${source}
                -DDST=${PROJECT_BINARY_DIR}/generated/${name}.c
                -P ${PROJECT_SOURCE_DIR}/cmake/EmbedText.cmake
        DEPENDS ${source} ${PROJECT_SOURCE_DIR}/cmake/EmbedText.cmake)
endfunction()
