"""Writing files so that they are whole or not there: the one way the project writes.

The bytes go to a temporary file in the same folder, reach the disk, and only
then take the place of the old file, in one step. Whatever fails on the way, a
full disk or a kill, the previous file stays as it was. The new file has the
permissions and, where that is allowed, the owner of the old one.

>>> import pathlib, tempfile
>>> path = pathlib.Path(tempfile.mkdtemp(), "greeting")
>>> with durable_writer(path) as file:
...     _ = file.write(b"hello")
...     path.exists()
False
>>> path.read_bytes()
b'hello'

Only ordinary files are replaced. A symbolic link is followed, a device such as
``/dev/null`` is written into, and everything else is refused.
"""

import contextlib
import hashlib
import os
import platform
import re
import shutil
import stat
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from dltutorials.exceptions import OutputError
from dltutorials.io.targets import cannot_make, check_output, find_target, is_device
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
    OutputError
        If `path` is neither an ordinary file nor a device; nothing is written.
    OSError
        If anything fails; `path` is then as it was, and nothing else is left.
    """
    target = find_target(path)
    with _write_into(target) if is_device(target) else _replace(target) as file:
        yield file


def write_at_end(path: PathLike, content: bytes, position: int) -> None:
    """Add bytes to a file in place, and bring them to the disk.

    Parameters
    ----------
    path : path
        Of an existing file, or a device.
    content : bytes
    position : int
        Where the file ends; what is behind it is left over from a write that failed.

    Raises
    ------
    OSError
        If they cannot be written.
    """
    if is_device(path):
        with _naming(path), _open_device(path) as device:
            device.write(content)
        return
    with _naming(path), open(path, "r+b") as file:
        file.truncate(position)
        file.seek(position)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def prepare_output(path: PathLike) -> None:
    """Clear the way for `path` before a long run; leave the file itself as it is.

    Temporary files that killed processes left behind for this path are removed,
    and a new one is tried.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    check_output(path)
    target = find_target(path)
    if is_device(target):
        return
    trial = _temporary(target)
    try:
        _remove_leftovers(target)
        trial.touch(exist_ok=False)
        trial.unlink()
    except OSError as error:
        raise cannot_make(target, error) from None


def make_folder(path: PathLike) -> None:
    """Make a folder, and those above it, unless it is there.

    Raises
    ------
    OutputError
        If it cannot be made.
    """
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(
            f"cannot make {os.fspath(path)}: {reason}; choose another folder"
        ) from None


@contextlib.contextmanager
def _naming(path: PathLike, temporary: PathLike = "") -> Iterator[None]:
    """Say which file it is that cannot be written, where the system does not."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename not in (None, os.fspath(temporary)):
            raise
        raise OSError(error.errno, error.strerror, os.fspath(path)) from None


@contextlib.contextmanager
def _replace(target: Path) -> Iterator[BinaryIO]:
    temporary = _temporary(target)
    try:
        with _naming(target, temporary):
            with open(temporary, "xb") as file:
                yield file
                file.flush()
                _keep_permissions(file.fileno(), target)
                os.fsync(file.fileno())
            os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    _sync_folder(target.parent)


@contextlib.contextmanager
def _write_into(device: Path) -> Iterator[BinaryIO]:
    """Collect what is written, since one cannot go back in a device, and then write it."""
    with tempfile.NamedTemporaryFile() as collected:
        yield collected  # type: ignore[misc]
        collected.flush()
        with _naming(device), open(collected.name, "rb") as source, _open_device(device) as file:
            shutil.copyfileobj(source, file)


def _open_device(path: PathLike) -> BinaryIO:
    """Open a device for writing; never make a file in its place."""
    return os.fdopen(os.open(path, os.O_WRONLY), "wb")


def _keep_permissions(descriptor: int, target: Path) -> None:
    """Give a new file the owner and the permissions of the one that it replaces."""
    with contextlib.suppress(FileNotFoundError):
        status = os.stat(target)
        with contextlib.suppress(PermissionError):  # only root may give files away
            os.fchown(descriptor, status.st_uid, status.st_gid)
        os.fchmod(descriptor, stat.S_IMODE(status.st_mode))


def lock_name(target: Path) -> Path:
    """Return the file beside `target` whose lock says that a program writes it."""
    return target.with_name(f".{_short_digest(target.name)}.lock")


def _temporary(target: Path) -> Path:
    """Name a file that no other process uses; the name says whose it is, and is short."""
    return target.with_name(f"{_beginning(target)}{os.getpid()}.{uuid.uuid4().hex}.part")


def _beginning(target: Path) -> str:
    """Return how the temporary files of this machine for a file begin."""
    return f".{_short_digest(target.name)}-{_short_digest(platform.node())}-"


def _short_digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _remove_leftovers(target: Path) -> None:
    """Remove what dead processes of this machine had begun to write."""
    name = re.compile(rf"{re.escape(_beginning(target))}(\d+)\.[0-9a-f]{{32}}\.part")
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
    """Bring a rename to the disk; systems that cannot open folders do so by themselves."""
    with contextlib.suppress(PermissionError, IsADirectoryError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
