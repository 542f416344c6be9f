# Turns one .cl file into a C array:
#     cmake -DNAME=.. -DSRC=.. -DDST=.. -DINCLUDES=.. -P EmbedKernel.cmake
#
# #include "X.clh" lines are replaced by that file (once a file each): a driver at the user's
# knows no include path.  Bytes and not a string literal, because C11 promises literals of
# 4095 characters only.  Kernel files are plain ASCII without semicolon lists.
set(included "")

function(expand path out)
    file(READ ${path} text)
    while(text MATCHES "#include \"([a-z0-9_]+\\.clh)\"\n")
        set(line "${CMAKE_MATCH_0}")
        set(file "${CMAKE_MATCH_1}")
        set(body "")
        list(FIND included ${file} found)
        if(found EQUAL -1)
            list(APPEND included ${file})
            set(included "${included}" PARENT_SCOPE)
            file(READ ${INCLUDES}/${file} body)
        endif()
        string(REPLACE "${line}" "${body}" text "${text}")
    endwhile()
    set(${out} "${text}" PARENT_SCOPE)
endfunction()

expand(${SRC} text)
# Comments and indentation are for readers: they are half of the bytes that apps would carry.
string(REGEX REPLACE "/[*]([^*]|[*]+[^*/])*[*]+/" " " text "${text}")
string(REGEX REPLACE "//[^\n]*" "" text "${text}")
string(REGEX REPLACE "[ \t]+" " " text "${text}")
string(REGEX REPLACE " ?\n[ \n]*" "\n" text "${text}")
string(HEX "${text}" hex)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
string(REGEX REPLACE "((0x..,){16})" "    \\1\n" bytes "${bytes}")
file(WRITE ${DST}
    "/* Made from kernels/${NAME}.cl; edit that file. */\n"
    "#include \"device/launch.h\"\n"
    "static const char TEXT[] = {\n${bytes}0x00};\n"
    "extern const kerf__source kerf__source_${NAME};\n"
    "const kerf__source kerf__source_${NAME} = {\"${NAME}\", TEXT};\n")
