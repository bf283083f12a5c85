"""Data sets as shared variables, and minibatches as slices of them by index.

A shared variable lives where Theano computes; copied there once, a whole data
set never moves again. A minibatch is then a slice by its number,
``x[index * batch_size:(index + 1) * batch_size]``, and the only thing that a
training step has to be given is that number.

>>> import numpy, theano, theano.tensor as T
>>> x = numpy.arange(6.0).reshape(3, 2)
>>> data = shared_dataset((x, numpy.array([0, 1, 1])))
>>> index = T.lscalar("index")
>>> slice_x, slice_y = minibatch(data, index, batch_size=1)
>>> for value in theano.function([index], [slice_x, slice_y])(2):
...     print(value.tolist())
[[4.0, 5.0]]
[1]

``n // batch_size`` minibatches are used: when the batch size does not divide
the number of examples, the remainder is left out, in evaluation too. The
tutorial's published numbers depend on it: with 600 a batch, its errors are over
9,600 of the 10,000 test images.

Where a set is too large for the device, a chunk of it is there at a time
(:mod:`dltutorials.chunks`); everything below takes one as well as the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dltutorials.checks import require_integer
from dltutorials.chunks import ChunkedDataset
from dltutorials.datasets import FILE_NAME, SPLITS, Sources, open_dataset
from dltutorials.datasets.sources import require_numbers
from dltutorials.exceptions import OptionError
from dltutorials.shared import SharedDataset, shared_dataset
from dltutorials.types import Expression, PathLike

import numpy


@dataclass(frozen=True)
class SharedDatasets(Sequence):
    """Training, validation and test set on the device, and what they have in common.

    It unpacks to the three sets: ``train_set, valid_set, test_set = load_data()``.

    Attributes
    ----------
    train, valid, test : SharedDataset
    n_in : int
        Numbers in an example: the tutorial's `D`.
    n_out : int or None
        Labels: the tutorial's `L`; None where there are no class labels.
    class_names : tuple of str, or None
        The name of each label, where the data set has names.
    scale : str
        What was done to the numbers of the data set.
    """

    train: SharedDataset
    valid: SharedDataset
    test: SharedDataset
    n_in: int
    n_out: Any = None
    class_names: tuple[str, ...] | None = None
    scale: str = "none"

    def __len__(self) -> int:
        return len(SPLITS)

    def __getitem__(self, number: Any) -> Any:
        return (self.train, self.valid, self.test)[number]


def load_data(
    dataset: PathLike = FILE_NAME,
    batch_size: int | None = None,
    chunk_size: int | None = None,
    offline: bool = False,
    memory_map: bool = False,
) -> SharedDatasets:
    """Load a data set into six shared variables.

    Parameters
    ----------
    dataset : path
        A file, a folder or a name: see :func:`dltutorials.datasets.loading.load_mnist`.
    batch_size, chunk_size : int, optional
        Given both, only a chunk of `chunk_size` minibatches of `batch_size`
        examples is kept in shared variables at a time, and the file is mapped
        into memory, not read, where its format allows it. Trainings end in the
        same bytes either way.
    offline : bool
        Whether to fail instead of downloading a published set that is not there.
    memory_map : bool
        Whether shared variables on the CPU may be views of the file, where it
        holds arrays as they are computed with (:func:`dltutorials.datasets.npz.write_npz`):
        processes that train on the same file then have it in memory once.

    Returns
    -------
    SharedDatasets
        Unpacks to ``(train_set_x, train_set_y), (valid_set_x, valid_set_y), (test_set_x,
        test_set_y)``, with the attributes ``n_in`` and ``n_out``.

    Raises
    ------
    DataError
        If the data set is missing or wrong.
    OptionError
        If there is no such chunk: see :class:`dltutorials.chunks.ChunkedDataset`.
    OutOfMemoryError
        If there is not enough memory for it.

    Notes
    -----
    Source: Getting Started, "MNIST Dataset".
    """
    sources = open_dataset(dataset, memory_map or chunk_size is not None, offline)
    if chunk_size is None:
        for x, _ in sources.sets:
            if isinstance(x, numpy.memmap):  # others are checked when they are opened
                require_numbers(x)
        train_set, valid_set, test_set = map(shared_dataset, sources.sets)
        return SharedDatasets(train_set, valid_set, test_set, sources.n_in, sources.n_out)
    if batch_size is None:
        raise OptionError("batch_size: got None, expected that of the chunk's minibatches")
    return _in_chunks(sources, batch_size, chunk_size)


def _in_chunks(sources: Sources, batch_size: int, chunk_size: int) -> SharedDatasets:
    """Chunk all three sets; those that are only evaluated may be smaller than a chunk."""
    train_source, *evaluated = sources.sets
    train_set = ChunkedDataset(train_source, batch_size, chunk_size)
    valid_set, test_set = (
        ChunkedDataset(
            source,
            batch_size,
            min(chunk_size, max(1, len(source[0]) // batch_size)),
            read_ahead=False,
        )
        for source in evaluated
    )
    return SharedDatasets(train_set, valid_set, test_set, sources.n_in, sources.n_out)


def minibatch(data: SharedDataset, index: Expression, batch_size: int) -> tuple[Any, ...]:
    """Return the expressions of minibatch number `index` of a data set.

    Parameters
    ----------
    data : SharedDataset
        As :func:`~dltutorials.shared.shared_dataset` returns it; of one in chunks, `index`
        is the number in the chunk.
    index : integer scalar
        From 0 to ``n_minibatches - 1``.
    batch_size : int
        Examples in a minibatch.

    Returns
    -------
    (matrix of shape (batch_size, n_in), int32 vector of shape (batch_size,))
        One slice of each column of the data set.

    Notes
    -----
    Source: Getting Started, "MNIST Dataset".
    """
    rows = slice(index * batch_size, (index + 1) * batch_size)
    return tuple(column[rows] for column in data)


def n_minibatches(data: SharedDataset, batch_size: int, split: str) -> int:
    """Return how many whole minibatches a data set has.

    Parameters
    ----------
    data : SharedDataset
    batch_size : int
        Examples in a minibatch; at least 1.
    split : str
        The name of the set, for the message.

    Returns
    -------
    int, at least 1.

    Raises
    ------
    OptionError
        If there is not one whole minibatch, or `batch_size` is not a positive integer, or
        not that of the chunks of the set.
    """
    require_integer("batch_size", batch_size, at_least=1)
    if batch_size > data.n_examples:
        raise OptionError(
            f"batch_size: got {batch_size}, expected at most {data.n_examples}, "
            f"the number of examples in the {split} set"
        )
    if data.batch_size not in (None, batch_size):
        raise OptionError(
            f"batch_size: got {batch_size}, expected {data.batch_size}, "
            f"that of the chunks of the {split} set"
        )
    return data.n_examples // batch_size
