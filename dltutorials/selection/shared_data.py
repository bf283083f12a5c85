"""One copy of the data in memory for several processes.

Processes that each decode a data set have it in memory each. Processes that map
the same file of plain arrays look at the same pages of the system's cache. So
:func:`share_data` decodes a set once, writes it as the numbers that are computed
with, and says which file to map (``load_data(..., memory_map=True)``).

>>> import tempfile, numpy
>>> folder = tempfile.mkdtemp()
>>> x, y = numpy.eye(3), numpy.arange(3)
>>> numpy.savez(f"{folder}/mine.npz", train_x=x, train_y=y, valid_x=x, valid_y=y,
...             test_x=x, test_y=y)
>>> shared = share_data(f"{folder}/mine.npz", "float64", folder)
>>> shared.path == f"{folder}/data-{shared.digest[:16]}.npz"
True
>>> share_data(shared.path, "float64", folder) == shared  # can be mapped as it is
True
"""

import os
from typing import Any, NamedTuple

from dltutorials.datasets import Sources, find_dataset, list_files, open_dataset
from dltutorials.datasets.digests import digest_of_arrays
from dltutorials.datasets.memory_map import mapped_file
from dltutorials.datasets.npz import write_npz
from dltutorials.datasets.sources import FloatRows, require_numbers
from dltutorials.exceptions import DataError
from dltutorials.io.files import prepare_output
from dltutorials.io.in_use import FilesInUse
from dltutorials.types import PathLike

import numpy


class SharedData(NamedTuple):
    """A data set in a file that can be mapped.

    Attributes
    ----------
    path : str
    digest : str
        Of its arrays as floats: that of :func:`dltutorials.datasets.digests.digest_of_arrays`.
    """

    path: str
    digest: str


def share_data(
    dataset: PathLike,
    floatX: str,
    folder: PathLike,
    offline: bool = False,
    in_chunks: bool = False,
) -> SharedData:
    """Have a data set in a file whose arrays can be used where they are mapped.

    Parameters
    ----------
    dataset : path
        As :func:`dltutorials.datasets.loading.load_mnist` takes it.
    floatX : {"float32", "float64"}
    folder : path
        Where to write the file, unless it is there, or the data set is one.
    offline : bool
        Whether to fail instead of downloading a published set that is not there.
    in_chunks : bool
        Whether a chunk is read at a time, for which any memory map will do.

    Returns
    -------
    SharedData

    Raises
    ------
    DataError
        If the data set is missing or wrong, or the folder cannot be written.
    """
    sources = open_dataset(dataset, memory_map=True, offline=offline)
    for x, _ in sources.sets:
        if isinstance(x, numpy.memmap):
            require_numbers(x)
    digest = digest_of(sources, floatX)
    if all(_is_ready(x, floatX, in_chunks) for x, _ in sources.sets):
        return SharedData(os.path.abspath(find_dataset(dataset, offline)), digest)
    path = os.path.abspath(os.path.join(folder, f"data-{digest[:16]}.npz"))
    if not _holds(path, digest, floatX):
        files = FilesInUse()
        files.read("--dataset", *list_files(find_dataset(dataset, offline)))
        files.write("--results", path)
        prepare_output(path)
        write_npz(path, sources.sets, floatX)
    return SharedData(path, digest)


def digest_of(sources: Sources, floatX: str) -> str:
    """Return a digest of a data set as the floats that are computed with."""
    rows: list[Any] = [FloatRows(source, floatX) for pair in sources.sets for source in pair]
    return digest_of_arrays(rows)


def _is_ready(x: Any, floatX: str, in_chunks: bool) -> bool:
    is_mapped = mapped_file(getattr(x, "pixels", x)) is not None
    return is_mapped and (in_chunks or FloatRows(x, floatX).is_direct)


def _holds(path: str, digest: str, floatX: str) -> bool:
    try:
        return digest_of(open_dataset(path, memory_map=True), floatX) == digest
    except DataError:
        return False
