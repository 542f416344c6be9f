"""The programs that gate_programs wrote down, and whether they are all.

A Kernel is an entry of a Program with what it is launched with; a Program is a file and the
options it is compiled with.
"""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Kernel:
    entry: str
    least: str  # the least device that is given it: small, gpu or cpu
    group: int  # the largest work-group it is launched with
    local: int  # bytes of local memory among its arguments


@dataclass(frozen=True)
class Program:
    path: Path
    options: str
    needs: str  # what OpenCL C 1.2 lacks, or "-"
    kernels: tuple

    def name(self, entry=None):
        """How it is called in messages and tables."""
        words = [self.path.name, self.options] + ([entry] if entry else [])
        return " ".join(word for word in words if word)

    def words(self):
        """Its options, for a command line."""
        has_standard = "-cl-std=" in self.options
        return ([] if has_standard else ["-cl-std=CL1.2"]) + shlex.split(self.options)

    def gpu_kernels(self):
        return [kernel for kernel in self.kernels if kernel.least != "cpu"]


def _kernel(text):
    entry, least, group, local = text.split(":")
    return Kernel(entry, least, int(group), int(local))


def read(folder):
    programs = []
    for line in (Path(folder) / "programs.tsv").read_text().splitlines():
        file, options, needs, kernels = line.split("\t")
        programs.append(Program(Path(folder) / file, options, needs,
                                tuple(_kernel(text) for text in kernels.split())))
    return programs


_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_ENTRY = re.compile(r"\bkernel\s+void\s+(\w+)\s*\(")


def entries(path):
    """The kernels that a file declares, under whatever #if they stand."""
    return set(_ENTRY.findall(_COMMENT.sub("", path.read_text(errors="replace"))))


def check_sources(programs, kernels_folder):
    """Faults: kernels of the tree that no program launches, and text that is not ASCII.

    A kernel of a .clh belongs to whoever includes it, and one of them has to launch it."""
    launched = {kernel.entry for program in programs for kernel in program.kernels}
    faults = []
    for path in sorted(kernels_folder.glob("*.cl*")):
        if not path.read_bytes().isascii():
            faults.append(f"{path.name}: is not plain ASCII")
        faults += [f"{path.name}: kernel {entry} is launched by no case of tests/gate/gate_cases.c"
                   for entry in sorted(entries(path) - launched)]
    return faults
