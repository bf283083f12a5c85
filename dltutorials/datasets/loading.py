"""Loading a data set by its name: checked examples and labels, whatever the format.

``mnist.pkl.gz`` holds 50,000 training, 10,000 validation and 10,000 test
images of 28 x 28 grey values, each a row of 784 numbers in [0, 1) (a byte
divided by 256: 0 is black, 0.99609375 the brightest white), with labels 0-9. It comes with the
package, so nothing has to be downloaded:

>>> train_set, valid_set, test_set = load_mnist()
>>> x, y = train_set
>>> x.shape, x.dtype, y.shape
((50000, 784), dtype('float32'), (50000,))
>>> y[:8].tolist()
[5, 0, 4, 1, 9, 2, 1, 3]

Your own data may come in this format (:mod:`dltutorials.datasets.pickled`), as an
``.npz`` file (:mod:`dltutorials.datasets.npz`), or as a folder of IDX files
(:mod:`dltutorials.datasets.idx`) or of images (:mod:`dltutorials.datasets.image_folders`).
All data are checked before use (:mod:`dltutorials.datasets.sets`), and a file found by the name of
a published set must contain that set.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dltutorials.datasets.arrays import split_sets
from dltutorials.datasets.catalogue import CATALOGUE, require_content
from dltutorials.datasets.download import cache_folder, download
from dltutorials.datasets.examples import warn_of_scale
from dltutorials.datasets.formats import read_content
from dltutorials.datasets.image_folders import list_images
from dltutorials.datasets.sets import SPLITS, Sources, check_sets
from dltutorials.datasets.sources import FloatRows, is_grey, require_finite
from dltutorials.exceptions import DataError, in_file, within
from dltutorials.types import PathLike, Split

import numpy

FILE_NAME = CATALOGUE["mnist"].file_name


def load_mnist(path: PathLike | None = None, offline: bool = False) -> tuple[Split, Split, Split]:
    """Load and check MNIST, or another data set, as arrays.

    Parameters
    ----------
    path : path, optional
        A file or folder, or the name of a published data set; the default is
        ``mnist.pkl.gz``. :func:`find_dataset` says where names are looked up.
    offline : bool
        Whether to fail instead of downloading missing files.

    Returns
    -------
    ((x, y), (x, y), (x, y))
        Training, validation and test set; `x` of floats and shape ``(n, n_in)``,
        `y` of integers from 0 on and shape ``(n,)``, as in the file: float32
        and int64 in the standard one; bytes become float32.

    Raises
    ------
    DataError
        If the file does not exist, cannot be read, or has the wrong content; the message names the
        file and says what to do.

    Notes
    -----
    Source: Getting Started, "MNIST Dataset".
    Differs: the chapter unpickles any file, which can run arbitrary code.
    """
    sources = open_dataset(path, offline=offline)
    with within(sources.name):
        train_set, valid_set, test_set = (
            (_as_floats(x, split), *y) for split, (x, *y) in zip(SPLITS, sources.sets)
        )
    return train_set, valid_set, test_set


def _as_floats(x: Any, split: str) -> numpy.ndarray:
    dtype = x.dtype.newbyteorder("=") if x.dtype.kind == "f" else "float32"
    rows = FloatRows(x, dtype)
    with within(f"{split} set"):
        values = rows.whole()
        low, high = require_finite(values, rows)
        if split == SPLITS[0]:
            warn_of_scale(low, high, is_grey(x))
    return values


def open_dataset(
    path: PathLike | None = None,
    memory_map: bool = False,
    offline: bool = False,
    split: float | Sequence[float] | None = None,
    seed: int = 0,
    targets: str = "labels",
    class_names: Sequence[str] | None = None,
) -> Sources:
    """Open and check a data set, without converting its examples.

    Parameters
    ----------
    path : path, optional
        As for :func:`load_mnist`.
    memory_map : bool
        Whether to leave examples in their file if its format allows it, for sets that do not fit
        into memory.
    offline : bool
    split, seed
        As for :func:`dltutorials.datasets.arrays.split_sets`, if the data are not three sets.
    targets, class_names
        As for :func:`~dltutorials.datasets.sets.check_sets`; by default, names come from the file.

    Returns
    -------
    Sources
        Finiteness is checked later, when numbers are converted.

    Raises
    ------
    DataError
        As :func:`load_mnist`.
    """
    file = find_dataset(path, offline)
    with in_file(file):
        content = read_content(file, memory_map)
        sets = split_sets(content.sets, split, seed, targets)
        names = content.class_names if class_names is None else class_names
        sources = check_sets(sets, names, targets, os.fspath(file))
        if _is_bare(path):
            for published in CATALOGUE.values():
                if published.file_name == file.name:
                    require_content(sources.sets, published)
    return sources


def _is_bare(path: PathLike | None) -> bool:
    """Return whether a data set was requested by its name alone."""
    return path is None or os.fspath(path) == os.path.basename(path)


def find_dataset(path: PathLike | None = None, offline: bool = False) -> Path:
    """Return the file or folder to load.

    The order is: the given path; for a bare name (by default ``mnist.pkl.gz``; ``fashion-mnist``
    stands for ``fashion-mnist.pkl.gz``), the folder in the environment variable
    ``DLTUTORIALS_DATA``; the ``data`` folder of the checkout or of the installed package; the
    user's cache, ``$XDG_CACHE_HOME/dltutorials``; finally, for a published data set, a download
    into that cache.

    Parameters
    ----------
    path : path, optional
    offline : bool
        Whether to skip the last step.

    Returns
    -------
    pathlib.Path

    Raises
    ------
    DataError
        If none of these exists; the message lists all of them. If a download fails; the message
        says why.
    """
    if path is not None and not os.fspath(path):
        raise DataError("the path of the data set is empty; give that of a file like mnist.pkl.gz")
    candidates = [] if path is None else [Path(path)]
    name = FILE_NAME if path is None else os.fspath(path)
    published = CATALOGUE.get(name[: -len(".pkl.gz")] if name.endswith(".pkl.gz") else name)
    if _is_bare(path):
        name = name if published is None else published.file_name
        candidates += [folder / name for folder in _data_folders()]
    for candidate in candidates:
        if candidate.exists():
            return candidate
    if published is not None and not offline:
        return download(published)
    tried = ", ".join(map(str, candidates))
    if published is not None:
        advice = (
            "allow the download (it is set to offline), give the path of "
            f"{published.file_name}, or set DLTUTORIALS_DATA to the folder that holds it"
        )
    elif len(candidates) == 1:
        advice = f"the working directory is {os.getcwd()}; give the path of the file"
    else:
        names = ", ".join(CATALOGUE)
        advice = f"give the path of the file, or the name of a published data set: {names}"
    raise DataError(f"no data set found; tried {tried}; {advice}")


def list_files(dataset: Path) -> list[Path]:
    """Return the files of a data set that :func:`find_dataset` has found."""
    if not dataset.is_dir():
        return [dataset]
    names = ("*idx?-ubyte*", "*/*idx?-ubyte*", "*.npy")
    return [*(path for name in names for path in dataset.glob(name)), *list_images(dataset)]


def _data_folders() -> list[Path]:
    package = Path(__file__).resolve().parents[1]
    folders = [package.parent / "data", package / "data"]
    if os.environ.get("DLTUTORIALS_DATA"):
        folders.insert(0, Path(os.environ["DLTUTORIALS_DATA"]))
    return [*folders, cache_folder()]
