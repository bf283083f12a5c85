"""Arrays in NumPy's ``.npz`` files, read so that a file cannot do harm.

An ``.npz`` file is a zip archive with a member for each array. Here a member is
either a plain array of numbers or refused: pickled objects are never read, nothing
takes more memory than the file justifies, and every member's checksum is compared.

>>> import io, numpy
>>> file = io.BytesIO()
>>> numpy.savez(file, W=numpy.eye(2))
>>> with open_npz(file) as archive:
...     read_array(archive, "W").tolist()
[[1.0, 0.0], [0.0, 1.0]]
"""

import ast
import contextlib
import math
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO

from dltutorials.exceptions import DataError
from dltutorials.types import PathLike

import numpy

_MAX_BYTES = 1 << 30  # of what has to be unpacked
_BLOCK = 1 << 20
_MAX_HEADER = 10_000  # bytes; that of a plain array has 118
_MAGIC = b"\x93NUMPY\x01\x00"  # format 1.0, the one of all plain arrays
# What zipfile raises of a file that was damaged, or made to look like an archive.
_UNSOUND = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    KeyError,
)
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
        If what the block reads of it is not sound.
    OSError
        If it cannot be read.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            yield archive
    except DataError:
        raise
    except _UNSOUND as error:
        reason = str(error) or "it ends early"
        raise DataError(f"not a sound .npz file ({reason}); write it again") from None


def read_array(
    archive: zipfile.ZipFile, name: str, memory_map: bool = False, kinds: str = "fiu"
) -> numpy.ndarray:
    """Read one array of an archive that :func:`open_npz` opened.

    Parameters
    ----------
    archive : zipfile.ZipFile
    name : str
        Of the array, without the ``.npy`` of its member.
    memory_map : bool
        Whether to map the array into memory where the file allows it, for data
        that are not to be read whole; the archive must then have been opened by its path.
    kinds : str
        NumPy's letters for the kinds of element that are accepted.

    Raises
    ------
    DataError
        If the member is not a plain array of one of these kinds.
    """
    info = archive.getinfo(f"{name}.npy")
    with archive.open(info) as member:
        dtype, order, shape, n_header = _read_header(name, member, kinds)
        n_bytes = math.prod(shape) * dtype.itemsize
        if info.file_size != n_header + n_bytes:
            raise DataError(
                f"{name}: got {info.file_size - n_header:,} bytes of values, "
                f"expected {n_bytes:,} for the shape {shape} it announces; write the file again"
            )
        is_stored = info.compress_type == zipfile.ZIP_STORED
        if not is_stored and n_bytes > _MAX_BYTES:
            raise DataError(
                f"{name}: unpacks to {n_bytes:,} bytes, expected at most {_MAX_BYTES:,}; "
                "write a larger set with numpy.savez, without compression"
            )
        if is_stored and n_bytes > _size(archive):
            raise EOFError
        try:
            if is_stored and memory_map and n_bytes:
                return _map(archive, info, n_header, dtype, order, shape)
            values = _read_values(member, n_bytes)
            return values.view(dtype).reshape(shape, order=order)
        except ValueError as error:
            raise DataError(f"{name}: {error}; write the file again") from None


def _size(archive: zipfile.ZipFile) -> int:
    file: Any = archive.fp
    position = file.tell()
    size = file.seek(0, os.SEEK_END)
    file.seek(position)
    return size


def _read_values(member: Any, n_bytes: int) -> numpy.ndarray:
    values = numpy.empty(n_bytes, numpy.uint8)
    for start in range(0, n_bytes, _BLOCK):
        rest = values[start : start + _BLOCK]
        block = member.read(len(rest))
        if len(block) < len(rest):
            raise EOFError
        rest[:] = numpy.frombuffer(block, numpy.uint8)
    member.read(1)  # checks the CRC
    return values


def _map(
    archive: zipfile.ZipFile,
    info: zipfile.ZipInfo,
    n_header: int,
    dtype: numpy.dtype,
    order: Any,
    shape: tuple[int, ...],
) -> numpy.ndarray:
    file: Any = archive.fp
    file.seek(info.header_offset)
    local = file.read(LOCAL_HEADER)  # its name and extra field may differ from the directory's
    skip = int.from_bytes(local[26:28], "little") + int.from_bytes(local[28:30], "little")
    offset = info.header_offset + LOCAL_HEADER + skip + n_header
    return numpy.memmap(str(archive.filename), dtype, "r", offset, shape, order)


def _read_header(
    name: str, member: Any, kinds: str
) -> tuple[numpy.dtype, Any, tuple[int, ...], int]:
    """Return the type, order and shape of an array, and the bytes that this took."""
    start = member.read(len(_MAGIC) + 2)
    n_text = int.from_bytes(start[-2:], "little")
    if start[:-2] != _MAGIC or n_text > _MAX_HEADER:
        raise DataError(f"{name}: not a plain array as numpy.savez writes it")
    text = member.read(n_text)
    try:
        header = ast.literal_eval(text.decode("ascii").strip())
        shape, order = header["shape"], "F" if header["fortran_order"] else "C"
        descr = header["descr"]
        is_sound = type(descr) is str and type(shape) is tuple
        is_sound = is_sound and all(type(n) is int and n >= 0 for n in shape)
        dtype = numpy.dtype(descr) if is_sound else numpy.dtype("O")
    except (ValueError, SyntaxError, TypeError, KeyError, MemoryError, RecursionError):
        raise DataError(f"{name}: its header is damaged; write the file again") from None
    if not is_sound:
        raise DataError(f"{name}: its header is damaged, or does not announce a plain array")
    if dtype.kind == "O":
        raise DataError(
            f"{name}: got an array of object, expected numbers; pickles are not read; save "
            "numbers, or names as text: numpy.asarray(names, str)"
        )
    if dtype.kind not in kinds:
        raise DataError(f"{name}: got an array of {dtype}, expected numbers")
    return dtype, order, shape, len(start) + n_text
