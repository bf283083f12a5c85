"""Locks that let only one program at a time write a file, held until its run ends.

:class:`OutputLocks` takes a lock for each output of a run. The lock is a file beside the output,
or inside it if that is a folder, and says which process holds it. The system releases it when the
process ends in any way, so that a killed run blocks nobody.

>>> import pathlib, tempfile
>>> path = pathlib.Path(tempfile.mkdtemp(), "best_model.pkl")
>>> with OutputLocks() as mine, OutputLocks() as other:
...     mine.hold(path)
...     try:
...         other.hold(path)
...     except OutputError as error:
...         print(str(error).partition(": ")[2].split()[0])
process
"""

import contextlib
import errno
import os
import platform
import shlex
import sys
import time
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from dltutorials.exceptions import OutputError
from dltutorials.io.files import lock_name
from dltutorials.io.targets import cannot_make, find_target, is_device
from dltutorials.types import PathLike

# Errors of systems without locks, such as some network file systems: they are not locked.
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)
_MAX_OWNER = 300  # characters
_TRIES, _UNKNOWN = 50, "another process"


class OutputLocks(contextlib.ExitStack):
    """The locks of one run; all are released when the block ends."""

    def hold(self, path: PathLike) -> None:
        """Take the lock of a file or folder that will be written.

        Parameters
        ----------
        path : path
            A file need not exist yet; a folder must. A device has no lock.

        Raises
        ------
        OutputError
            If another program is writing it, or the lock cannot be made.
        """
        from filelock import FileLock, Timeout  # only runs need it, not every import

        if is_device(path):
            return
        place = _lock_of(path)
        lock = FileLock(place, fallback_to_soft=False)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            raise OutputError(
                f"cannot write {os.fspath(path)}: {_read_owner(place)} writes it; wait for its "
                "end, or choose another file or folder"
            ) from None
        except OSError as error:
            if error.errno in _NO_LOCKS:
                return
            raise cannot_make(Path(path), error) from None
        self.callback(_give_up, lock, place)
        with contextlib.suppress(OSError):  # the lock holds without the note, on a full disk too
            place.write_bytes(_describe_me().encode("utf-8", "backslashreplace"))


_of_the_program: ContextVar[OutputLocks | None] = ContextVar("locks", default=None)


@contextlib.contextmanager
def locking() -> Iterator[None]:
    """Release, when the block ends, the locks taken in it by :func:`hold_output`."""
    with OutputLocks() as locks:
        token = _of_the_program.set(locks)
        try:
            yield
        finally:
            _of_the_program.reset(token)


def hold_output(path: PathLike) -> None:
    """Keep other programs from writing a file or folder until this one ends.

    Raises
    ------
    OutputError
        If another program writes it.
    """
    locks = _of_the_program.get()
    if locks is not None:
        locks.hold(path)


def _lock_of(path: PathLike) -> Path:
    """Return the lock file, the same for all names of an output."""
    if os.path.isdir(path):
        return Path(os.path.realpath(path), ".lock")
    return lock_name(find_target(path))


def _give_up(lock: Any, place: Path) -> None:
    """Remove the lock file while we hold it, then release it: nobody can take it in between."""
    with contextlib.suppress(OSError):
        place.unlink()
    lock.release()


def _describe_me() -> str:
    command = " ".join(shlex.join(sys.orig_argv).split())
    return f"process {os.getpid()} on {platform.node()} ({command})"[:_MAX_OWNER]


def _read_owner(place: Path) -> str:
    """Return who holds a lock, if that can be read; the owner takes a moment to write it."""
    with contextlib.suppress(OSError):
        for _ in range(_TRIES):
            text = place.read_bytes()[: 2 * _MAX_OWNER].decode("utf-8", "replace")
            if text:
                return text[:_MAX_OWNER] if text.isprintable() else _UNKNOWN
            time.sleep(0.02)
    return _UNKNOWN
