"""Data sets as shared variables.

A shared variable lives where Theano computes; copied there once, a whole data
set never moves again.

>>> import numpy
>>> data = shared_dataset((numpy.eye(3), numpy.array([0, 1, 1])))
>>> train_set_x, train_set_y = data
>>> train_set_x.get_value().shape, train_set_y.eval().tolist()
((3, 3), [0, 1, 1])
>>> data.n_examples, data.n_in
(3, 3)

What trains asks a data set for a minibatch by its number, and does not care
whether the whole of it is on the device or a chunk (:mod:`dltutorials.chunks`).
"""

from collections.abc import Iterator, Sequence
from typing import Any

from dltutorials.datasets import Split
from dltutorials.datasets.sources import FloatRows, ScaledBytes
from dltutorials.exceptions import OutOfMemoryError
from dltutorials.types import Expression, SharedVariable

import numpy
import theano
import theano.tensor as T


class SharedDataset:
    """Examples, and labels if there are any, in shared variables.

    It unpacks to its columns: ``train_set_x, train_set_y = shared_dataset(train_set)``.

    Parameters
    ----------
    stored : sequence of shared variables
        ``(x, y)`` or ``(x,)``, of ``floatX``: a GPU keeps only floats on the device.
    columns : sequence of Theano expressions, optional
        What a minibatch is a slice of; by default `x` itself, and `y` as int32.

    Attributes
    ----------
    columns : tuple of Theano expressions
    n_examples, n_in : int
        Rows, and numbers in a row: the tutorial's `D`.
    is_resident : bool
        Whether the whole set stays in the shared variables.
    batch_size : int or None
        The only one that the set can be used with; None where any will do.
    """

    is_resident = True
    batch_size: int | None = None

    def __init__(
        self, stored: Sequence[SharedVariable], columns: Sequence[Expression] | None = None
    ) -> None:
        self.stored = tuple(stored)
        if columns is None:
            columns = [stored[0], *(T.cast(y, "int32") for y in stored[1:])]
        self.columns = tuple(columns)
        n_examples, *rest = self.rows[0].shape
        self.n_examples: int = n_examples
        self.n_in = int(numpy.prod(rest))

    def __iter__(self) -> Iterator[Expression]:
        return iter(self.columns)

    def __getitem__(self, number: int) -> Expression:
        return self.columns[number]

    @property
    def rows(self) -> tuple[Any, ...]:
        """The whole columns as the floats that are computed with: arrays or FloatRows."""
        return tuple(
            shared.get_value(borrow=True) if hasattr(shared, "get_value") else shared.eval()
            for shared in self.stored
        )

    def load_chunk(self, index: int) -> int:
        """Have minibatch number `index` on the device; return where it is among those there."""
        return index

    def unload(self) -> None:
        """Give up memory that the next use of the set would fill anew; here there is none."""


def as_shared_dataset(data: Any) -> SharedDataset:
    """Return `data`, or the data set that shared variables of your own make.

    Parameters
    ----------
    data : SharedDataset, (x, y) or (x,)
        Shared variables, or expressions over them.
    """
    return data if isinstance(data, SharedDataset) else SharedDataset(data, data)


def shared_dataset(data_xy: Split, borrow: bool = True) -> SharedDataset:
    """Copy a data set into shared variables, so that it stays on the device.

    Parameters
    ----------
    data_xy : (array, array) or (array,)
        Examples, one a row, and their labels if there are any.
    borrow : bool
        Whether Theano may use the memory of an array that already has the type
        ``floatX``, instead of a copy; change such an array no more.

    Returns
    -------
    SharedDataset
        Unpacks to a shared matrix of ``floatX``, and an int32 expression over the labels,
        which are stored as ``floatX`` too: a GPU keeps only floats on the device.

    Raises
    ------
    OutOfMemoryError
        If there is not enough memory for them.

    Notes
    -----
    Source: Getting Started, "MNIST Dataset" (shared_dataset).
    """
    data_x, *labels = data_xy
    floatX = theano.config.floatX
    try:
        if isinstance(data_x, ScaledBytes):
            data_x = FloatRows(data_x, floatX).whole()
        # On a memory map, numbers may lie where a processor cannot read them well.
        aligned_x = numpy.require(numpy.asarray(data_x, dtype=floatX), requirements="A")
        arrays = [aligned_x, *(numpy.asarray(y, dtype=floatX) for y in labels)]
        return SharedDataset([theano.shared(array, borrow=borrow) for array in arrays])
    except Exception as error:
        # The GPU library has an exception of its own for this.
        if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
            raise _out_of_memory(data_x, floatX) from error
        raise


def _out_of_memory(x: Any, floatX: str) -> OutOfMemoryError:
    n_megabytes = numpy.prod(x.shape, dtype=float) * numpy.dtype(floatX).itemsize / 1e6
    return OutOfMemoryError(
        f"not enough memory: {len(x):,} examples take {n_megabytes:,.0f} MB as {floatX}; "
        "keep a chunk of them at a time (--chunk-size, or load_data(chunk_size=...))"
    )
