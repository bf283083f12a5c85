"""One copy of the data in memory, shared by several processes.

Processes that each decode a data set hold one copy each. Processes that map the same file of plain
arrays share the pages of the system's cache. So :func:`share_data` decodes a set once, writes it in
the type used in training, and returns the folder to map (``load_data(..., memory_map=True)``).

>>> import tempfile, numpy
>>> folder = tempfile.mkdtemp()
>>> x, y = numpy.eye(3), numpy.arange(3)
>>> numpy.savez(f"{folder}/mine.npz", train_x=x, train_y=y, valid_x=x, valid_y=y,
...             test_x=x, test_y=y)
>>> shared = share_data(f"{folder}/mine.npz", "float64", folder)
>>> shared.path == f"{folder}/data-{shared.digest[:16]}"
True
>>> share_data(shared.path, "float64", folder) == shared  # can be mapped directly
True
"""

import os
from pathlib import Path
from typing import Any, NamedTuple

from dltutorials.datasets import SPLITS, Sources, find_dataset, list_files, open_dataset
from dltutorials.datasets.digests import digest_of_arrays
from dltutorials.datasets.memory_map import mapped_file
from dltutorials.datasets.npz import NAMES, write_npy_folder
from dltutorials.datasets.one_set import scale_of
from dltutorials.datasets.plausibility import find_doubts
from dltutorials.datasets.sources import ROWS_AT_A_TIME, FloatRows, read_blocks, require_finite
from dltutorials.exceptions import DataError, OutputError, reason_of, warn_of_data, within
from dltutorials.io.in_use import FilesInUse
from dltutorials.types import PathLike


class SharedData(NamedTuple):
    """A data set in a folder, or a file, that can be mapped.

    Attributes
    ----------
    path : str
    digest : str
        The digest of its arrays as floats: see
        :func:`dltutorials.datasets.digests.digest_of_arrays`.
    """

    path: str
    digest: str


def share_data(
    dataset: PathLike,
    floatX: str,
    folder: PathLike,
    offline: bool = False,
    in_chunks: bool = False,
    is_shuffled: bool = False,
) -> SharedData:
    """Provide a data set in files whose arrays can be used directly when mapped.

    Parameters
    ----------
    dataset : path
        As :func:`dltutorials.datasets.loading.load_mnist` takes it.
    floatX : {"float32", "float64"}
    folder : path
        Where to write the set, unless it is there already or the original can be mapped.
    offline : bool
        Whether to fail instead of downloading a published set that is missing.
    in_chunks : bool
        Whether data are read in chunks, for which any memory map will do.
    is_shuffled : bool
        Whether all runs shuffle the rows of the training set.

    Returns
    -------
    SharedData

    Raises
    ------
    DataError
        If the data set is missing or wrong, or the folder cannot be written.
    """
    sources = open_dataset(dataset, memory_map=True, offline=offline)
    with within(sources.name):
        _require_finite(sources, floatX)
    for doubt in _find_doubts(sources, floatX, is_shuffled):
        warn_of_data(doubt)
    digest = digest_of(sources, floatX)
    if all(_is_ready(x, floatX, in_chunks) for x, *_ in sources.sets):
        return SharedData(os.path.abspath(find_dataset(dataset, offline)), digest)
    path = os.path.abspath(os.path.join(folder, f"data-{digest[:16]}"))
    if not _holds(path, digest, floatX):
        files = FilesInUse()
        files.read("--dataset", *list_files(find_dataset(dataset, offline)))
        for name in NAMES:
            files.write("--results", os.path.join(path, f"{name}.npy"))
        try:
            write_npy_folder(Path(path), sources.sets, floatX, sources.class_names)
        except OutputError:
            raise
        except OSError as error:
            reason = reason_of(error)
            raise OutputError(f"cannot write {path}: {reason}; give another --results") from None
    return SharedData(path, digest)


def digest_of(sources: Sources, floatX: str) -> str:
    """Return a digest of a data set as the floats used in training."""
    return digest_of_arrays([rows for columns in sources.sets for rows in _rows(columns, floatX)])


def _rows(columns: Any, floatX: str) -> list[FloatRows]:
    return [FloatRows(column, floatX, are_labels=n > 0) for n, column in enumerate(columns)]


def _find_doubts(sources: Sources, floatX: str, is_shuffled: bool) -> list[str]:
    scales = [scale_of(columns[0]) for columns in sources.sets]
    return find_doubts([tuple(_rows(c, floatX)) for c in sources.sets], is_shuffled, scales)


def _require_finite(sources: Sources, floatX: str) -> None:
    for split, (x, *_) in zip(SPLITS, sources.sets):
        rows = FloatRows(x, floatX)
        with within(f"{split} set"):
            for number, block in enumerate(read_blocks(rows)):
                require_finite(block, rows, number * ROWS_AT_A_TIME)


def _is_ready(x: Any, floatX: str, in_chunks: bool) -> bool:
    return mapped_file(x) is not None and (in_chunks or FloatRows(x, floatX).is_direct)


def _holds(path: str, digest: str, floatX: str) -> bool:
    try:
        return digest_of(open_dataset(path, memory_map=True), floatX) == digest
    except DataError:
        return False
