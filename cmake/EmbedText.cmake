# Turns a text file into a C array: cmake -DNAME=.. -DSRC=.. -DDST=.. -P EmbedText.cmake
#
# Bytes and not a string literal, because C11 promises literals of 4095 characters only.
file(READ ${SRC} hex HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${hex}")
string(REGEX REPLACE "((0x..,){16})" "    \\1\n" bytes "${bytes}")
file(WRITE ${DST}
    "/* Made from ${SRC}; edit that file. */\n"
    "extern const unsigned char ${NAME}[];\n"
    "const unsigned char ${NAME}[] = {\n${bytes}0x00};\n")
