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

import os
import zipfile
from typing import Any

from dltutorials.datasets.sources import ROWS_AT_A_TIME, FloatRows, ScaledBytes
from dltutorials.exceptions import DataError
from dltutorials.io.files import durable_writer
from dltutorials.io.npz import LOCAL_HEADER, open_npz, read_array
from dltutorials.types import PathLike

import numpy

Split = tuple[Any, Any]

NAMES = tuple(f"{part}_{kind}" for part in ("train", "valid", "test") for kind in "xy")
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
    with open_npz(path) as archive:
        _check_names(archive)
        arrays = {name: read_array(archive, name, memory_map) for name in NAMES}
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
    begin = position + LOCAL_HEADER + len(name) + _ZIP64_EXTRA + len(_PADDING) + 2
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
