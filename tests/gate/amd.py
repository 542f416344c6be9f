"""AMD: LLVM's compiler with AMD's device library, for five generations.

Read from the assembly of each kernel: registers, waves a SIMD can hold (occupancy), local
memory, scratch and spills.  "No spills" is not enough: an array that is not fully unrolled
goes to scratch without one.
"""

import re

import tools

# gfx1100 is newer than this device library: it takes the closest version's constants.
TARGETS = {"gfx900": "900", "gfx906": "906", "gfx90a": "90a", "gfx1030": "1030", "gfx1100": "1036"}
WAVE32 = {"gfx1030", "gfx1100"}
DOT_FORMS = {"gfx900": (), "gfx906": ("ss",), "gfx90a": ("ss",), "gfx1030": ("ss",),
             "gfx1100": ("ss",)}
NEEDS = {"-", "clang", "cl_khr_fp16", "cl_khr_fp64", "amd_dot"}
NUMBERS = [  # letter in the table, what it is, whether more is better
    ("v", "vector registers", False),
    ("s", "scalar registers", False),
    ("l", "bytes of local memory", False),
    ("o", "occupancy", True),
]
BITCODE = "/usr/lib/x86_64-linux-gnu/amdgcn/bitcode"
LIBRARIES = ("opencl ocml ockl oclc_correctly_rounded_sqrt_on oclc_daz_opt_off "
             "oclc_finite_only_off oclc_unsafe_math_off oclc_abi_version_500").split()


def has(needs, target):
    """Whether a target has what a program needs; gfx900 has no dot product."""
    return needs in NEEDS and (needs, target) != ("amd_dot", "gfx900")


def _command(clang, program, target):
    wave32 = target in WAVE32
    words = [clang, "-target", "amdgcn-amd-amdhsa", f"-mcpu={target}", "-mcode-object-version=5",
             "-nogpulib", "-x", "cl", "-O3", "-S", "-o", "-"]
    for library in LIBRARIES + [f"oclc_wavefrontsize64_{'off' if wave32 else 'on'}",
                                f"oclc_isa_version_{TARGETS[target]}"]:
        words += ["-Xclang", "-mlink-builtin-bitcode", "-Xclang", f"{BITCODE}/{library}.bc"]
    features = ["-DKERF_CPU=0", "-DKERF_VECTOR_FLOATS=1", "-DKERF_F16=1", "-DKERF_F64=1",
                f"-DKERF_SUB_GROUPS={32 if wave32 else 64}", "-DKERF_EXACT_DIVISION=0"]
    return words + program.words() + features + [str(program.path)]


def _metadata(assembly):
    """For each kernel what its metadata say, by name."""
    found, kernel = {}, {}
    text = assembly.split(".amdgpu_metadata")[1].split(".end_amdgpu_metadata")[0]
    for key, value in re.findall(r"^ {2}[ -] \.(\w+):\s*(\S*)$", text, re.MULTILINE):
        if key == "args" or key in kernel:  # the first of a kernel's keys
            kernel = {}
        kernel[key] = value
        if "name" in kernel:
            found[kernel["name"]] = kernel
    return found


def read(assembly):
    """{entry: numbers} of one compilation."""
    numbers = {}
    metadata = _metadata(assembly)
    for entry, body in re.findall(r"^(\w+): +; @\1$(.*?^; WaveLimiterHint)", assembly,
                                  re.MULTILINE | re.DOTALL):
        if entry not in metadata:
            continue  # a function that was not inlined
        of = metadata[entry]
        numbers[entry] = {
            "v": int(of["vgpr_count"]), "s": int(of["sgpr_count"]),
            "l": int(of["group_segment_fixed_size"]),
            "o": int(re.search(r"; Occupancy: (\d+)", body).group(1)),
            "spilled": int(of["vgpr_spill_count"]) + int(of["sgpr_spill_count"]),
            "scratch": int(of["private_segment_fixed_size"]),
            "dots": len(re.findall(r"^\s+v_dot4", body, re.MULTILINE)),
        }
    return numbers


def prepare(**_):
    """Gives measure(program, target) -> (log of a failed build or None, {entry: numbers})."""
    clang = tools.find("clang-19", "clang-19")
    library = tools.find_file(f"{BITCODE}/opencl.bc", "rocm-device-libs")
    version = tools.stamp(clang, library)

    def measure(program, target):
        good, text = tools.run(_command(clang, program, target))
        return (None, read(text)) if good else (text, {})

    return version, measure
