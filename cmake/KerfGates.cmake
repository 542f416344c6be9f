# The gates: every program that Kerf can launch, judged by the compilers that users have, and
# whether the tests ran every kernel.  tests/gate/gate.py says what each gate asks for.
#
# gate_programs writes the programs down; a missing compiler fails its gate, which names the
# package.  Each gate also meets something broken and must say so (NAME_notices).
set(gate ${PROJECT_SOURCE_DIR}/tests/gate)
set(gate_programs ${PROJECT_BINARY_DIR}/gate/programs)
set(KERF_OCLOC ${PROJECT_SOURCE_DIR}/build/ocloc CACHE PATH "Intel's offline compiler, as bootstrap extracts it")

add_executable(gate_programs ${gate}/gate_programs.c ${gate}/gate_walk.c ${gate}/gate_cases.c)
target_compile_definitions(gate_programs PRIVATE _XOPEN_SOURCE=700)
target_link_options(gate_programs PRIVATE -Wl,--wrap=kerf__launch_create_pieces)
target_link_libraries(gate_programs PRIVATE kerf_inside)

add_test(NAME gate.programs COMMAND gate_programs ${gate_programs})
file(MAKE_DIRECTORY ${gate_programs})
set_tests_properties(gate.programs PROPERTIES FIXTURES_SETUP gate_programs)

# kerf_add_gate(NAME ARG...) -- a run of gate.py, without the folder of programs.
function(kerf_add_gate name)
    add_test(NAME gate.${name} COMMAND ${KERF_TEST_PYTHON} -B ${gate}/gate.py ${ARGN}
        --cache ${PROJECT_BINARY_DIR}/gate/cache --ocloc ${KERF_OCLOC})
    set_tests_properties(gate.${name} PROPERTIES LABELS "gate;host" TIMEOUT 1500)
endfunction()

set(listed --programs ${gate_programs})
kerf_add_gate(sources sources ${listed} --kernels ${PROJECT_SOURCE_DIR}/kernels)
kerf_add_gate(strict strict ${listed})
kerf_add_gate(amd amd ${listed} --table ${gate}/amd.tsv)
kerf_add_gate(intel intel ${listed} --table ${gate}/intel.tsv)
kerf_add_gate(page page ${listed} --page ${PROJECT_SOURCE_DIR}/docs/kernels.md)
set(gates gate.sources gate.strict gate.amd gate.intel gate.page)

# kerf_add_gate_notices(NAME WORDS ARG...) -- the gate must fail with these words.
function(kerf_add_gate_notices name words)
    kerf_add_gate(${name} ${ARGN})
    set_tests_properties(gate.${name} PROPERTIES PASS_REGULAR_EXPRESSION "${words}")
endfunction()

set(broken --programs ${gate}/broken)
set(sound --programs ${gate}/sound)
kerf_add_gate_notices(sources_notices "spill.cl: kernel too_many is launched by no case"
    sources ${sound} --kernels ${gate}/broken)
kerf_add_gate_notices(strict_notices "fp64.cl: does not compile for spir\n" strict ${broken})
kerf_add_gate_notices(amd_notices
    "wants_group: 256 work-items a group, must be at most 64.*wants_local: 20000 bytes of local memory, must be at most 16384.*product_s8s8: no dot product instruction.*spilled: 1028 bytes of scratch, must be 0.*too_many: [0-9]+ registers spilled, must be 0"
    amd ${broken})
kerf_add_gate_notices(intel_notices
    "pvc: no_dot.cl product_s8s8: no dot product instruction.*skl: spill.cl too_many: [0-9]+ bytes of scratch, must be 0"
    intel ${broken})
kerf_add_gate_notices(table_notices "vector registers [0-9]+, was 1: worse"
    amd ${sound} --table ${gate}/broken/amd.tsv)
kerf_add_gate_notices(page_notices "docs/amd.tsv is not what the gates say"
    page ${sound} --page ${gate}/broken/amd.tsv)

# ---- what ran ------------------------------------------------------------------------------

# kerf_add_ran(NAME ON PROGRAMS LOGS) -- coverage.py over what tests launched.
function(kerf_add_ran name on programs logs)
    add_test(NAME gate.${name} COMMAND ${KERF_TEST_PYTHON} -B ${gate}/coverage.py --on ${on}
        --programs ${programs} --logs ${logs})
    set_tests_properties(gate.${name} PROPERTIES LABELS host TIMEOUT 60)
endfunction()

if("small" IN_LIST KERF_TEST_DEVICES)
    kerf_add_ran(ran@small small ${gate_programs} ${PROJECT_BINARY_DIR}/launches)
    set_tests_properties(gate.ran@small PROPERTIES FIXTURES_REQUIRED "gate_programs;launches_small")
endif()
if("oclgrind" IN_LIST KERF_TEST_DEVICES)
    kerf_add_ran(ran@simulator simulator ${gate_programs} ${PROJECT_BINARY_DIR}/launches)
    set_tests_properties(gate.ran@simulator PROPERTIES
        FIXTURES_REQUIRED "gate_programs;launches_oclgrind;launches_oclgrind-cpu")
endif()
kerf_add_ran(ran_notices small ${gate}/sound ${gate}/broken/launches)
set_tests_properties(gate.ran_notices PROPERTIES PASS_REGULAR_EXPRESSION
    "ops.strange launches sound.cl -DSTRANGE sound, which no case.*sound.cl: no test launches sound as small")
set_tests_properties(${gates} PROPERTIES FIXTURES_REQUIRED gate_programs)

# The simulator and the small device find what is planted, and nothing in a sound kernel.
add_executable(gate_run ${gate}/gate_run.c)
target_include_directories(gate_run PRIVATE ${PROJECT_SOURCE_DIR}/tests)
target_compile_definitions(gate_run PRIVATE _XOPEN_SOURCE=700)
target_link_libraries(gate_run PRIVATE kerf_inside)

# kerf_add_gate_run(NAME DEVICE FILE OPTIONS ENTRY GROUP ARGUMENT...)
function(kerf_add_gate_run name device)
    add_test(NAME gate.${name} COMMAND ${PROJECT_SOURCE_DIR}/tests/device_run.sh ${device}
        $<TARGET_FILE:gate_run> ${ARGN})
    set_tests_properties(gate.${name} PROPERTIES LABELS "gate;device;${device}" TIMEOUT 300
        SKIP_RETURN_CODE 77 ENVIRONMENT "KERF_PROBE=$<TARGET_FILE:kerf-probe>")
endfunction()

if("oclgrind" IN_LIST KERF_TEST_DEVICES)
    kerf_add_gate_run(sound@oclgrind oclgrind ${gate}/sound/sound.cl - sound 64 buffer)
    kerf_add_gate_run(race_notices oclgrind ${gate}/broken/race.cl - race 64 buffer)
    set_tests_properties(gate.race_notices PROPERTIES PASS_REGULAR_EXPRESSION "data race at local memory")
endif()
if("small" IN_LIST KERF_TEST_DEVICES)
    kerf_add_gate_run(sound@small small ${gate}/sound/sound.cl - sound 64 buffer)
    kerf_add_gate_run(small_notices small ${gate}/broken/group.cl - wants_group 256 buffer)
    set_tests_properties(gate.small_notices PROPERTIES
        PASS_REGULAR_EXPRESSION "wants_group: wants groups of 256, .* takes 1 to 64")
endif()

# The probe tries what a device has, and the simulator not at all; nor does it join launches. Those
# kernels are run one by one besides.
function(kerf_add_lone_run file name)
    foreach(device small oclgrind)
        if(NOT device IN_LIST KERF_TEST_DEVICES)
            continue()
        endif()
        set(test gate.${file}_${name}@${device})
        set(log ${PROJECT_BINARY_DIR}/launches/${device}/gate.${file}_${name}.tsv)
        kerf_add_gate_run(${file}_${name}@${device} ${device} ${gate_programs}/${file}.cl ${ARGN})
        set_tests_properties(${test} PROPERTIES FIXTURES_REQUIRED gate_programs
            FIXTURES_SETUP launches_${device})
        set_property(TEST ${test} APPEND PROPERTY ENVIRONMENT KERF_TEST_LAUNCHES=${log})
    endforeach()
endfunction()

function(kerf_add_probe_run)
    kerf_add_lone_run(probe ${ARGV})
endfunction()

kerf_add_lone_run(join table - join 1 buffer buffer local:128 uint:0 uint:4 uint:1 uint:1)
kerf_add_lone_run(join address - join_address 1 buffer buffer uint:1)
kerf_add_probe_run(join - probe_join 1 buffer buffer uint:64 local:512)
set(form -DPROBE_MULTIPLY_ADD=fma)
kerf_add_probe_run(group - probe_group 64 buffer uint:64 local:256)
kerf_add_probe_run(local - probe_local 64 buffer uint:1000 local:4000)
kerf_add_probe_run(divide - probe_divide 64 buffer buffer buffer)
kerf_add_probe_run(nothing - probe_nothing 64 buffer int:0)
kerf_add_probe_run(copy - probe_copy 64 buffer buffer)
kerf_add_probe_run(rate_gpu "-DPROBE_VECTOR=float4 -DPROBE_CHAINS=4 ${form}"
    probe_multiply_add 64 buffer int:3 float:1 float:1)
kerf_add_probe_run(rate_cpu "-DPROBE_VECTOR=float16 -DPROBE_CHAINS=12 ${form}"
    probe_multiply_add 1 buffer int:3 float:1 float:1)
foreach(sign ss us)
    kerf_add_probe_run(dot_${sign} "-DDOT_FORM=DOT_PLAIN -DPROBE_DOT" probe_dot_${sign} 64
        buffer buffer buffer)
    kerf_add_probe_run(dot_${sign}_wide "-DDOT_FORM=DOT_PLAIN -DDOT_V=16 -DPROBE_DOT"
        probe_dot_${sign} 1 buffer buffer buffer)
endforeach()
kerf_add_probe_run(dot_rate "-DDOT_FORM=DOT_PLAIN -DPROBE_DOT_RATE=dot_ss -DPROBE_CHAINS=4"
    probe_dot_rate 64 buffer int:3 uint:5)
kerf_add_probe_run(dot_rate_wide
    "-DDOT_FORM=DOT_PLAIN -DDOT_V=16 -DPROBE_DOT_RATE=dot_ss -DPROBE_CHAINS=12 -DPROBE_SHARED=3"
    probe_dot_rate 1 buffer int:3 uint:5)
