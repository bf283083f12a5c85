"""Safe reading of arrays in NumPy's ``.npz`` files.

An ``.npz`` file is a zip archive with a member for each array. Any member but a plain array of
numbers is refused: pickled objects are never read, nothing takes more memory than the file
justifies, and every member's checksum is verified.

>>> import io, numpy
>>> file = io.BytesIO()
>>> numpy.savez(file, W=numpy.eye(2))
>>> with open_npz(file) as archive:
...     read_array(archive, "W").tolist()
[[1.0, 0.0], [0.0, 1.0]]
"""

import ast
import contextlib
import errno
import math
import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from dltutorials.exceptions import DataError, reason_of, within
from dltutorials.io.reading import open_file
from dltutorials.types import PathLike

import numpy

_MAX_BYTES = 1 << 30  # of all compressed members, unpacked
_BLOCK = 1 << 20
_MAX_HEADER = 10_000  # bytes; a plain array's header has 118
_MAGIC = b"\x93NUMPY\x01\x00"  # format 1.0, which all plain arrays have
_MAX_DIRECTORY = 1 << 18  # bytes of the list of members; a data set has seven members
_MAX_DIMENSIONS = 32
_KEYS = {"descr", "fortran_order", "shape"}
_DESCR = re.compile(r"[<>|][a-zA-Z][0-9]{0,9}(\[\w{1,20}\])?")  # NumPy warns of others
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the methods that NumPy uses
LOCAL_HEADER = 30  # bytes before the name of a member, where zip files put its data


@contextlib.contextmanager
def open_npz(file: PathLike | BinaryIO) -> Iterator[zipfile.ZipFile]:
    """Open an ``.npz`` file for reading.

    Parameters
    ----------
    file : path or binary file

    Raises
    ------
    DataError
        If the block finds the file damaged.
    OSError
        If it cannot be read.
    """
    try:
        with contextlib.ExitStack() as stack:
            if isinstance(file, (str, os.PathLike)):
                file = stack.enter_context(open_file(file))
            with _open_archive(_Guarded(file)) as archive:
                yield archive
    except (DataError, MemoryError):
        raise
    except Exception as error:  # zipfile raises any error if a file only looks like an archive
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise
        reason = reason_of(error) if str(error) else "it ends early"
        raise DataError(f"not a sound .npz file ({reason}); write it again") from None


class _Guarded:
    """A file that limits how long a list of members zipfile reads."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.is_open = file, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)

    def read(self, n: int = -1) -> bytes:
        if self.is_open or 0 <= n <= _MAX_DIRECTORY:
            return self.file.read(n)
        content = self.file.read(_MAX_DIRECTORY + 1)
        if n > 0 or len(content) > _MAX_DIRECTORY:
            raise DataError("holds too many members, expected an array for each name")
        return content


def _open_archive(file: Any) -> zipfile.ZipFile:
    """Open an archive; refuse one that would unpack to more than the limit in total."""
    archive = zipfile.ZipFile(file)
    file.is_open = True
    n_packed = 0
    for info in archive.infolist():
        if info.compress_type not in _METHODS or info.flag_bits & 1:
            raise DataError(
                f"{info.filename!a:.80}: packed in a way that NumPy does not write; write it again"
            )
        n_packed += info.file_size if info.compress_type else 0
    if n_packed > _MAX_BYTES:
        raise DataError(
            f"unpacks to {n_packed:,} bytes, expected at most {_MAX_BYTES:,}; "
            "write a larger set with numpy.savez, without compression"
        )
    if sum(info.file_size for info in archive.infolist()) - n_packed > _size(archive):
        raise DataError("its members overlap, or it ends early; write the file again")
    return archive


def read_array(
    archive: zipfile.ZipFile, name: str, memory_map: bool = False, kinds: str = "fiu"
) -> numpy.ndarray:
    """Read one array of an archive that :func:`open_npz` opened.

    Parameters
    ----------
    archive : zipfile.ZipFile
    name : str
        Name of the array, without the ``.npy`` of its member.
    memory_map : bool
        Whether to map the array into memory if the file allows it, for data too large to be read
        whole; the archive must then have been opened by its path.
    kinds : str
        NumPy's letters for the accepted kinds of elements.

    Raises
    ------
    DataError
        If the member is not a plain array of one of these kinds.
    """
    info = archive.getinfo(f"{name}.npy")
    with within(name), archive.open(info) as member:
        header = _read_header(member, kinds)
        header.require_size(info.file_size)
        if info.compress_type == zipfile.ZIP_STORED and memory_map and header.n_bytes:
            return _map(archive, info, header)
        return _read_values(member, header)


def read_npy(path: Path, memory_map: bool = False, kinds: str = "fiu") -> numpy.ndarray:
    """Read the array of a ``.npy`` file.

    Parameters
    ----------
    path : pathlib.Path
    memory_map, kinds
        As for :func:`read_array`.

    Raises
    ------
    DataError
        If the file does not hold a plain array of one of these kinds.
    OSError
        If it cannot be read.
    """
    with open_file(path) as file:
        header = _read_header(file, kinds)
        header.require_size(os.fstat(file.fileno()).st_size)
        if memory_map and header.n_bytes:
            return numpy.memmap(path, header.dtype, "r", header.length, header.shape, header.order)
        return _read_values(file, header)


class _Header(NamedTuple):
    """The header of an array, and its length in bytes."""

    dtype: numpy.dtype
    order: Any
    shape: tuple[int, ...]
    length: int

    @property
    def n_bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize

    def require_size(self, size: int) -> None:
        if size != self.length + self.n_bytes:
            raise DataError(
                f"got {size - self.length:,} bytes of values, expected {self.n_bytes:,} for the "
                f"shape {self.shape} it announces; write the file again"
            )


def _size(archive: zipfile.ZipFile) -> int:
    file: Any = archive.fp
    position = file.tell()
    size = file.seek(0, os.SEEK_END)
    file.seek(position)
    return size


def _read_values(member: Any, header: _Header) -> numpy.ndarray:
    values = numpy.empty(header.n_bytes, numpy.uint8)
    for start in range(0, len(values), _BLOCK):
        rest = values[start : start + _BLOCK]
        block = member.read(len(rest))
        if len(block) < len(rest):
            raise DataError("it ends early; write the file again")
        rest[:] = numpy.frombuffer(block, numpy.uint8)
    member.read(1)  # verifies the CRC
    return values.view(header.dtype).reshape(header.shape, order=header.order)


def _map(archive: zipfile.ZipFile, info: zipfile.ZipInfo, header: _Header) -> numpy.ndarray:
    file: Any = archive.fp
    file.seek(info.header_offset)
    local = file.read(LOCAL_HEADER)  # its name and extra field may differ from the directory's
    skip = int.from_bytes(local[26:28], "little") + int.from_bytes(local[28:30], "little")
    offset = info.header_offset + LOCAL_HEADER + skip + header.length
    path = str(archive.filename)
    return numpy.memmap(path, header.dtype, "r", offset, header.shape, header.order)


def _read_header(member: Any, kinds: str) -> _Header:
    start = member.read(len(_MAGIC) + 2)
    n_text = int.from_bytes(start[-2:], "little")
    if start[:-2] != _MAGIC or n_text > _MAX_HEADER:
        raise DataError("not a plain array as numpy.savez writes it")
    text = member.read(n_text)
    try:
        header = ast.literal_eval(text.decode("ascii").strip())
        shape, is_fortran, descr = header["shape"], header["fortran_order"], header["descr"]
        is_sound = set(header) == _KEYS and type(is_fortran) is bool and _is_shape(shape)
        is_sound = is_sound and type(descr) is str and bool(_DESCR.fullmatch(descr))
        dtype = numpy.dtype(descr) if is_sound else numpy.dtype("O")
        n_bytes = math.prod(n or 1 for n in shape) * dtype.itemsize if is_sound else 0
        is_sound = 0 < n_bytes < 1 << 63  # an element of "<U0" has no bytes
    except (ValueError, SyntaxError, TypeError, KeyError, MemoryError, RecursionError):
        raise DataError("its header is damaged; write the file again") from None
    if not is_sound:
        raise DataError("its header is damaged, or announces no plain array")
    if dtype.kind == "O":
        raise DataError(
            "got an array of object, expected numbers; pickles are not read; save "
            "numbers, or names as text: numpy.asarray(names, str)"
        )
    if dtype.kind not in kinds:
        raise DataError(f"got an array of {dtype}, expected numbers")
    return _Header(dtype, "F" if is_fortran else "C", shape, len(start) + n_text)


def _is_shape(shape: Any) -> bool:
    return (
        type(shape) is tuple
        and len(shape) <= _MAX_DIMENSIONS
        and all(type(n) is int and 0 <= n < 1 << 63 for n in shape)
    )
