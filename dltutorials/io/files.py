"""Atomic writing: a file appears whole or not at all. The whole project writes this way.

The bytes go to a temporary file in the same folder, are synced to the disk, and only then replace
the old file, in one step. If anything fails on the way, even through a full disk or a kill, the
old file stays as it was. The new file has the permissions of the old one and, where allowed, its
owner.

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
    """Open a binary file for writing; it appears as `path` when the block ends.

    Parameters
    ----------
    path : path
        For a symbolic link, the file it leads to is replaced.

    Raises
    ------
    OutputError
        If `path` is neither an ordinary file nor a device; nothing is written.
    OSError
        If anything fails; `path` is then unchanged, and no temporary file is left.
    """
    target = find_target(path)
    with _write_into(target) if is_device(target) else _replace(target) as file:
        yield file


def write_at_end(path: PathLike, content: bytes, position: int) -> None:
    """Append bytes to a file in place, and sync them to the disk.

    Parameters
    ----------
    path : path
        Of an existing file, or a device.
    content : bytes
    position : int
        Where the file ends; bytes after it are left over from a failed write.

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
    """Check before a long run that `path` can be written; leave the file itself alone.

    Temporary files that killed processes left for this path are removed, and creating a new one is
    tried.

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
    """Make a folder and its parents, unless it exists.

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
    """Name the file that cannot be written, if the system does not."""
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
    """Collect the content first, since a device cannot seek, then write it."""
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
        with contextlib.suppress(PermissionError):  # only root may change the owner
            os.fchown(descriptor, status.st_uid, status.st_gid)
        os.fchmod(descriptor, stat.S_IMODE(status.st_mode))


def lock_name(target: Path) -> Path:
    """Return the lock file beside `target`, held while a program writes it."""
    return target.with_name(f".{_short_digest(target.name)}.lock")


def _temporary(target: Path) -> Path:
    """Return a short, unique file name that identifies this process."""
    return target.with_name(f"{_beginning(target)}{os.getpid()}.{uuid.uuid4().hex}.part")


def _beginning(target: Path) -> str:
    """Return the common prefix of this machine's temporary files for a file."""
    return f".{_short_digest(target.name)}-{_short_digest(platform.node())}-"


def _short_digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _remove_leftovers(target: Path) -> None:
    """Remove the temporary files of dead processes of this machine."""
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
        return True  # another user's process, or not a process number: not ours to remove
    return True


def _sync_folder(folder: Path) -> None:
    """Sync a rename to the disk; systems that cannot open folders do this themselves."""
    with contextlib.suppress(PermissionError, IsADirectoryError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
