"""Writing files so that they are whole or not there: the one way the project writes.

The bytes go to a temporary file in the same folder, reach the disk, and only
then take the place of the old file, in one step. Whatever fails on the way, a
full disk or a kill, the previous file stays as it was.

>>> import pathlib, tempfile
>>> path = pathlib.Path(tempfile.mkdtemp(), "greeting")
>>> with durable_writer(path) as file:
...     _ = file.write(b"hello")
...     path.exists()
False
>>> path.read_bytes()
b'hello'
"""

import contextlib
import os
import platform
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from dltutorials.exceptions import DataError
from dltutorials.types import PathLike


@contextlib.contextmanager
def durable_writer(path: PathLike) -> Iterator[BinaryIO]:
    """Open a binary file for writing that appears as `path` when the block has ended.

    Parameters
    ----------
    path : path
        Where a symbolic link leads is what is replaced.

    Raises
    ------
    OSError
        If anything fails; `path` is then as it was, and nothing else is left.
    """
    target = Path(os.path.realpath(path))
    temporary = _temporary(target)
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    _sync_folder(target.parent)


def prepare_output(path: PathLike) -> None:
    """Find out before a long run whether `path` can be written; leave it as it is.

    Temporary files that killed processes left behind for this path are removed.

    Raises
    ------
    DataError
        If it is a folder, or its folder takes no new file.
    """
    target = Path(os.path.realpath(path))
    if not os.fspath(path) or target.is_dir():
        raise DataError(f"cannot write {os.fspath(path)!r}: it is a folder; name a file in it")
    trial = _temporary(target)
    try:
        _remove_leftovers(target)
        trial.touch(exist_ok=False)
        trial.unlink()
    except OSError as error:
        raise DataError(
            f"cannot write {target}: {error.strerror or error}; "
            "choose a file in a folder that exists and can be written"
        ) from None


def _temporary(target: Path) -> Path:
    """Name a file that no other process uses; the name says whose it is."""
    owner = f"{_machine()}-{os.getpid()}"
    return target.with_name(f".{target.name}.{owner}.{uuid.uuid4().hex}.part")


def _machine() -> str:
    return re.sub("[^A-Za-z0-9]", "_", platform.node())


def _remove_leftovers(target: Path) -> None:
    """Remove what processes of this machine that live no more had begun to write."""
    name = re.compile(rf"\.{re.escape(target.name)}\.{_machine()}-(\d+)\.[0-9a-f]{{32}}\.part")
    for path in target.parent.iterdir():
        match = name.fullmatch(path.name)
        if match and not _lives(int(match.group(1))):
            with contextlib.suppress(FileNotFoundError):  # another process was faster
                path.unlink()


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True  # somebody else's, or no process number at all: not ours to remove
    return True


def _sync_folder(folder: Path) -> None:
    """Make a rename last; systems that cannot open folders do so by themselves."""
    with contextlib.suppress(PermissionError, IsADirectoryError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
