# By protoc-c, generated/NAME.pb-c.{h,c} of: onnx.proto (Debian: libonnx-dev), and what TensorBoard
# reads (lib/train).
find_program(KERF_PROTOC_C protoc-c REQUIRED)
find_path(KERF_ONNX_PROTO_DIR onnx/onnx.proto REQUIRED PATHS /usr/include
    NO_CMAKE_FIND_ROOT_PATH)
set(generated ${PROJECT_BINARY_DIR}/generated)
file(MAKE_DIRECTORY ${generated})
function(kerf_add_proto target proto)
    get_filename_component(name ${proto} NAME_WE)
    get_filename_component(folder ${proto} DIRECTORY)
    set(made ${generated}/${name}.pb-c.c ${generated}/${name}.pb-c.h)
    add_custom_command(OUTPUT ${made}
        COMMAND ${KERF_PROTOC_C} --c_out=${generated} --proto_path=${folder} ${proto}
        DEPENDS ${proto})
    set_source_files_properties(${generated}/${name}.pb-c.c PROPERTIES COMPILE_OPTIONS "-w")
    target_sources(${target} PRIVATE ${made})
endfunction()
kerf_add_proto(kerf_run_objects ${KERF_ONNX_PROTO_DIR}/onnx/onnx.proto)
if(NOT KERF_RUNTIME)
    kerf_add_proto(kerf_objects ${PROJECT_SOURCE_DIR}/lib/train/tensorboard.proto)
endif()
