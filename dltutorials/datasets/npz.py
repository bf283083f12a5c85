"""Data sets in NumPy's formats, the simplest for your own data.

``numpy.savez("mine.npz", train_x=..., train_y=..., valid_x=..., valid_y=...,
test_x=..., test_y=...)`` writes one. Without ``valid_x`` and ``valid_y``, a part of
the training set is split off for validation; with `x` and `y` alone, a test set as
well (:mod:`dltutorials.datasets.arrays`). Labels are integers from 0 on, or the names of
classes; ``class_names=[...]`` in the file names integers.

>>> import os, tempfile, numpy
>>> path = os.path.join(tempfile.mkdtemp(), "mine.npz")
>>> x, y = numpy.eye(3), numpy.arange(3)
>>> numpy.savez(path, train_x=x, train_y=y, valid_x=x, valid_y=y, test_x=x, test_y=y)
>>> [type(x).__name__ for x, y in read_npz(path, memory_map=True).sets]
['memmap', 'memmap', 'memmap']

Pickled objects are never read. Files by ``numpy.savez`` can be mapped into memory instead of being
read; ``numpy.savez_compressed`` makes smaller files, which have to be unpacked. A folder with a
``.npy`` file for each name holds the same; its mapped arrays can be used in computation without a
copy (:func:`write_npy_folder`), unlike those in an ``.npz`` file.
"""

import collections
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from dltutorials.datasets.sources import FloatRows, read_blocks
from dltutorials.exceptions import DataError, in_file
from dltutorials.io.files import durable_writer, prepare_output
from dltutorials.io.npz import open_npz, read_array, read_npy
from dltutorials.types import PathLike, Split

import numpy

PARTS = ("train", "valid", "test")
NAMES = tuple(f"{part}_{kind}" for part in PARTS for kind in "xy")
CLASS_NAMES = "class_names"
_LAYOUTS = (PARTS, ("train", "test"), ("",))
_KINDS = "biufU"  # NumPy's letters: booleans, numbers, and texts for names of classes


class Content(NamedTuple):
    """The content of a file or folder, unchecked: three sets, two, or one to be split.

    Attributes
    ----------
    sets : list of (x, y)
    class_names : sequence of str, or None
        The name of each label, if the file has names.
    """

    sets: list[Split]
    class_names: Sequence[str] | None = None


def read_npz(path: PathLike, memory_map: bool = False) -> Content:
    """Read a data set from an ``.npz`` file.

    Parameters
    ----------
    path : path
    memory_map : bool
        Whether to map the arrays into memory if the file allows it, for data too large to be read
        whole.

    Raises
    ------
    DataError
        If the file cannot be read, lacks a name, has an unknown one, or holds anything but plain
        arrays.
    """
    with open_npz(path) as archive:
        members = [info.filename for info in archive.infolist()]
        names = [os.path.splitext(member)[0] for member in members]
        return _read_names(names, lambda name: read_array(archive, name, memory_map, _KINDS))


def read_npy_folder(folder: Path, memory_map: bool = False) -> Content:
    """Read a data set from a folder with a ``.npy`` file for each array.

    Parameters
    ----------
    folder : pathlib.Path
    memory_map : bool
        Whether to map the arrays into memory.

    Raises
    ------
    DataError
        As :func:`read_npz`.
    """

    def read(name: str) -> numpy.ndarray:
        with in_file(f"{name}.npy"):
            is_mapped = memory_map and name != CLASS_NAMES
            return read_npy(folder / f"{name}.npy", is_mapped, _KINDS)

    return _read_names([path.stem for path in sorted(folder.glob("*.npy"))], read)


def write_npy_folder(
    folder: Path, sets: Iterable[Split], dtype: str, class_names: Sequence[str] | None = None
) -> None:
    """Write three sets that, mapped into memory, can be used without a copy.

    Parameters
    ----------
    folder : pathlib.Path
        Made if it is not there; files in it are replaced atomically.
    sets : ((x, y), (x, y), (x, y))
        `x` may be anything that :class:`~dltutorials.datasets.sources.FloatRows` reads.
    dtype : {"float32", "float64"}
        The type of the examples.
    class_names : sequence of str, optional

    Raises
    ------
    OSError, DataError
        If the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for part, (x, *labels) in zip(PARTS, sets):
        _write_npy(folder / f"{part}_x.npy", FloatRows(x, dtype))
        for y in labels:
            _write_npy(folder / f"{part}_y.npy", FloatRows(y, y.dtype.name, are_labels=True))
    if class_names is not None:
        with durable_writer(folder / f"{CLASS_NAMES}.npy") as file:
            numpy.save(file, numpy.array(class_names))


def _write_npy(path: Path, rows: FloatRows) -> None:
    """Write rows a few at a time; NumPy aligns the values in a file to 64 bytes."""
    prepare_output(path)
    header = {"descr": rows.dtype.str, "fortran_order": False, "shape": rows.shape}
    with durable_writer(path) as file:
        numpy.lib.format.write_array_header_1_0(file, header)
        for block in read_blocks(rows):
            file.write(block.data)


def _read_names(names: Sequence[str], read: Callable[[str], numpy.ndarray]) -> Content:
    parts = _find_layout(names)
    prefixes = [f"{part}_" if part else "" for part in parts]
    kinds = [kind for kind in "xy" if f"{prefixes[0]}{kind}" in names]
    sets = [tuple(read(f"{prefix}{kind}") for kind in kinds) for prefix in prefixes]
    class_names = read(CLASS_NAMES) if CLASS_NAMES in names else None
    if class_names is not None and (class_names.ndim != 1 or class_names.dtype.kind != "U"):
        raise DataError(
            f"{CLASS_NAMES}: got an array of {class_names.dtype} of shape {class_names.shape}, "
            "expected a string for each label"
        )
    return Content(sets, None if class_names is None else class_names.tolist())


def _find_layout(names: Sequence[str]) -> Sequence[str]:
    """Return the parts that the names belong to: all have `y`, or none has."""
    arrays = sorted(name for name in names if name != CLASS_NAMES)
    for parts in _LAYOUTS:
        for kinds in ("xy", "x"):
            if arrays == sorted(f"{part}_{kind}".lstrip("_") for part in parts for kind in kinds):
                return parts
    missing = [name for name in NAMES if name not in names]
    counts = collections.Counter(names)
    extra = sorted({name for name in names if counts[name] > 1})
    extra += [name for name in arrays if name not in NAMES and name not in extra]
    faults = [f"{', '.join(missing)} missing"] if missing else []
    faults += [f"{', '.join(extra[:3])} too many"] if extra else []
    raise DataError(
        f"{' and '.join(faults)}; expected one array each of {', '.join(NAMES)}, or of train_x, "
        "train_y, test_x, test_y, or of x and y, as numpy.savez writes them"
    )
