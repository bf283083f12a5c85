"""Damaged and hostile files of every format, with which torture.py tests the readers.

Each must be refused with a documented error or read as plain values, without executing code,
within a second and 64 MiB beyond its size (images: 256 MiB). Values that NumPy reads too must be
the same.
"""

import contextlib
import functools
import os
import random
import resource
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dltutorials import DataError

from torture_grammar import require_same
from torture_kinds import Kind, make_kinds
from torture_results import Outcome

SECONDS_ALLOWED = 1  # of the processor
SECONDS_TO_END = 60
# Events that Python reports to audit hooks; reading a file must cause none of them.
FORBIDDEN = {"os.system", "os.exec", "os.fork", "subprocess.Popen", "exec", "pickle.find_class"}


class Watch:
    """Counts the events that reading a file must not cause; Python keeps such a hook for ever."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.is_on = False
        sys.addaudithook(self._note)

    def _note(self, event: str, _arguments: Any) -> None:
        if self.is_on and event in FORBIDDEN:
            self.events.append(event)


_watch = functools.cache(Watch)


def damage_files(folder: Path, seed: int, numbers: Sequence[int]) -> Outcome:
    """Damage files at random, read them, and record what happens."""
    own = folder / f"files-{os.getpid()}"
    own.mkdir(exist_ok=True)
    signal.signal(signal.SIGALRM, _give_up)
    kinds = make_kinds(own)
    outcome = Outcome()
    for number in numbers:
        rng = random.Random(f"{seed} {number}")
        name = rng.choice(list(kinds))
        found = _read_one(kinds[name], own / "mutant", rng)
        if found.failures:
            found.failures = (f"file {number} ({name}): {found.failures[0]}",)
        outcome += found
    return outcome


def _read_one(kind: Kind, path: Path, rng: random.Random) -> Outcome:
    """Damage one file, and read it."""
    path.write_bytes(kind.damage(kind.sound, rng))
    watch, failure, is_refused = _watch(), "", False
    _forget_peak()
    begun, before = time.process_time(), _peak()
    watch.is_on = True
    signal.alarm(SECONDS_TO_END)
    value = None
    try:
        value = kind.read(path)
        is_refused = value is None
    except DataError:
        is_refused = True
    except Exception as error:
        failure = f"{type(error).__name__}: {error}"
    signal.alarm(0)
    watch.is_on = False
    seconds, grown = time.process_time() - begun, _peak() - before
    if watch.events or seconds > SECONDS_ALLOWED or grown > kind.bytes_allowed:
        failure = f"{failure} {seconds:.1f} s, {grown} bytes, {watch.events}".lstrip()
        watch.events.clear()
    if kind.read_too is not None and value is not None:
        try:
            require_same(value, path, kind.read_too)
        except AssertionError as error:
            failure = str(error)
    failures = (failure,) if failure else ()
    return Outcome(1, 0, is_refused, seconds, grown / (1 << 20), len(failures), failures)


def _give_up(_number: int, _frame: object) -> None:
    raise TimeoutError(f"more than {SECONDS_TO_END} s")


def _forget_peak() -> None:
    """Count from the memory in use: an earlier, higher peak would hide what a file takes."""
    with contextlib.suppress(OSError):  # not Linux, or not allowed
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
