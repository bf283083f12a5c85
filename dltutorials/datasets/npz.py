"""Data sets in NumPy's ``.npz`` format, the simplest way to bring one's own.

``numpy.savez("mine.npz", train_x=..., train_y=..., valid_x=..., valid_y=...,
test_x=..., test_y=...)`` writes one: examples as floats, or as bytes (uint8) that
stand for 0 to 255/256, one a row; labels as integers from 0 on.

>>> import os, tempfile, numpy
>>> path = os.path.join(tempfile.mkdtemp(), "mine.npz")
>>> x, y = numpy.eye(3), numpy.arange(3)
>>> numpy.savez(path, train_x=x, train_y=y, valid_x=x, valid_y=y, test_x=x, test_y=y)
>>> [type(x).__name__ for x, y in read_npz(path, memory_map=True)]
['memmap', 'memmap', 'memmap']

A pickled object is never read. What ``numpy.savez`` wrote can be mapped into
memory instead of being read, and what :func:`write_npz` wrote can be computed
with where it is mapped; ``numpy.savez_compressed`` makes smaller files, which
have to be unpacked.
"""

import ast
import math
import os
import zipfile
import zlib
from typing import Any

from dltutorials.datasets.sources import ROWS_AT_A_TIME, FloatRows, ScaledBytes
from dltutorials.exceptions import DataError
from dltutorials.io.files import durable_writer
from dltutorials.types import PathLike

import numpy

Split = tuple[Any, Any]

NAMES = tuple(f"{part}_{kind}" for part in ("train", "valid", "test") for kind in "xy")
_MAX_BYTES = 1 << 30  # of what has to be unpacked
_BLOCK = 1 << 20
_MAX_HEADER = 10_000  # bytes; that of a plain array has 118
_MAGIC = b"\x93NUMPY\x01\x00"  # format 1.0, the one of all plain arrays
_LOCAL_HEADER = 30  # bytes before the name of a member, where zip files put its data
_ZIP64_EXTRA = 20  # bytes after the name, with its size
_ALIGNMENT = 64  # bytes: a line of a processor's cache
_PADDING = b"DL"  # what an extra field that only fills is called here


def read_npz(path: PathLike, memory_map: bool = False) -> tuple[Split, Split, Split]:
    """Read a data set from an ``.npz`` file.

    Parameters
    ----------
    path : path
    memory_map : bool
        Whether to map the arrays into memory where the file allows it, for
        data that are not to be read whole.

    Returns
    -------
    ((x, y), (x, y), (x, y))
        Training, validation and test set; `x` as an array of floats, or as
        :class:`~dltutorials.datasets.sources.ScaledBytes` where the file has bytes.

    Raises
    ------
    DataError
        If the file cannot be read, lacks one of the six names, has another, or
        holds anything but plain arrays of numbers.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_names(archive)
            arrays = {name: _read_member(archive, name, memory_map) for name in NAMES}
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        reason = str(error) or "it ends early"
        raise DataError(f"not a sound .npz file ({reason}); write it again") from None
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}") from None
    train_set, valid_set, test_set = (
        (_as_source(arrays[f"{part}_x"]), arrays[f"{part}_y"])
        for part in ("train", "valid", "test")
    )
    return train_set, valid_set, test_set


def write_npz(path: PathLike, sets: tuple[Split, Split, Split], dtype: str) -> None:
    """Write a data set so that it can be used where it is mapped into memory.

    Arrays begin at multiples of 64 bytes, which those of ``numpy.savez`` do not;
    everything that reads ``.npz`` files reads these.

    Parameters
    ----------
    path : path
        Replaced if it exists, and untouched if anything fails.
    sets : ((x, y), (x, y), (x, y))
        Training, validation and test set; `x` anything that
        :class:`~dltutorials.datasets.sources.FloatRows` reads, `y` integer arrays.
    dtype : {"float32", "float64"}
        Of the examples in the file.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    rows = [(FloatRows(x, dtype), FloatRows(y, y.dtype.name)) for x, y in sets]
    with durable_writer(path) as file, zipfile.ZipFile(file, "w") as archive:
        for name, source in zip(NAMES, (source for pair in rows for source in pair)):
            _write_member(archive, file.tell(), f"{name}.npy", source)


def _write_member(archive: zipfile.ZipFile, position: int, name: str, rows: FloatRows) -> None:
    info = zipfile.ZipInfo(name)
    begin = position + _LOCAL_HEADER + len(name) + _ZIP64_EXTRA + len(_PADDING) + 2
    n_bytes = -begin % _ALIGNMENT
    info.extra = _PADDING + n_bytes.to_bytes(2, "little") + bytes(n_bytes)
    with archive.open(info, "w", force_zip64=True) as member:
        header = {"descr": rows.dtype.str, "fortran_order": False, "shape": rows.shape}
        numpy.lib.format.write_array_header_1_0(member, header)
        for start in range(0, len(rows), ROWS_AT_A_TIME):
            block = rows.read(start, min(start + ROWS_AT_A_TIME, len(rows)))
            member.write(block.data.cast("B"))  # older Pythons count elements, not bytes
            rows.release(block)


def _as_source(x: numpy.ndarray) -> Any:
    return ScaledBytes(x) if x.dtype == numpy.uint8 and x.ndim > 1 and len(x) else x


def _check_names(archive: zipfile.ZipFile) -> None:
    members = [info.filename for info in archive.infolist()]
    expected = [f"{name}.npy" for name in NAMES]
    missing = [name[:-4] for name in expected if name not in members]
    extra = sorted({os.path.splitext(name)[0] for name in members if members.count(name) > 1})
    extra += [os.path.splitext(name)[0] for name in members if name not in expected]
    if missing or extra:
        faults = [f"{', '.join(missing)} missing"] if missing else []
        faults += [f"{', '.join(extra[:3])} too many"] if extra else []
        raise DataError(
            f"{' and '.join(faults)}; expected one array each of {', '.join(NAMES)}, "
            "as numpy.savez writes them"
        )


def _read_member(archive: zipfile.ZipFile, name: str, memory_map: bool) -> numpy.ndarray:
    info = archive.getinfo(f"{name}.npy")
    with archive.open(info) as member:
        dtype, order, shape, n_header = _read_header(name, member)
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
        if is_stored and n_bytes > os.path.getsize(str(archive.filename)):
            raise EOFError
        if is_stored and memory_map and n_bytes:
            return _map(archive, info, n_header, dtype, order, shape)
        values = numpy.empty(n_bytes, numpy.uint8)
        for start in range(0, n_bytes, _BLOCK):
            rest = values[start : start + _BLOCK]
            block = member.read(len(rest))
            if len(block) < len(rest):
                raise EOFError
            rest[:] = numpy.frombuffer(block, numpy.uint8)
        member.read(1)  # checks the CRC
    return values.view(dtype).reshape(shape, order=order)


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
    local = file.read(_LOCAL_HEADER)  # its name and extra field may differ from the directory's
    skip = int.from_bytes(local[26:28], "little") + int.from_bytes(local[28:30], "little")
    offset = info.header_offset + _LOCAL_HEADER + skip + n_header
    try:
        return numpy.memmap(str(archive.filename), dtype, "r", offset, shape, order)
    except ValueError as error:
        raise DataError(f"{info.filename}: {error}; write the file again") from None


def _read_header(name: str, member: Any) -> tuple[numpy.dtype, Any, tuple[int, ...], int]:
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
        raise DataError(f"{name}: its header is damaged, or announces no plain array")
    if dtype.kind not in "fiu":
        raise DataError(f"{name}: got an array of {dtype}, expected numbers; pickles are not read")
    return dtype, order, shape, len(start) + n_text
