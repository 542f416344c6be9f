# onnx.proto (Debian: libonnx-dev) by protoc-c: generated/onnx.pb-c.{h,c}.
find_program(KERF_PROTOC_C protoc-c REQUIRED)
find_path(KERF_ONNX_PROTO_DIR onnx/onnx.proto REQUIRED PATHS /usr/include
    NO_CMAKE_FIND_ROOT_PATH)
set(generated ${PROJECT_BINARY_DIR}/generated)
file(MAKE_DIRECTORY ${generated})
add_custom_command(OUTPUT ${generated}/onnx.pb-c.c ${generated}/onnx.pb-c.h
    COMMAND ${KERF_PROTOC_C} --c_out=${generated} --proto_path=${KERF_ONNX_PROTO_DIR}/onnx
            ${KERF_ONNX_PROTO_DIR}/onnx/onnx.proto
    DEPENDS ${KERF_ONNX_PROTO_DIR}/onnx/onnx.proto)
set_source_files_properties(${generated}/onnx.pb-c.c PROPERTIES COMPILE_OPTIONS "-w")
target_sources(kerf_objects PRIVATE ${generated}/onnx.pb-c.c ${generated}/onnx.pb-c.h)
