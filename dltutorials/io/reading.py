"""Opening files for reading: only ordinary ones, which end and never block.

A device such as ``/dev/zero`` has no end, and a named pipe blocks until a program writes to it.

>>> open_file("/dev/zero")
Traceback (most recent call last):
dltutorials.exceptions.DataError: is a device, expected an ordinary file
"""

import os
import stat
from typing import BinaryIO

from dltutorials.exceptions import DataError
from dltutorials.types import PathLike

_KINDS = {
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a disk",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
}


def require_ordinary(path: PathLike) -> None:
    """Refuse anything but an ordinary file, following links; leave folders to the caller.

    Raises
    ------
    DataError
        If it is not one; the file is not opened.
    OSError
        If it does not exist.
    """
    kind = stat.S_IFMT(os.stat(path).st_mode)
    if kind in _KINDS:
        raise DataError(f"is {_KINDS[kind]}, expected an ordinary file")


def open_file(path: PathLike) -> BinaryIO:
    """Open an ordinary file for reading bytes.

    Raises
    ------
    DataError
        If it is something else.
    OSError
        If it cannot be opened.
    """
    require_ordinary(path)
    return open(path, "rb")


def read_file(path: PathLike, max_bytes: int, what: str) -> bytes:
    """Return the content of an ordinary file of limited size.

    Parameters
    ----------
    path : path
    max_bytes : int
    what : str
        What the file should be, for the message: "a training state".

    Raises
    ------
    DataError
        If it is something else, or larger.
    OSError
        If it cannot be read.
    """
    with open_file(path) as file:
        size = os.fstat(file.fileno()).st_size  # so as not to request more in one piece
        content = file.read(size + 1) if size <= max_bytes else b""
        if size <= max_bytes and len(content) > size:  # it grows, or reports no size, as in /proc
            content += file.read(max_bytes + 1 - len(content))
    if size > max_bytes or len(content) > max_bytes:
        raise DataError(f"larger than {max_bytes:,} bytes, not {what}")
    return content
