"""What Mesa's compilers make of Kerf's kernels for the GPUs of phones: the table beside this file.

    sudo python3 tests/gate/mali/phones.py build/dev/tests/gate_programs [FOLDER]

On demand and for root: mesa.sh makes FOLDER (build/mali) first, which takes up to half an hour
and 4 GB once; after that a run takes some minutes.  The last lines tell what stands out, and the
exit status is 1 if a kernel cannot be launched on a chip: it does not compile, or the chip
takes a smaller work-group of it than Kerf launches.

These are Mesa's compilers and not the vendors'.  Numbers indicate; scratch is a strong warning.
"""

import argparse
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import programs  # noqa: E402
import tools  # noqa: E402

FEATURES = ("-DKERF_CPU=0 -DKERF_VECTOR_FLOATS=1 -DKERF_F16=0 -DKERF_F64=0 -DKERF_SUB_GROUPS=0 "
            "-DKERF_EXACT_DIVISION=0 -DKERF_DOT_KHR=0 -DKERF_DOT_X86=0")
SHIM = "/mesa/build/src/{0}/drm-shim/lib{0}_noop_drm_shim.so"
RUSTICL = "/mesa/build/src/gallium/targets/rusticl/libRusticlOpenCL.so.1.0.0"


# ---- chips ------------------------------------------------------------------------------------

@dataclass(frozen=True)
class Chip:
    name: str
    driver: str
    id: str
    most_threads: int  # the most that the compiler counts, in units of its own
    registers: int = 0  # of a work-item where it counts one; 0: it tells the registers

    def environment(self):
        own = {"panfrost": {"PAN_GPU_ID": self.id, "RUSTICL_ENABLE": "panfrost",
                            "BIFROST_MESA_DEBUG": "shaderdb", "MIDGARD_MESA_DEBUG": "shaderdb"},
               "freedreno": {"FD_GPU_ID": self.id, "RUSTICL_ENABLE": "freedreno,msm",
                             "FD_MESA_DEBUG": "shaderdb"}}
        return {"LD_PRELOAD": SHIM.format(self.driver), "OCL_ICD_VENDORS": "/kerf/rusticl.icd",
                "MESA_SHADER_CACHE_DISABLE": "true", **own[self.driver]}


MALI = [Chip("T860", "panfrost", "860", 4), Chip("G72", "panfrost", "6221", 1, 64),
        Chip("G52", "panfrost", "7212", 2, 64), Chip("G57", "panfrost", "9093", 2, 64),
        Chip("G610", "panfrost", "a867", 2, 64)]
ADRENO = [Chip(f"Adreno {number}", "freedreno", number, 2048)
          for number in ("630", "660", "730", "740", "750")]


# ---- what a compilation said ------------------------------------------------------------------

@dataclass(frozen=True)
class Numbers:
    registers: int
    threads: int  # in percent of the most that a core can hold
    scratch: int  # bytes a work-item keeps in memory: spilled registers, and arrays
    group: int    # the largest work-group

    def __str__(self):
        return f"{self.registers}/{self.threads}%/{self.scratch}/{self.group}"


def _count(word, line):
    found = re.search(rf"(\d+) {word}\b", line)
    return int(found.group(1)) if found else 0


def _registers(chip, line):
    """Of four words of 32 bits on Midgard and Adreno, one word on Bifrost and Valhall."""
    if chip.registers:
        return chip.registers // _count("threads", line)
    return max(_count("registers", line), _count("full", line), (_count("half", line) + 1) // 2)


def _numbers(chip, lines, group, scratch):
    """Mesa builds a kernel for any launch and for launches without an offset: the worse."""
    return Numbers(max(_registers(chip, line) for line in lines),
                   min(100 * _count("threads", line) // chip.most_threads for line in lines),
                   scratch, group)


def read_log(chip, log):
    """{(number of the program, entry): Numbers}; a kernel that failed is left out."""
    found, lines, failed, program, entry = {}, {}, set(), 0, ""
    for line in log.splitlines():
        words = line.split()
        if line.startswith("PROGRAM: "):
            program, lines, failed = int(words[1]), {}, set()
        elif line.startswith("KERNEL: "):
            entry = words[1]
        elif line.startswith("SHADER-DB: "):
            lines.setdefault(entry, []).append(line)
        elif line.startswith("ERROR: "):
            failed.add(entry)
        elif line.startswith("GROUP: ") and words[1] not in failed:
            found[program, words[1]] = _numbers(chip, lines[words[1]], *map(int, words[2:]))
    return found


# ---- running ----------------------------------------------------------------------------------

def inside(debian, command, environment=None):
    settings = [f"{name}={value}" for name, value in (environment or {}).items()]
    return tools.run(["chroot", str(debian), "env", "LC_ALL=C"] + settings + command)


def build_all(debian, chip, num_programs):
    """The log of all programs; goes on behind one that ends the process."""
    log, first = "", 1
    while first <= num_programs:
        good, text = inside(debian, ["/kerf/build_programs", "/kerf/list", str(first)],
                            chip.environment())
        log += text
        if good:
            break
        reached = re.findall(r"^PROGRAM: (\d+)$", text, re.MULTILINE)
        if not reached:
            sys.exit(f"phones.py: {chip.name} is no device there:\n{text}")
        first = int(reached[-1]) + 1
    (debian / "kerf" / f"{chip.name}.log").write_text(log)
    return read_log(chip, log)


def prepare(debian, gate_programs):
    """Everything inside /kerf; gives the programs that a GPU is given."""
    kerf = debian / "kerf"
    kerf.mkdir(exist_ok=True)
    subprocess.run([gate_programs, str(kerf)], check=True)
    (kerf / "rusticl.icd").write_text(RUSTICL + "\n")
    (kerf / "build_programs.c").write_text((HERE / "build_programs.c").read_text())
    good, text = inside(debian, ["gcc", "-std=c11", "-O1", "-o", "/kerf/build_programs",
                                 "/kerf/build_programs.c", "-lOpenCL"])
    if not good:
        sys.exit(text)
    chosen = [p for p in programs.read(kerf) if p.gpu_kernels() and p.needs == "-"]
    (kerf / "list").write_text("".join(
        f"/kerf/{p.path.name}\t{' '.join(p.words())} {FEATURES}\n" for p in chosen))
    return chosen


# ---- the table --------------------------------------------------------------------------------

HEADER = """\
What Mesa's compilers make of Kerf's kernels for the GPUs of phones.

Mesa {version} (Debian 13), its OpenCL on drm-shim: compiled, never run.  Not the vendors'
compilers: numbers indicate.  Made by

    sudo python3 tests/gate/mali/phones.py build/dev/tests/gate_programs

A cell is  registers / threads / scratch / largest work-group:
    registers   of a work-item: of 4 words on T860 and Adreno, of 1 word otherwise (Mesa's
                Mali compilers take all 32 or all 64; G72 has 64 always)
    threads     work-items a core holds at once with so many registers, of the most it can
    scratch     bytes of memory a work-item uses for spilled registers and arrays; should be 0
                (Adreno: rounded up to 512)
    group       CL_KERNEL_WORK_GROUP_SIZE; the shim gives T860 to G57 a core of 256 work-items,
                fewer than some chips have
    fails       Mesa's compiler gives up, or took 20 seconds of work without an end
"""


def table(rows, chips):
    """rows: (name, {chip: Numbers}).  Columns as wide as they need be."""
    lines = [["kernel"] + [chip.name for chip in chips]]
    lines += [[name] + [str(of.get(chip, "fails")) for chip in chips] for name, of in rows]
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip()
                     for line in lines) + "\n"


def findings(kernels, results):
    """(text, whether it keeps the kernel from being launched) of each kernel with something."""
    for name, group, key in kernels:
        fails, scratch = [], []
        for chip, found in results.items():
            numbers = found.get(key)
            if numbers is None:
                fails.append(f"does not compile for {chip.name}")
            elif numbers.group < group:
                fails.append(f"{chip.name} takes groups of {numbers.group}, not {group}")
            elif numbers.scratch:
                scratch.append(f"{chip.name} {numbers.scratch}")
        said = fails + (["scratch " + ", ".join(scratch)] if scratch else [])
        if said:
            yield f"{name}: " + "; ".join(said), bool(fails)


def mesa_version(debian):
    return (debian / "mesa" / "source" / "VERSION").read_text().strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("gate_programs")
    parser.add_argument("folder", nargs="?", default=HERE.parents[2] / "build" / "mali", type=Path)
    arguments = parser.parse_args()
    subprocess.run([HERE / "mesa.sh", arguments.folder], check=True)
    debian = arguments.folder.resolve() / "debian"
    chosen = prepare(debian, arguments.gate_programs)
    chips = MALI + ADRENO
    results = dict(zip(chips, tools.each(lambda chip: build_all(debian, chip, len(chosen)), chips)))
    kernels = [(program.name(kernel.entry), kernel.group, (number, kernel.entry))
               for number, program in enumerate(chosen, 1) for kernel in program.gpu_kernels()]
    rows = [(name, {chip: found[key] for chip, found in results.items() if key in found})
            for name, _, key in kernels]
    (HERE / "table.txt").write_text("\n".join(
        [HEADER.format(version=mesa_version(debian)), table(rows, MALI), table(rows, ADRENO)]))
    bad = 0
    for text, is_bad in findings(kernels, results):
        print(text)
        bad |= is_bad
    return bad


if __name__ == "__main__":
    sys.exit(main())
