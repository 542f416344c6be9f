# kerf_add_op(NAME [METHOD...]) -- one operation is one set of files, found by its name:
#
#   lib/ops/NAME.c          shape rule, gradient rule, variant table, launches
#   kernels/NAME.cl         the kernels
#   tests/ref/ref_NAME.c    the definition, in plain C and in double
#   tests/ops/test_NAME.c   compares the two, every variant
#   bench/ops/bench_NAME.c  times it, after comparing once more
#
# A method adds lib/ops/NAME_METHOD.c with kernels/NAME_METHOD.cl to a large operation.
# A missing file stops the configure step, so no operation lands half made.

function(kerf_require_files root name)
    foreach(file IN LISTS ARGN)
        if(NOT EXISTS ${root}/${file})
            message(FATAL_ERROR "operation '${name}' has no ${file}; write it, or take "
                                "'${name}' out of cmake/ops.cmake")
        endif()
    endforeach()
endfunction()

function(kerf_require_op_files root name)
    kerf_require_files(${root} ${name} lib/ops/${name}.c kernels/${name}.cl
        tests/ref/ref_${name}.c tests/ops/test_${name}.c bench/ops/bench_${name}.c)
    foreach(method IN LISTS ARGN)
        kerf_require_files(${root} ${name}_${method} lib/ops/${name}_${method}.c
            kernels/${name}_${method}.cl)
    endforeach()
endfunction()

# The generated file is part of the objects; every .clh may be in it.
function(kerf_embed_kernel name target)
    set(src ${PROJECT_SOURCE_DIR}/kernels/${name}.cl)
    set(dst ${PROJECT_BINARY_DIR}/kernels/${name}.cl.c)
    set(script ${PROJECT_SOURCE_DIR}/cmake/EmbedKernel.cmake)
    file(GLOB shared CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/kernels/*.clh)
    add_custom_command(OUTPUT ${dst} DEPENDS ${src} ${script} ${shared}
        COMMAND ${CMAKE_COMMAND} -DNAME=${name} -DSRC=${src} -DDST=${dst}
                -DINCLUDES=${PROJECT_SOURCE_DIR}/kernels -P ${script})
    target_sources(${target} PRIVATE ${dst})
endfunction()

set_property(GLOBAL PROPERTY kerf_ops "")

# A target that is not built leaves its operations out.
function(kerf_embed_op target name)
    kerf_require_op_files(${PROJECT_SOURCE_DIR} ${name} ${ARGN})
    set_property(GLOBAL APPEND PROPERTY kerf_ops ${name})
    set(parts ${ARGN})
    list(TRANSFORM parts PREPEND ${name}_)
    list(PREPEND parts ${name})
    foreach(part IN LISTS parts)
        set(file ${PROJECT_SOURCE_DIR}/lib/ops/${part}.c)
        set_property(GLOBAL APPEND PROPERTY kerf_op_files ${file})
        if(TARGET ${target})
            kerf_embed_kernel(${part} ${target})
            target_sources(${target} PRIVATE ${file})
        endif()
    endforeach()
endfunction()

function(kerf_add_op)
    kerf_embed_op(kerf_run_objects ${ARGN})
endfunction()

# The same for what only training, pruning and calibration launch: no part of the small runtime.
function(kerf_add_training_op)
    kerf_embed_op(kerf_objects ${ARGN})
endfunction()
