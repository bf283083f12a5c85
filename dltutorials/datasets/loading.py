"""From the name of a data set to checked examples and labels, whatever the format.

``mnist.pkl.gz`` holds 50,000 training, 10,000 validation and 10,000 test
images of 28 x 28 grey values, each a row of 784 numbers in [0, 1) (a byte
divided by 256: 0 is black, 0.99609375 the brightest white), with labels 0-9. It
comes with the package, so that nothing has to be fetched:

>>> train_set, valid_set, test_set = load_mnist()
>>> x, y = train_set
>>> x.shape, x.dtype, y.shape
((50000, 784), dtype('float32'), (50000,))
>>> y[:8].tolist()
[5, 0, 4, 1, 9, 2, 1, 3]

One's own data come in the same format (:mod:`dltutorials.datasets.pickled`), as an
``.npz`` file (:mod:`dltutorials.datasets.npz`), or as a folder of IDX files
(:mod:`dltutorials.datasets.idx`). Nothing is used before it is checked, and a file
found by the name of a published set must hold that set.
"""

import os
from pathlib import Path
from typing import Any, NamedTuple

from dltutorials.datasets.catalogue import CATALOGUE, require_content
from dltutorials.datasets.download import cache_folder, download
from dltutorials.datasets.idx import read_idx_folder
from dltutorials.datasets.npz import read_npz
from dltutorials.datasets.pickled import describe, read_pickled_sets
from dltutorials.datasets.sources import FloatRows, ScaledBytes, require_numbers
from dltutorials.exceptions import DataError
from dltutorials.types import PathLike

import numpy

FILE_NAME = CATALOGUE["mnist"].file_name
SPLITS = ("training", "validation", "test")

Split = tuple[Any, Any]
_ZIP_MAGIC = b"PK"


class Sources(NamedTuple):
    """A checked data set, of which nothing has been converted or copied yet.

    Attributes
    ----------
    sets : ((x, y), (x, y), (x, y))
        Training, validation and test set; `x` as a float array, a memory map or
        :class:`~dltutorials.datasets.sources.ScaledBytes`, `y` as an integer array.
    n_in : int
        Numbers in an example: the tutorial's `D`.
    n_out : int
        Labels: the tutorial's `L`.
    """

    sets: tuple[Split, Split, Split]
    n_in: int
    n_out: int


def load_mnist(path: PathLike | None = None, offline: bool = False) -> tuple[Split, Split, Split]:
    """Load and check MNIST, or another data set, as arrays.

    Parameters
    ----------
    path : path, optional
        A file or folder, or the name of a published data set; the default is
        ``mnist.pkl.gz``. :func:`find_dataset` says where names are looked up.
    offline : bool
        Whether to fail instead of downloading what is not there.

    Returns
    -------
    ((x, y), (x, y), (x, y))
        Training, validation and test set; `x` of floats and shape ``(n, n_in)``,
        `y` of integers from 0 on and shape ``(n,)``, as in the file: float32
        and int64 in the standard one; bytes become float32.

    Raises
    ------
    DataError
        If there is no such file, it cannot be read, or its content is wrong:
        the message names the file and what to do.

    Notes
    -----
    Source: Getting Started, "MNIST Dataset".
    Differs: the chapter unpickles whatever it is given, which can run any code.
    """
    train_set, valid_set, test_set = (
        (FloatRows(x, "float32").whole() if isinstance(x, ScaledBytes) else x, y)
        for x, y in open_dataset(path, offline=offline).sets
    )
    return train_set, valid_set, test_set


def open_dataset(
    path: PathLike | None = None, memory_map: bool = False, offline: bool = False
) -> Sources:
    """Open and check a data set, without converting its examples.

    Parameters
    ----------
    path : path, optional
        As for :func:`load_mnist`.
    memory_map : bool
        Whether to leave examples in their file where its format allows it, for
        sets that do not fit into memory; whether they are finite numbers is
        then for the reader to check, when he comes to them.
    offline : bool

    Returns
    -------
    Sources

    Raises
    ------
    DataError
        As :func:`load_mnist`.
    """
    file = find_dataset(path, offline)
    try:
        sources = _check(_read(file, memory_map))
        if path is None or file != Path(path):
            for published in CATALOGUE.values():
                if published.file_name == file.name:
                    require_content(sources.sets, published)
    except DataError as error:
        raise type(error)(f"{file}: {error}") from None
    return sources


def find_dataset(path: PathLike | None = None, offline: bool = False) -> Path:
    """Return the file or folder to load.

    The order is: the given path; for a bare name (by default
    ``mnist.pkl.gz``; ``fashion-mnist`` stands for ``fashion-mnist.pkl.gz``) then
    the folder in the environment variable ``DLTUTORIALS_DATA``; the ``data``
    folder of the checkout or of the installed package; the user's cache,
    ``$XDG_CACHE_HOME/dltutorials``; and at last, for a published data set, a
    download into that cache.

    Parameters
    ----------
    path : path, optional
    offline : bool
        Whether to leave the last step out.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    DataError
        If none of these exists; the message lists all of them. If a download
        fails: it says why.
    """
    if path is not None and not os.fspath(path):
        raise DataError("the path of the data set is empty; give that of a file like mnist.pkl.gz")
    candidates = [] if path is None else [Path(path)]
    name = FILE_NAME if path is None else os.fspath(path)
    published = CATALOGUE.get(name[: -len(".pkl.gz")] if name.endswith(".pkl.gz") else name)
    if name == os.path.basename(name):
        name = name if published is None else published.file_name
        candidates += [folder / name for folder in _data_folders()]
    for candidate in candidates:
        if candidate.exists():
            return candidate
    if published is not None and not offline:
        return download(published)
    tried = ", ".join(map(str, candidates))
    advice = f"give the path of {FILE_NAME}, or set DLTUTORIALS_DATA to the folder that holds it"
    if published is not None:
        advice = f"allow the download (it is set to offline), or {advice}"
    raise DataError(f"no data set found; tried {tried}; {advice}")


def list_files(dataset: Path) -> list[Path]:
    """Return the files that a data set consists of, as :func:`find_dataset` found it."""
    if not dataset.is_dir():
        return [dataset]
    name = "*idx?-ubyte*"
    return [*dataset.glob(name), *dataset.glob(f"*/{name}")]


def _data_folders() -> list[Path]:
    package = Path(__file__).resolve().parents[1]
    folders = [package.parent / "data", package / "data"]
    if os.environ.get("DLTUTORIALS_DATA"):
        folders.insert(0, Path(os.environ["DLTUTORIALS_DATA"]))
    return [*folders, cache_folder()]


def _read(file: Path, memory_map: bool) -> tuple[Split, Split, Split]:
    if file.is_dir():
        return read_idx_folder(file)
    if file.suffix == ".npz" or _first_bytes(file, len(_ZIP_MAGIC)) == _ZIP_MAGIC:
        return read_npz(file, memory_map)
    return read_pickled_sets(file)


def _first_bytes(file: Path, n_bytes: int) -> bytes:
    try:
        with open(file, "rb") as stream:
            return stream.read(n_bytes)
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}") from None


def _check(sets: tuple[Split, Split, Split]) -> Sources:
    n_in = n_out = 0
    flat_sets: Any = tuple((_flat(x), y) for x, y in sets)
    for split, (x, y) in zip(SPLITS, flat_sets):
        try:
            _check_examples(x)
            _check_labels(y, len(x))
            n_columns = int(numpy.prod(x.shape[1:]))
            if split == SPLITS[0]:
                n_in, n_out = n_columns, _count_classes(y)
            elif n_columns != n_in:
                raise DataError(f"x: got {n_columns} numbers a row, the training set has {n_in}")
            elif y.max() >= n_out:
                raise DataError(
                    f"y: got labels up to {y.max()}, expected at most {n_out - 1}, "
                    "the largest of the training set"
                )
        except DataError as error:
            raise DataError(f"{split} set: {error}") from None
    return Sources(flat_sets, n_in, n_out)


def _flat(x: Any) -> Any:
    """Make an example a row, unless that would read a whole file."""
    has_images = isinstance(x, numpy.ndarray) and x.ndim > 2 and x.size
    if has_images and (x.flags.c_contiguous or not isinstance(x, numpy.memmap)):
        return x.reshape(len(x), -1)
    return x


def _check_examples(x: Any) -> None:
    if len(x.shape) < 2 or 0 in x.shape:
        raise DataError(f"x: got {describe(x)}, expected one example a row, and at least one")
    if isinstance(x, ScaledBytes):
        return
    if x.dtype.kind != "f":
        raise DataError(
            f"x: got {describe(x)}, expected floats, or bytes (uint8) that are to be divided by 256"
        )
    if not isinstance(x, numpy.memmap):
        require_numbers(x)


def _check_labels(y: Any, n_examples: int) -> None:
    if not isinstance(y, numpy.ndarray) or y.dtype.kind not in "iu" or y.ndim != 1:
        raise DataError(f"y: got {describe(y)}, expected an integer array of shape (n,)")
    if len(y) != n_examples:
        raise DataError(f"got {n_examples} images and {len(y)} labels, expected one label an image")
    if y.min() < 0:
        raise DataError(f"y: got labels from {y.min()} to {y.max()}, expected integers from 0 on")


def _count_classes(y: numpy.ndarray) -> int:
    """Return the number of labels; a gap in them is more likely a mistake than a class."""
    highest = int(y.max())
    present = numpy.unique(y)
    if len(present) != highest + 1:
        absent = int(numpy.flatnonzero(present != numpy.arange(len(present)))[0])
        raise DataError(
            f"y: got labels from {present[0]} to {highest}, but no example of label {absent}; "
            "number the classes from 0 without gaps"
        )
    return highest + 1
