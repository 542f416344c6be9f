"""Intel: the offline compiler, for four generations.

Extracted from its packages and not installed, so that no further driver is loaded by every
OpenCL program of this machine.  Read from the compiler's own dumps: lanes a hardware thread
runs (SIMD width), spills, tries until it fitted, dp4a.  The last try is what the driver runs.
"""

import os
import re
import tempfile
from pathlib import Path

import tools

PACKAGES = "intel-opencl-icd libigc1 libigdfcl1 libigc-tools libopencl-clang14 libllvmspirvlib14 libigdgmm12"
TARGETS = ["skl", "tgllp", "acm-g10", "pvc"]
DOT_FORMS = {"skl": (), "tgllp": ("ss", "us"), "acm-g10": ("ss", "us"), "pvc": ("ss", "us")}
NEEDS = {"-", "clang", "cl_khr_fp16"}
NUMBERS = [
    ("w", "SIMD width", True),
    ("t", "tries of the compiler", False),
]
FEATURES = ["-DKERF_CPU=0", "-DKERF_VECTOR_FLOATS=1", "-DKERF_F16=1", "-DKERF_F64=0",
            "-DKERF_SUB_GROUPS=0", "-DKERF_EXACT_DIVISION=0"]
_DUMP = re.compile(r"OCL_asm[0-9a-f]+(?:_(\d+))?_simd(\d+)_entry_\d+\.asm")


def has(needs, _target):
    return needs in NEEDS


def read(folder):
    """{entry: numbers} of one compilation."""
    numbers = {}
    for path in sorted(Path(folder).glob("*.asm")):
        found = _DUMP.fullmatch(path.name)
        if found is None:
            continue
        text = path.read_text(errors="replace")
        entry = re.search(r"^//\.kernel (\w+)", text, re.MULTILINE).group(1)
        tries = int(found.group(1) or 0) + 1
        if entry in numbers and numbers[entry]["t"] > tries:
            continue
        memory = re.findall(r"^//\.(?:spill|private memory) size (\d+)", text, re.MULTILINE)
        numbers[entry] = {
            "w": int(found.group(2)), "t": tries,
            "spilled": 0, "scratch": sum(map(int, memory)),
            "dots": len(re.findall(r"\bdp4a\b", text)),
        }
    return numbers


def prepare(ocloc_folder, **_):
    """As amd.prepare."""
    ocloc = Path(ocloc_folder).resolve() / "usr/bin/ocloc"
    if not ocloc.exists():
        raise tools.Missing(f"{ocloc} is missing: ./bootstrap test extracts it from the packages "
                            + PACKAGES)
    libraries = ocloc.parents[1] / "lib/x86_64-linux-gnu"
    version = tools.stamp(ocloc, *sorted(libraries.glob("libig*.so*")))

    def measure(program, target):
        with tempfile.TemporaryDirectory() as folder:
            env = dict(os.environ, LD_LIBRARY_PATH=str(libraries), IGC_ShaderDumpEnable="1",
                       IGC_DumpToCustomDir=folder + "/dump")
            good, log = tools.run([str(ocloc), "compile", "-file", str(program.path), "-device",
                                   target, "-out_dir", folder, "-output", "k", "-options",
                                   " ".join(program.words() + FEATURES)], env=env, cwd=folder)
            return (None, read(folder + "/dump")) if good else (log, {})

    return version, measure
