"""Output targets: ordinary files and devices only.

>>> find_target("/dev/null")
PosixPath('/dev/null')
>>> find_target("/tmp")
Traceback (most recent call last):
dltutorials.exceptions.OutputError: cannot write '/tmp': it is a folder; name a file in it
"""

import contextlib
import os
import stat
from pathlib import Path

from dltutorials.exceptions import OutputError
from dltutorials.types import PathLike

_KINDS = {
    stat.S_IFDIR: "a folder; name a file in it",
    stat.S_IFIFO: "a named pipe; choose an ordinary file",
    stat.S_IFSOCK: "a socket; choose an ordinary file",
    stat.S_IFBLK: "a disk; choose an ordinary file",
}


def check_output(path: PathLike) -> None:
    """Refuse a path that cannot be written, as far as can be told without trying.

    Raises
    ------
    OutputError
        If it is not a file, is read-only, or its folder is missing or read-only.
    """
    target = find_target(path)
    if is_device(target):
        return
    try:
        os.stat(target.parent)  # fails if it is missing or not a folder
        if not os.access(target.parent, os.W_OK | os.X_OK):
            raise PermissionError(f"{target.parent} is read-only")
    except OSError as error:
        raise cannot_make(target, error) from None


def find_target(path: PathLike) -> Path:
    """Return the file that a path leads to, existing or not; refuse anything but files."""
    name = os.fspath(path)
    if "\0" in name:
        raise OutputError(f"cannot write {name!r}: a name has no zero byte")
    target = Path(os.path.realpath(name))
    try:
        status = os.stat(name)
    except FileNotFoundError:
        if name and not name.endswith(os.sep):
            return target
        raise OutputError(f"cannot write {name!r}: it is a folder; name a file in it") from None
    except OSError as error:
        raise cannot_make(target, error) from None
    kind = stat.S_IFMT(status.st_mode)
    if kind in _KINDS:
        raise OutputError(f"cannot write {name!r}: it is {_KINDS[kind]}")
    if _is_where_messages_go(status):
        raise OutputError(
            f"cannot write {name!r}: the lines of this program go there; choose another file"
        )
    if not target.exists() or not os.path.samestat(status, os.stat(target)):
        raise OutputError(f"cannot write {name!r}: it is an open file; choose one by its name")
    if not os.access(target, os.W_OK):
        raise OutputError(f"cannot write {name!r}: it is read-only; choose another file")
    return target


def _is_where_messages_go(status: os.stat_result) -> bool:
    """Return whether a file, or terminal, is this program's own stdout or stderr."""
    for descriptor in (1, 2):
        with contextlib.suppress(OSError):
            if os.path.samestat(status, os.fstat(descriptor)):
                return stat.S_ISREG(status.st_mode) or os.isatty(descriptor)
    return False


def is_device(path: PathLike) -> bool:
    """Return whether a path leads to a character device, like /dev/null."""
    try:
        return stat.S_ISCHR(os.stat(path).st_mode)
    except OSError:
        return False


def cannot_make(target: Path, error: OSError) -> OutputError:
    """Return the error for a file that the system does not let us create."""
    return OutputError(
        f"cannot write {target}: {error.strerror or error}; "
        "choose a file in a folder that exists and can be written"
    )
