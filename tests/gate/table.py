"""The numbers of every kernel on every target, kept in the tree: amd.tsv, intel.tsv.

A line is a kernel, a cell what its compiler said for one target: "v14 s22 l0 o10", letters as
in NUMBERS of amd.py and intel.py; "-" where the target lacks what the program needs.
"""

HEAD = ["file", "options", "kernel"]


def _cell_text(numbers, vendor):
    if numbers is None:
        return "-"
    return " ".join(f"{letter}{numbers[letter]}" for letter, _, _ in vendor.NUMBERS)


def _cell_numbers(text):
    return None if text == "-" else {word[0]: int(word[1:]) for word in text.split()}


def read(path, vendor):
    """{(file, options, entry): {target: numbers}}"""
    rows = {}
    if not path.exists():
        return rows
    for line in path.read_text().splitlines()[1:]:
        words = line.split("\t")
        rows[tuple(words[:3])] = dict(zip(vendor.TARGETS, map(_cell_numbers, words[3:])))
    return rows


def write(path, rows, vendor):
    lines = ["\t".join(HEAD + list(vendor.TARGETS))]
    for key in sorted(rows):
        cells = [_cell_text(rows[key].get(target), vendor) for target in vendor.TARGETS]
        lines.append("\t".join(list(key) + cells))
    path.write_text("\n".join(lines) + "\n")


def _compare(where, is_now, was, vendor):
    """What differs between two cells."""
    for letter, what, more_is_better in vendor.NUMBERS:
        now, then = is_now[letter], was[letter]
        if now == then:
            continue
        worse = now < then if more_is_better else now > then
        yield (f"{where}: {what} {now}, was {then}: " +
               ("worse" if worse else "better, so the table has to be recorded"))


def compare(measured, recorded, path, vendor):
    """Faults: what got worse, and where the table is not true any more."""
    faults = [f"{path.name}: {' '.join(filter(None, key))} is not launched any more"
              for key in sorted(recorded.keys() - measured.keys())]
    for key in sorted(measured):
        name = " ".join(filter(None, key))
        for target in vendor.TARGETS:
            now, was = measured[key].get(target), recorded.get(key, {}).get(target)
            if (now is None) != (was is None):
                faults.append(f"{target}: {name} is not as in {path.name}: record it")
            elif now is not None:
                faults += _compare(f"{target}: {name}", now, was, vendor)
    return faults
