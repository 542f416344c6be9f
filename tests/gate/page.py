"""docs/kernels.md: the tables of the gates as one that people read.

Programs that differ by a formula alone (-DOP=op_Add, -DREDUCE=Max) share a row, which shows
the worst of them.  Made of committed files and the list of programs; no compiler runs.
"""

import re
from pathlib import Path

import amd
import intel
import table

HERE = Path(__file__).parent

TEXT = """# Kernels: what compilers make of them

No GPU stands behind Kerf's tests. What can be known of one is what its compiler says, so every program that Kerf can launch goes
through the compilers below, and a test fails if a kernel gets worse. This page is made by them; `tests/gate/` holds the gates.

| gate | compiler | what must hold |
|---|---|---|
| `gate.sources` | none | every kernel in `kernels/` is launched by some case of `tests/gate/gate_cases.c` |
| `gate.strict` | clang 15, `spir` and `spir64` | OpenCL C 1.2 with no extension but the one that a program needs, warnings are errors; translates to SPIR-V 1.0, which validates |
| `gate.amd` | clang 19 with AMD's device library | no scratch, no spills, at most 64 work-items a group and 16 KiB of local memory (256 and 32 KiB where *on* is `gpu`), dot product instructions in integer kernels, nothing worse than recorded |
| `gate.intel` | Intel's offline compiler (IGC 1.0.12504) | the same limits, no private memory, `dp4a` in integer kernels, nothing worse than recorded |
| `gate.ran@small` | PoCL as a GPU of 64 work-items a group and 16 KiB of local memory | every kernel a small GPU is given ran and its numbers were right |
| `gate.ran@simulator` | oclgrind | every kernel ran without a race, a bad access or misuse of the API |

**Phones.** `tests/gate/mali/phones.py` compiles every kernel a GPU is given for five Mali and five Adreno chips with Mesa's compilers, on
demand and as root (its Mesa takes up to half an hour to build). Registers, threads, scratch and the largest work-group stand in
`tests/gate/mali/table.txt`.

**To read it.** A row is a kernel with its options; `*` stands for formulas that share a row, which shows the worst of them. *local* is bytes of local
memory a work-group, a number behind `+` those that are arguments. Under AMD's names: vector registers / waves a SIMD holds at once, of 10 (gfx900, gfx906), 8 (gfx90a) or 16.
More registers, fewer waves to hide memory behind. Under Intel's: lanes of a hardware thread (SIMD width), `'` where the compiler needed a second try. Less than 16 means that registers were short.
*on* is the least device that is given the kernel: `small` (64 work-items a group, 16 KiB) or `gpu` (more than that). Kernels that neither
vendor's compiler takes here (assembly for x86, Khronos' dot product, sub-groups) have no row: tests run them where there is such a device,
Khronos' by Intel's CPU runtime (`device.trial`, `ops.matmul_integer`, `ops.qlinear_conv`).

**To remake it**, after a kernel changed: `tests/gate/record.sh` runs the gates, writes their tables (`tests/gate/amd.tsv`, `intel.tsv`) and this page.
A change for the worse then shows in the diff.

What this does not tell: speed; how the vendors' own drivers compile today; memory behaviour on real hardware.

"""

CPU_TEXT = """
## Kernels for CPU devices alone

They have one work-item a group and wide vectors, so a GPU's registers mean nothing for them: they go through `gate.strict`, run under
oclgrind, and with real numbers on PoCL and Intel's runtime.

"""


def _row_options(options):
    """Without the name of a formula: "-DOP=op_Add -DV=4" -> "OP=* V=4"."""
    words = re.sub(r"-D(\w+)=[A-Za-z]\w+", r"\1=*", options).replace("-D", "").split()
    return " ".join(word for word in words if not word.startswith("BINARY="))


def _worst(cells, vendor):
    cells = [cell for cell in cells if cell is not None]
    if not cells:
        return None
    return {letter: (min if more_is_better else max)(cell[letter] for cell in cells)
            for letter, _, more_is_better in vendor.NUMBERS}


def _amd_text(cell):
    return "–" if cell is None else f"{cell['v']}/{cell['o']}"


def _intel_text(cell):
    return "–" if cell is None else f"{cell['w']}{chr(39) if cell['t'] > 1 else ''}"


def _rows(programs):
    """{(file, row options, entry): [(kernel, key of the tables)]}"""
    rows = {}
    for program in programs:
        for kernel in program.gpu_kernels() if program.needs in amd.NEEDS | intel.NEEDS else ():
            key = (program.path.name, _row_options(program.options), kernel.entry)
            rows.setdefault(key, []).append(
                (kernel, (program.path.name, program.options, kernel.entry)))
    return rows


def _row_text(key, members, amd_rows, intel_rows):
    name, local = key[2], max(kernel.local for kernel, _ in members)
    def worst(rows, target, vendor):
        return _worst([rows.get(of, {}).get(target) for _, of in members], vendor)
    lds = max((worst(amd_rows, target, amd) or {"l": 0})["l"] for target in amd.TARGETS)
    cells = [f"`{name}`", key[1].replace("*", "\\*") or "–", members[0][0].least,
             f"{lds}+{local}" if local else str(lds)]
    cells += [_amd_text(worst(amd_rows, target, amd)) for target in amd.TARGETS]
    cells += [_intel_text(worst(intel_rows, target, intel)) for target in intel.TARGETS]
    return "| " + " | ".join(cells) + " |"


def _cpu_text(programs):
    files = {}
    for program in programs:
        for kernel in program.kernels:
            if kernel.least == "cpu":
                files.setdefault(program.path.name, set()).add(kernel.entry)
    return "".join(f"- `{file}`: {', '.join(f'`{entry}`' for entry in sorted(files[file]))}\n"
                   for file in sorted(files))


def make(programs):
    amd_rows = table.read(HERE / "amd.tsv", amd)
    intel_rows = table.read(HERE / "intel.tsv", intel)
    head = ["kernel", "options", "on", "local"] + list(amd.TARGETS) + intel.TARGETS
    lines = ["| " + " | ".join(head) + " |", "|---" * 2 + "|---|---:" + "|---:" * 9 + "|"]
    rows = _rows(programs)
    lines += [_row_text(key, rows[key], amd_rows, intel_rows) for key in sorted(rows)]
    return TEXT + "\n".join(lines) + "\n" + CPU_TEXT + _cpu_text(programs)


def gate(programs, page, record=False, **_):
    text = make(programs)
    if record:
        page.write_text(text)
    elif not page.exists() or page.read_text() != text:
        return [f"docs/{page.name} is not what the gates say: tests/gate/record.sh remakes it"], None
    return [], None
