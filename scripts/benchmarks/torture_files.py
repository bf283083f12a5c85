"""Damaged and hostile files of every format, with which torture.py tests the readers.

Each must be refused with a documented error or read as plain values, without executing code,
within a second and 64 MiB beyond its size (images: 256 MiB). Values that NumPy reads too must be
the same.
"""

import contextlib
import random
import resource
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

from dltutorials import DataError

from torture_kinds import make_kinds

SECONDS_ALLOWED = 1
# Events that Python reports to audit hooks; reading a file must cause none of them.
FORBIDDEN = {"os.system", "os.exec", "os.fork", "subprocess.Popen", "exec", "pickle.find_class"}


class Figures(NamedTuple):
    """What came out."""

    n_files: int
    n_refused: int
    slowest: float
    mebibytes: float
    failures: list[str]

    def __str__(self) -> str:
        return (
            f"{self.n_files} damaged files: {self.n_refused} refused, {len(self.failures)} "
            f"failures, nothing run; the slowest took {self.slowest:.2f} s, memory grew by "
            f"{self.mebibytes:.0f} MiB"
        )

    def rows(self) -> list[list[str]]:
        """Return the rows of the table."""
        return [
            ["damaged, forged and made-up files read", f"{self.n_files:,}"],
            ["of these, refused by name", f"{self.n_refused:,}"],
            [
                "of these, failures: an undocumented error, more than a second or 64 MiB (images: "
                "256 MiB), values that differ from NumPy's, or code executed",
                f"{len(self.failures):,}",
            ],
            [
                "slowest of them; memory that all of them added",
                f"{self.slowest:.2f} s; {self.mebibytes:.0f} MiB",
            ],
        ]


def damage_files(folder: Path, n_files: int, seed: int) -> Figures:
    """Damage files at random, read them, and record what happens."""
    forbidden: list[str] = []
    watching = [False]

    def watch(event: str, _arguments: Any) -> None:
        if watching[0] and event in FORBIDDEN:
            forbidden.append(event)

    sys.addaudithook(watch)
    rng, path = random.Random(seed), folder / "mutant"
    kinds = make_kinds(folder)
    failures: list[str] = []
    _forget_peak()
    first = highest = _peak()
    n_refused, slowest = 0, 0.0
    for number in range(n_files):
        name = rng.choice(sorted(kinds))
        kind = kinds[name]
        path.write_bytes(kind.damage(kind.sound, rng))
        _forget_peak()
        begun, before = time.process_time(), _peak()
        watching[0] = True
        try:
            n_refused += kind.read(path) is None
        except DataError:
            n_refused += 1
        except Exception as error:
            failures.append(f"file {number} ({name}): {type(error).__name__}: {error}")
        watching[0] = False
        seconds, peak = time.process_time() - begun, _peak()
        slowest, highest, grown = max(slowest, seconds), max(highest, peak), peak - before
        if forbidden or seconds > SECONDS_ALLOWED or grown > kind.bytes_allowed:
            failures.append(f"file {number} ({name}): {seconds:.1f} s, {grown} bytes, {forbidden}")
            forbidden.clear()
    return Figures(n_files, n_refused, slowest, (highest - first) / (1 << 20), failures)


def _forget_peak() -> None:
    """Count from the memory in use: an earlier, higher peak would hide what a file takes."""
    with contextlib.suppress(OSError):  # not Linux, or not allowed
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
