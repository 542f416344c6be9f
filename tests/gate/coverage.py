"""Did the tests launch every kernel, and was every kernel they launched gated?

    coverage.py --programs FOLDER --logs FOLDER --on small | simulator

FOLDER of logs holds what each test launched: IMPLEMENTATION/TEST.tsv, written as kernels are
queued (lib/device/launch.c).  `small` asks for every kernel that the smallest device is given, on PoCL
with that device's limits; `simulator` for every kernel there is, under oclgrind, where races,
bad accesses and misuse of the API fail a test.
"""

import argparse
import sys
from pathlib import Path

import programs as program_list

IMPLEMENTATIONS = {"small": ["small"], "simulator": ["oclgrind", "oclgrind-cpu"]}
LEAST = {"small": {"small"}, "simulator": {"small", "gpu", "cpu"}}


def own_options(line):
    """What the operation asked for: without what lib/device/program.c adds."""
    return " ".join(word for word in line.split()
                    if not word.startswith(("-DKERF_", "-cl-fp32-")) and word not in ("-cl-std=CL1.2", "-w"))


def launches(folder):
    """(file, options, entry) and the test, for all logs of a folder."""
    for path in sorted(folder.glob("*.tsv")):
        for line in path.read_text().splitlines():
            source, options, use = line.split("\t")
            yield (source + ".cl", own_options(options), use.split()[0]), path.stem


def check(programs, folders, least):
    known = {(program.path.name, program.options, kernel.entry): kernel
             for program in programs for kernel in program.kernels}
    files = {program.path.name for program in programs}
    ran, faults = set(), []
    for launch, test in (item for folder in folders for item in launches(folder)):
        if launch in known:
            ran.add((launch[0], launch[2], known[launch].least))
        elif launch[0] in files:
            faults.append(f"{test} launches {' '.join(launch)}, which no case of "
                          "tests/gate/gate_cases.c makes")
    # An extension is run where there is one: by the probe's tests on Intel's runtime and PoCL.
    wanted = {(program.path.name, kernel.entry, kernel.least) for program in programs
              for kernel in program.kernels if program.needs == "-" and kernel.least in least}
    faults += [f"{file}: no test launches {entry} as {form} devices do"
               for file, entry, form in sorted(wanted - ran)]
    return sorted(set(faults)), len(wanted)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--programs", type=Path, required=True)
    parser.add_argument("--logs", type=Path, required=True)
    parser.add_argument("--on", choices=IMPLEMENTATIONS, required=True)
    options = parser.parse_args()
    faults, num = check(program_list.read(options.programs),
                        [options.logs / name for name in IMPLEMENTATIONS[options.on]],
                        LEAST[options.on])
    for fault in faults:
        print(fault)
    print(f"coverage {options.on}: {num} kernels, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
