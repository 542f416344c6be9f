"""Compilers: found by name, run two at a time, and not run again for what they have seen."""

import hashlib
import json
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path


class Missing(Exception):
    """A tool that is not there; the text names its package."""


def find(command, package):
    path = shutil.which(command)
    if path is None:
        raise Missing(f"{command} is missing: install the package {package}")
    return path


def find_file(path, package):
    if not Path(path).exists():
        raise Missing(f"{path} is missing: install the package {package}")
    return str(path)


def stamp(*paths):
    """Tells one version of a tool from the next."""
    stats = [(str(path), os.stat(path).st_size, int(os.stat(path).st_mtime)) for path in paths]
    return repr(stats)


def run(command, env=None, cwd=None):
    """What a command says on both outputs, and whether it ended well."""
    done = subprocess.run(command, env=env, cwd=cwd, text=True, errors="replace",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.returncode == 0, done.stdout


class Cache:
    """Results by what they depend on: tool, command, source, and the code that reads them.

    A fault is looked for again: it may be the machine's."""

    def __init__(self, folder, reader):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.reader = Path(reader).read_text()

    def get(self, key, make, is_good):
        name = hashlib.sha256(json.dumps([self.reader, key]).encode()).hexdigest()
        path = self.folder / name
        try:
            return json.loads(path.read_text())
        except (OSError, ValueError):
            pass
        result = make()
        if not is_good(result):
            return result
        beside = path.with_suffix(f".{os.getpid()}")
        beside.write_text(json.dumps(result))
        beside.replace(path)
        return result


def each(function, items, at_once=2):
    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(function, items))
