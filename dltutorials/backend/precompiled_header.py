"""The headers of Theano's C modules, parsed once instead of once per module.

Every module begins with Python's, NumPy's and C++'s headers, which take half a second of the one
to three that a compilation needs. GCC can keep them parsed, in a file of 37 MB beside the modules.
It is made in the background once a folder has three modules, and used from then on. Until then,
and if anything does not fit, modules are compiled without it. The code stays the same, and so do
the names by which Theano finds its modules.

GCC does not check whether the headers have changed since. So the file's name depends on their
dates and the compiler's options; GCC itself rejects a file made with other options or by another
compiler. Your own ``-include`` in ``gcc.cxxflags`` disables all this.
"""

import contextlib
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

# What begins every module of Theano, then what nearly all of them need.
_BEGINNING = '#include <Python.h>\n#include <iostream>\n#include "theano_mod_helper.h"\n'
_HEADERS = f"""{_BEGINNING}#include <math.h>
#include <numpy/arrayobject.h>
#include <numpy/arrayscalars.h>
#include <vector>
#include <algorithm>
"""
_DATED = ("Python.h", "numpy/arrayobject.h", "numpy/_numpyconfig.h", "theano_mod_helper.h")
_FOLDER = "dltutorials-headers"
_N_MODULES = 3  # two are made by one training run, which would be over before the file is
_NOT_FOR_HEADERS = ("-shared", "-l", "-L", "-Wl,")
# The file appears whole or not at all, even if this process ends first.
_MAKE = 'made=$1; part=$1.$$; shift; nice "$@" -o "$part" && mv "$part" "$made" || rm -f "$part"'


def use_precompiled_header(theano: Any) -> None:
    """Let Theano 1.0.5 compile its modules with a precompiled header."""
    cmodule = theano.gof.cmodule
    run: Callable[..., tuple] = cmodule.output_subprocess_Popen
    makers: dict[Path, Any] = {}
    unfit: set[Path | None] = set()

    def run_with_header(command: list[str], **options: Any) -> tuple:
        with contextlib.suppress(OSError):
            folder = Path(theano.config.compiledir)
            header = _header_for(command, folder)
            if header in unfit:
                header = None
            if header and header.with_suffix(".h.gch").exists():
                done = run([command[0], "-include", str(header), *command[1:]], **options)
                if done[2] == 0:
                    return done
                unfit.add(header)
            elif header and header not in makers and _n_modules(folder) >= _N_MODULES:
                makers[header] = _make(header, command)
        return run(command, **options)

    cmodule.output_subprocess_Popen = run_with_header


def _header_for(command: list[str], folder: Path) -> Path | None:
    """Return the place of the header for a compiler command, or None if it would be useless."""
    sources = [each for each in command if os.path.basename(each) == "mod.cpp"]
    own = any(each.startswith("-include") for each in command)
    compiler = os.path.basename(command[0])
    if not sources or own or "g++" not in compiler or "clang" in compiler:
        return None
    if not Path(sources[0]).read_bytes().startswith(_BEGINNING.encode()):
        return None
    places = [each[2:] for each in command if each.startswith("-I")]
    dates = [f"{path} {_date(path)}" for path in (Path(p, n) for p in places for n in _DATED)]
    names = map(_digest, ([_HEADERS, *dates], _for_headers(command)))
    return folder / "-".join([_FOLDER, *names]) / "headers.h"


def _date(path: Path) -> int:
    return path.stat().st_mtime_ns if path.exists() else 0


def _digest(texts: list[str]) -> str:
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogateescape")).hexdigest()[:12]


def _for_headers(command: list[str]) -> list[str]:
    """Return the compiler and its options, without files and linker options."""
    output = command.index("-o")
    options = command[:output] + command[output + 2 :]
    return [x for x in options if not x.startswith(_NOT_FOR_HEADERS) and not x.endswith("mod.cpp")]


def _n_modules(folder: Path) -> int:
    return sum(1 for _ in folder.glob("tmp*/mod.cpp"))


def _make(header: Path, command: list[str]) -> "subprocess.Popen[bytes]":
    """Start making the file, and remove those of outdated headers."""
    for other in header.parent.parent.glob(f"{_FOLDER}-*"):
        if other.name.rpartition("-")[0] != header.parent.name.rpartition("-")[0]:
            shutil.rmtree(other, ignore_errors=True)
    header.parent.mkdir(exist_ok=True)
    header.write_text(_HEADERS)
    compiler = [*_for_headers(command), "-x", "c++-header", str(header)]
    return subprocess.Popen(
        ["sh", "-c", _MAKE, "sh", f"{header}.gch", *compiler],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
