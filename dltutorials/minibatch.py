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
from typing import Any

from dltutorials.checks import require_integer
from dltutorials.chunks import ChunkedDataset
from dltutorials.datasets import FILE_NAME, Sources, Split, open_dataset
from dltutorials.datasets.sources import FloatRows, ScaledBytes, require_numbers
from dltutorials.exceptions import OptionError, OutOfMemoryError
from dltutorials.types import PathLike

import numpy
import theano
import theano.tensor as T

SharedSplit = tuple[Any, Any] | ChunkedDataset


class SharedDatasets(list[SharedSplit]):
    """Training, validation and test set on the device, and what they have in common.

    Attributes
    ----------
    n_in : int
        Numbers in an example: the tutorial's `D`.
    n_out : int
        Labels: the tutorial's `L`.
    """

    def __init__(self, sets: Sequence[SharedSplit], n_in: int, n_out: int) -> None:
        super().__init__(sets)
        self.n_in, self.n_out = n_in, n_out


def shared_dataset(data_xy: Split, borrow: bool = True) -> tuple[Any, Any]:
    """Copy a data set into shared variables, so that it stays on the device.

    Parameters
    ----------
    data_xy : (array, array)
        Examples, one a row, and their labels.
    borrow : bool
        Whether Theano may use the memory of an array that already has the type
        ``floatX``, instead of a copy; change such an array no more.

    Returns
    -------
    (shared_x, y)
        A shared matrix of ``floatX``, and an int32 expression over the labels,
        which are stored as ``floatX`` too: a GPU keeps only floats on the device.

    Raises
    ------
    OutOfMemoryError
        If there is not enough memory for them.

    Notes
    -----
    Source: Getting Started, "MNIST Dataset" (shared_dataset).
    """
    data_x, data_y = data_xy
    floatX = theano.config.floatX
    try:
        if isinstance(data_x, ScaledBytes):
            data_x = FloatRows(data_x, floatX).whole()
        # On a memory map, numbers may lie where a processor cannot read them well.
        aligned_x = numpy.require(numpy.asarray(data_x, dtype=floatX), requirements="A")
        shared_x = theano.shared(aligned_x, borrow=borrow)
        shared_y = theano.shared(numpy.asarray(data_y, dtype=floatX), borrow=borrow)
    except Exception as error:
        # The GPU library has an exception of its own for this.
        if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
            raise _out_of_memory(data_x, floatX) from error
        raise
    return shared_x, T.cast(shared_y, "int32")


def _out_of_memory(x: Any, floatX: str) -> OutOfMemoryError:
    n_megabytes = numpy.prod(x.shape, dtype=float) * numpy.dtype(floatX).itemsize / 1e6
    return OutOfMemoryError(
        f"not enough memory: {len(x):,} examples take {n_megabytes:,.0f} MB as {floatX}; "
        "keep a chunk of them at a time (--chunk-size, or load_data(chunk_size=...))"
    )


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
        ``[(train_set_x, train_set_y), (valid_set_x, valid_set_y), (test_set_x,
        test_set_y)]``, with the attributes ``n_in`` and ``n_out``.

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
        return SharedDatasets(
            [shared_dataset(s) for s in sources.sets], sources.n_in, sources.n_out
        )
    if batch_size is None:
        raise OptionError("batch_size: got None, expected that of the chunk's minibatches")
    return _in_chunks(sources, batch_size, chunk_size)


def _in_chunks(sources: Sources, batch_size: int, chunk_size: int) -> SharedDatasets:
    """Chunk all three sets; those that are only evaluated may be smaller than a chunk."""
    train_set, *evaluated = sources.sets
    chunked = [ChunkedDataset(train_set, batch_size, chunk_size)]
    for x, y in evaluated:
        n_batches = max(1, len(x) // batch_size)
        chunked.append(
            ChunkedDataset((x, y), batch_size, min(chunk_size, n_batches), read_ahead=False)
        )
    return SharedDatasets(chunked, sources.n_in, sources.n_out)


def minibatch(data: SharedSplit, index: Any, batch_size: int) -> tuple[Any, Any]:
    """Return the expressions of minibatch number `index` of a data set.

    Parameters
    ----------
    data : (x, y)
        As :func:`shared_dataset` returns it.
    index : integer scalar
        From 0 to ``n_minibatches - 1``.
    batch_size : int
        Examples in a minibatch.

    Returns
    -------
    (matrix of shape (batch_size, n_in), int32 vector of shape (batch_size,))

    Notes
    -----
    Source: Getting Started, "MNIST Dataset".
    """
    rows = slice(index * batch_size, (index + 1) * batch_size)
    x, y = data
    return x[rows], y[rows]


def n_minibatches(data: SharedSplit, batch_size: int, split: str) -> int:
    """Return how many whole minibatches a data set has.

    Parameters
    ----------
    data : (x, y)
        As :func:`shared_dataset` returns it.
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
        If there is not one whole minibatch, or `batch_size` is no positive integer.
    """
    require_integer("batch_size", batch_size, at_least=1)
    n_examples = count_examples(data)
    if batch_size > n_examples:
        raise OptionError(
            f"batch_size: got {batch_size}, expected at most {n_examples}, "
            f"the number of examples in the {split} set"
        )
    return n_examples // batch_size


def count_examples(data: SharedSplit) -> int:
    """Return how many examples a data set has, on the device or not."""
    if isinstance(data, ChunkedDataset):
        return data.n_examples
    return data[0].get_value(borrow=True).shape[0]


def floats_of(data: SharedSplit) -> tuple[Any, Any]:
    """Return the examples and labels of a data set as the floats that are computed with.

    Parameters
    ----------
    data : (x, y)

    Returns
    -------
    (rows, rows)
        Each an array, or :class:`~dltutorials.datasets.sources.FloatRows`.
    """
    if isinstance(data, ChunkedDataset):
        return data.x, data.y
    x, y = data
    return x.get_value(borrow=True), y.owner.inputs[0].get_value(borrow=True)  # y casts its input
