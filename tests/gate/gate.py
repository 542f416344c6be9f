"""Judges every program that Kerf can launch by other compilers than the one at hand.

    gate.py GATE --programs FOLDER --cache FOLDER [--table FILE [--record]] ...

GATE: sources | strict | amd | intel | page.  FOLDER of programs is what gate_programs wrote.  Says
what is wrong, a line each, and ends with 1; what makes a kernel good is in the gate's own file.
"""

import argparse
import sys
from pathlib import Path

import page
import programs as program_list
import resources
import strict
import tools


def sources(programs, kernels, **_):
    return program_list.check_sources(programs, kernels), None


GATES = {
    "sources": sources,
    "strict": strict.gate,
    "amd": lambda **options: resources.gate(vendor="amd", **options),
    "intel": lambda **options: resources.gate(vendor="intel", **options),
    "page": page.gate,
}


def parse():
    parser = argparse.ArgumentParser()
    parser.add_argument("gate", choices=GATES)
    parser.add_argument("--programs", dest="programs_folder", type=Path, required=True)
    parser.add_argument("--cache", dest="cache_folder", type=Path)
    parser.add_argument("--table", dest="recorded", type=Path)
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--ocloc", dest="ocloc_folder", type=Path)
    parser.add_argument("--kernels", type=Path, help="the tree's kernels, for `sources`")
    parser.add_argument("--page", type=Path, help="docs/kernels.md, for `page`")
    return parser.parse_args()


def main():
    options = vars(parse())
    name = options.pop("gate")
    programs = program_list.read(options.pop("programs_folder").resolve())
    try:
        faults, num = GATES[name](programs=programs, **options)
    except tools.Missing as error:
        faults, num = [str(error)], None
    for fault in faults:
        print(fault)
    counted = "" if num is None else f", {num} kernels"
    print(f"gate {name}: {len(programs)} programs{counted}: {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
