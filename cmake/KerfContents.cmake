# What the command is made of besides Kerf: generated/contents.txt, with versions, licences and their
# texts (cmake/licences).  `kerf --version -v` prints it, so a single file carries what its licences
# ask for; ./bootstrap dist puts it beside as well.
set(contents "besides Kerf it holds\n")
set(licence_texts "")

# kerf_holds(NAME VERSION LICENCE WHAT) -- with cmake/licences/NAME.txt, if there is one.
macro(kerf_holds name version licence what)
    string(LENGTH "${name} ${version}" length)
    math(EXPR blanks "22 - ${length}")
    string(REPEAT " " ${blanks} blanks)
    string(APPEND contents "  ${name} ${version}${blanks}${licence}: ${what}\n")
    set(file ${PROJECT_SOURCE_DIR}/cmake/licences/${name}.txt)
    if(EXISTS ${file})
        file(READ ${file} text)
        string(APPEND licence_texts "\n---- ${name} ----\n\n${text}")
        set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    endif()
endmacro()

# kerf_version_in(VARIABLE FILE REGEX) -- what a file says of its own version.
function(kerf_version_in variable file regex)
    file(STRINGS ${file} line REGEX "${regex}" LIMIT_COUNT 1)
    string(REGEX REPLACE ".*${regex}.*" "\\1" version "${line}")
    set(${variable} ${version} PARENT_SCOPE)
endfunction()
kerf_version_in(stb_version ${KERF_STB_HEADERS}/stb_image.h "stb_image - v([0-9.]+)")
kerf_version_in(chart_version ${KERF_CHART_JS} "Chart.js v([0-9.]+)")

kerf_holds(jansson "${jansson_VERSION}" MIT "JSON")
kerf_holds(libyaml "${yaml_VERSION}" MIT "recipes")
kerf_holds(xxHash "${xxhash_VERSION}" BSD-2-Clause "checksums")
kerf_holds(protobuf-c "${protobuf_c_VERSION}" BSD-2-Clause "ONNX files")
kerf_holds(zlib "${ZLIB_VERSION_STRING}" Zlib "compressed data sets")
kerf_holds(stb_image "${stb_version}" MIT "pictures")
kerf_holds(Chart.js "${chart_version}" MIT "pages of kerf report")
kerf_holds(onnx.proto "" Apache-2.0 "ONNX files")
string(APPEND contents "OpenCL is opened at run time and no part of it.  Licences: Kerf's and onnx.proto's is at\n"
    "https://www.apache.org/licenses/LICENSE-2.0; those of the others follow.\n")
file(CONFIGURE OUTPUT generated/contents.txt CONTENT "${contents}${licence_texts}" @ONLY)
kerf_embed_text(kerf_contents ${PROJECT_BINARY_DIR}/generated/contents.txt)
