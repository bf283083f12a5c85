"""The IDX format, in which MNIST was published: four files of bytes in a folder.

Each file begins with a magic number for the type and the number of dimensions, and the length of
each dimension, as big-endian 32-bit integers; the values follow. The folder holds
``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``, ``t10k-images-idx3-ubyte`` and
``t10k-labels-idx1-ubyte``, plain or with ``.gz``; the last sixth of the training images, 10,000 of
the 60,000 of MNIST, is the validation set.

Plain files are mapped into memory, not read; either way the images stay bytes:

>>> import pathlib, tempfile, numpy
>>> folder = pathlib.Path(tempfile.mkdtemp())
>>> for part, n in (("train", 12), ("t10k", 3)):
...     images = numpy.full((n, 2, 2), 128, "uint8")
...     header = numpy.array([0x803, *images.shape], ">i4").tobytes()
...     _ = (folder / f"{part}-images-idx3-ubyte").write_bytes(header + images.tobytes())
...     header = numpy.array([0x801, n], ">i4").tobytes()
...     _ = (folder / f"{part}-labels-idx1-ubyte").write_bytes(header + bytes(range(n)))
>>> [(x.shape, x[0].tolist(), y.tolist()) for x, y in read_idx_folder(folder)][1]
((2, 2, 2), [[128, 128], [128, 128]], [10, 11])
"""

import gzip
import math
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dltutorials.exceptions import DataError, in_file
from dltutorials.io.reading import require_ordinary
from dltutorials.types import Split

import numpy

PARTS = ("train", "t10k")
MAX_BYTES = 1 << 30  # of an unpacked file; MNIST's largest has 47 MB
_BLOCK = 1 << 20
_ENDINGS = ("", ".gz")

_VALIDATION = 6  # one in this many training images is for validation


def read_idx_folder(folder: Path, endings: Sequence[str] = _ENDINGS) -> list[Split]:
    """Read the four IDX files of a folder.

    Parameters
    ----------
    folder : pathlib.Path
    endings : sequence of str
        Endings of the names to look for.

    Returns
    -------
    list of three (x, y)
        Training, validation and test set: images as uint8 arrays of shape
        ``(n, height, width)``, labels as uint8.

    Raises
    ------
    DataError
        If a file is missing, unreadable, or not what its name says; if there are too few training
        images to take one in six for validation.
    """
    (train_x, train_y), test_set = (
        tuple(
            _read(_find(folder, f"{part}-{kind}", n_dimensions, endings), n_dimensions)
            for kind, n_dimensions in (("images", 3), ("labels", 1))
        )
        for part in PARTS
    )
    if len(train_x) < _VALIDATION:
        raise DataError(
            f"got {len(train_x)} training images, expected at least {_VALIDATION}, of which the "
            "last sixth is the validation set"
        )
    n_train = len(train_x) - len(train_x) // _VALIDATION
    return [
        (train_x[:n_train], train_y[:n_train]),
        (train_x[n_train:], train_y[n_train:]),
        test_set,
    ]


def has_idx_files(folder: Path) -> bool:
    """Return whether a folder holds any of the four files."""
    return any(
        (folder / name).exists()
        for part in PARTS
        for kind, n_dimensions in (("images", 3), ("labels", 1))
        for name in _names(f"{part}-{kind}", n_dimensions)
    )


def _names(kind: str, n_dimensions: int, endings: Sequence[str] = _ENDINGS) -> list[str]:
    stems = (f"{kind}-idx{n_dimensions}-ubyte", f"{kind}.idx{n_dimensions}-ubyte")
    return [f"{stem}{packed}" for stem in stems for packed in endings]


def _find(folder: Path, kind: str, n_dimensions: int, endings: Sequence[str]) -> Path:
    names = _names(kind, n_dimensions, endings)
    for name in names:
        if (folder / name).exists():
            return folder / name
    raise DataError(
        f"{names[0]} is not there, plain or with .gz; expected the four IDX files of a data set"
    )


def _read(file: Path, n_dimensions: int) -> numpy.ndarray:
    read = _read_packed if file.suffix == ".gz" else _map
    with in_file(file.name):
        try:
            require_ordinary(file)
            return read(file, n_dimensions)
        except DataError as error:
            raise DataError(f"{error}; get the file again") from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise DataError(f"not a sound gzip file ({error}); get it again") from None
        except EOFError:
            raise DataError("the file ends early; get it again") from None


def _map(file: Path, n_dimensions: int) -> numpy.ndarray:
    with open(file, "rb") as stream:
        shape = _read_header(stream, n_dimensions)
        offset = stream.tell()
    n_bytes = math.prod(shape)
    _require_length(file.stat().st_size - offset, n_bytes, shape)
    return numpy.memmap(file, numpy.uint8, "r", offset, shape)


def _read_packed(file: Path, n_dimensions: int) -> numpy.ndarray:
    with gzip.open(file, "rb") as stream:
        shape = _read_header(stream, n_dimensions)
        n_bytes = math.prod(shape)
        if n_bytes > MAX_BYTES:
            raise DataError(
                f"announces {n_bytes:,} bytes, expected at most {MAX_BYTES:,}; "
                "unpack a larger file, so that it can be mapped"
            )
        values = bytearray()  # grows with the actual content, whatever the header says
        while len(values) <= n_bytes:
            block = stream.read(min(_BLOCK, n_bytes + 1 - len(values)))
            if not block:
                break
            values += block
    _require_length(len(values), n_bytes, shape)
    return numpy.frombuffer(values, numpy.uint8).reshape(shape)


def _read_header(stream: Any, n_dimensions: int) -> tuple[int, ...]:
    header = stream.read(4 + 4 * n_dimensions)
    if len(header) < 4 + 4 * n_dimensions:
        raise DataError("the file ends early")
    magic, *shape = (int.from_bytes(header[i : i + 4], "big") for i in range(0, len(header), 4))
    expected = 0x800 + n_dimensions
    if magic != expected:
        kind = "images" if n_dimensions > 1 else "labels"
        raise DataError(
            f"got the magic number 0x{magic:08x}, expected 0x{expected:08x} of {kind} as bytes"
        )
    if not all(shape):
        raise DataError(f"announces the shape {tuple(shape)}, expected at least 1 of each")
    return tuple(shape)


def _require_length(got: int, expected: int, shape: tuple[int, ...]) -> None:
    if got != expected:
        more = "more than " if got > expected else ""
        count = f"{more}{expected:,}" if more else f"{got:,}"
        raise DataError(
            f"got {count} bytes of values, expected {expected:,} for the shape {shape} it announces"
        )
