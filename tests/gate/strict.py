"""The front end at its strictest, and SPIR-V.

OpenCL C 1.2 for 32 and 64 bits with every extension off and warnings as errors: what passes is
what any vendor's compiler has to take.  The 64-bit form is translated to SPIR-V 1.0 and
validated.  A program that needs an extension gets that one alone.  Each file must also compile
without options, so that it can be read and tried alone.
"""

import tempfile
from pathlib import Path

import tools
from programs import Program

WARNINGS = ("-Werror -Wall -Wextra -Wdouble-promotion -Wcast-align -Wvla "
            # What is unused under one set of options is used under another; options are constants.
            "-Wno-unused -Wno-unused-parameter -Wno-constant-logical-operand").split()
# What a driver adds besides; kernels may test each without #ifdef.
FEATURES = ["-DKERF_CPU=0", "-DKERF_VECTOR_FLOATS=1", "-DKERF_F16=0", "-DKERF_F64=0",
            "-DKERF_SUB_GROUPS=0", "-DKERF_EXACT_DIVISION=0"]
# Inline assembly is the one thing that no portable target takes.
X86 = ["-target", "x86_64-linux-gnu", "-march=skylake-avx512", "-mavx512vnni"]
# SPIR-V 1.0 has no words for these.
NOT_IN_SPIRV = {"x86", "clang", "cl_khr_integer_dot_product"}
# Sub-groups are declared from OpenCL C 2.0 on alone: Intel's runtime compiles them, and the tests
# run them.  AMD's builtins are its own target's, Arm's its own driver's.
NOT_IN_CLANG = {"cl_khr_subgroups", "amd_dot", "cl_arm_integer_dot_product_accumulate_int8"}


def _front_end(clang, program, target, output):
    extensions = "-cl-ext=-all" + (f",+{program.needs}" if program.needs.startswith("cl_") else "")
    where = X86 if program.needs == "x86" else ["-target", f"{target}-unknown-unknown"]
    return ([clang] + where + ["-x", "cl"] + program.words() + FEATURES + WARNINGS +
            ["-Xclang", "-finclude-default-header", "-Xclang", extensions] + output +
            [str(program.path)])


def _check(program, clang, translator, validator):
    """Faults of one program, as texts."""
    with tempfile.TemporaryDirectory() as folder:
        bitcode, spirv = str(Path(folder) / "k.bc"), str(Path(folder) / "k.spv")
        emit = ["-O1", "-Xclang", "-disable-llvm-passes", "-Xclang", "-no-opaque-pointers",
                "-emit-llvm", "-c", "-o", bitcode]
        steps = [("does not compile for spir", _front_end(clang, program, "spir",
                                                          ["-fsyntax-only"])),
                 ("does not compile for spir64", _front_end(clang, program, "spir64", emit))]
        if program.needs not in NOT_IN_SPIRV:
            steps += [("does not translate to SPIR-V",
                       [translator, "--spirv-max-version=1.0", bitcode, "-o", spirv]),
                      ("is not valid SPIR-V",
                       [validator, "--target-env", "opencl1.2", spirv])]
        for what, command in steps:
            good, log = tools.run(command)
            if not good:
                return [f"{program.name()}: {what}\n{log[:2000]}"]
    return []


def gate(programs, cache_folder, **_):
    clang = tools.find("clang-15", "clang-15")
    translator = tools.find("llvm-spirv-15", "llvm-spirv-15")
    validator = tools.find("spirv-val", "spirv-tools")
    cache = tools.Cache(cache_folder, __file__)
    version = tools.stamp(clang, translator, validator)

    def check(program):
        key = [version, program.words(), program.needs, program.path.read_text()]
        return cache.get(key, lambda: _check(program, clang, translator, validator),
                         lambda faults: not faults)

    alone = {Program(program.path, "", "-", ()) for program in programs}
    alone -= {Program(program.path, program.options, "-", ()) for program in programs}
    wanted = [program for program in programs if program.needs not in NOT_IN_CLANG]
    wanted += sorted(alone, key=Program.name)
    return [fault for faults in tools.each(check, wanted) for fault in faults], None
