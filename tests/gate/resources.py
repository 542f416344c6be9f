"""What every GPU kernel takes on every target of a vendor: limits, and the committed table.

Kernels for CPU devices alone are left out: their one work-item a group means nothing here.
"""

import re

import amd
import intel
import table
import tools

VENDORS = {"amd": amd, "intel": intel}

# The floor that Kerf promises to run on, and what a variant may ask for on larger devices.
LOCAL = {"small": 16384, "gpu": 32768}
GROUP = {"small": 64, "gpu": 256}


# Kernels that multiply bytes by dot.clh, whose names do not say so.
DOT_KERNELS = {
    "matmul_integer_simt": "ss",
    "qlinear_conv_depthwise_simt": "ss",
    "qlinear_conv_simt": "ss",
}


def dot_form(entry):
    """"ss" for probe_dot_ss and the kernels that multiply bytes, None for any other."""
    if entry in DOT_KERNELS:
        return DOT_KERNELS[entry]
    found = re.search(r"_([su])8?([su])8?(?=_|$)", entry)
    return found.group(1) + found.group(2) if found else None


def _faults(kernel, numbers, forms):
    """What is wrong with a kernel on a target, as texts."""
    local = numbers.get("l", 0) + kernel.local
    if numbers["scratch"] != 0:
        yield f"{numbers['scratch']} bytes of scratch, must be 0"
    if numbers["spilled"] != 0:
        yield f"{numbers['spilled']} registers spilled, must be 0"
    if local > LOCAL[kernel.least]:
        yield f"{local} bytes of local memory, must be at most {LOCAL[kernel.least]}"
    if kernel.group > GROUP[kernel.least]:
        yield f"{kernel.group} work-items a group, must be at most {GROUP[kernel.least]}"
    if dot_form(kernel.entry) in forms and numbers["dots"] == 0:
        yield "no dot product instruction, must have one"


def _measure_all(programs, vendor, cache_folder, options):
    """[(program, target, log, {entry: numbers})]"""
    version, measure = vendor.prepare(**options)
    cache = tools.Cache(cache_folder, vendor.__file__)

    def one(item):
        program, target = item
        key = [version, program.words(), program.path.read_text(), target]
        log, numbers = cache.get(key, lambda: measure(program, target),
                                 lambda result: result[0] is None)
        return program, target, log, numbers

    return tools.each(one, [(program, target) for program in programs
                            if program.gpu_kernels()
                            for target in vendor.TARGETS if vendor.has(program.needs, target)])


def gate(programs, cache_folder, vendor, recorded=None, record=False, **options):
    """Faults, and the table of what was measured.  Without a table only limits are checked."""
    vendor = VENDORS[vendor]
    faults, rows = [], {}
    for program, target, log, found in _measure_all(programs, vendor, cache_folder, options):
        if log is not None:
            faults.append(f"{target}: {program.name()}: does not build\n{log[:2000]}")
            continue
        for kernel in program.gpu_kernels():
            numbers = found.get(kernel.entry)
            if numbers is None:
                faults.append(f"{target}: {program.name(kernel.entry)}: is not in what was built")
                continue
            rows.setdefault((program.path.name, program.options, kernel.entry), {})[target] = numbers
            faults += [f"{target}: {program.name(kernel.entry)}: {fault}"
                       for fault in _faults(kernel, numbers, vendor.DOT_FORMS[target])]
    if record:
        table.write(recorded, rows, vendor)
    elif recorded is not None:
        faults += table.compare(rows, table.read(recorded, vendor), recorded, vendor)
    return faults, len(rows)
