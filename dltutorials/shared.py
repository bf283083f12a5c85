"""Data sets as shared variables.

A shared variable lives on the device where Theano computes: a data set is copied there once and
never moves again.

>>> import numpy
>>> data = shared_dataset((numpy.eye(3), ["cat", "dog", "dog"]))
>>> train_set_x, train_set_y = data
>>> train_set_x.get_value().shape, train_set_y.eval().tolist()
((3, 3), [0, 1, 1])
>>> data.n_examples, data.n_in, data.class_names
(3, 3, ('cat', 'dog'))

Training asks a data set for minibatches by number, whether all of it is on the device or only a
chunk (:mod:`dltutorials.chunks`).
"""

from collections.abc import Iterator, Sequence
from typing import Any

from dltutorials.datasets.examples import warn_of_scale
from dltutorials.datasets.one_set import AS_GIVEN, GREY, check_set, scale_of
from dltutorials.datasets.shuffling import Shuffle, as_shuffle
from dltutorials.datasets.sources import FloatRows, require_finite
from dltutorials.exceptions import OutOfMemoryError
from dltutorials.types import Expression, SharedVariable, Split

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
        What minibatches are slices of; by default `x`, and `y` as int32, or unchanged for a
        regression.
    targets, class_names, shuffle
        As for :func:`shared_dataset`.
    scale : str
        How the numbers of `x` were scaled.

    Attributes
    ----------
    columns : tuple of Theano expressions
    n_examples, n_in : int
        Rows, and numbers in a row: the tutorial's `D`.
    is_resident : bool
        Whether the whole set stays in the shared variables.
    batch_size : int or None
        The only batch size that the set can be used with; None if any will do.
    order : shared vector of int64, or None
        The numbers of all rows in the order of the epoch, if they are shuffled.
    class_names, scale, targets, shuffle
        As given.
    is_examined, is_scale_examined : bool
        Whether the set has been checked for problems that keep a model from learning
        (:func:`dltutorials.loading.examine`), and whether its scale has been.
    """

    is_resident = True
    batch_size: int | None = None
    order: SharedVariable | None = None
    is_examined = False
    is_scale_examined = False

    def __init__(
        self,
        stored: Sequence[SharedVariable],
        columns: Sequence[Expression] | None = None,
        *,
        targets: str = "labels",
        class_names: Sequence[str] | None = None,
        scale: str = AS_GIVEN,
        shuffle: Shuffle | None = None,
    ) -> None:
        self.stored = tuple(stored)
        if columns is None:
            x, *labels = stored
            columns = [x, *(y if targets == "regression" else T.cast(y, "int32") for y in labels)]
        self.columns = tuple(columns)
        n_examples, *rest = self.rows[0].shape
        self.n_examples: int = n_examples
        self.n_in = int(numpy.prod(rest))
        self.targets, self.scale, self.shuffle = targets, scale, shuffle
        self.class_names = None if class_names is None else tuple(class_names)
        if shuffle is not None and self.is_resident:
            self.order = theano.shared(shuffle.order(0, n_examples), name="order")

    def __iter__(self) -> Iterator[Expression]:
        return iter(self.columns)

    def __getitem__(self, number: int) -> Expression:
        return self.columns[number]

    @property
    def rows(self) -> tuple[Any, ...]:
        """The whole columns as the floats used in computation: arrays or FloatRows."""
        return tuple(
            shared.get_value(borrow=True)
            if hasattr(shared, "get_value")
            else numpy.asarray(shared.eval())
            for shared in self.stored
        )

    def load_chunk(self, index: int) -> int:
        """Load minibatch number `index` onto the device; return its number among those loaded."""
        return index

    def unload(self) -> None:
        """Free memory that the next use of the set would refill; here there is none."""

    def begin_epoch(self, epoch: int) -> None:
        """Set the row order for an epoch, counted from 0, if the rows are shuffled."""
        if self.shuffle is not None and self.order is not None:
            self.order.set_value(self.shuffle.order(epoch, self.n_examples), borrow=True)


def shared_dataset(
    data_xy: Split,
    borrow: bool = True,
    *,
    targets: str = "labels",
    class_names: Sequence[str] | None = None,
    shuffle: Shuffle | int | None = None,
) -> SharedDataset:
    """Copy a data set into shared variables, so that it stays on the device.

    Parameters
    ----------
    data_xy : (x, y), (x,) or x
        Examples, one per row, and their labels if any: arrays, lists or tables. Bytes (uint8)
        are grey values and are divided by 256.
    borrow : bool
        Whether Theano may use the memory of an array that already has the type
        ``floatX``, instead of a copy; do not change such an array afterwards.
    targets : {"labels", "regression"}
        What `y` contains: labels (integers from 0, or class names), or the numbers that a
        regression predicts.
    class_names : sequence of str, optional
        The name of each label; by default the labels themselves, if they are names.
    shuffle : int, or Shuffle, optional
        The seed for shuffling the rows anew in every epoch; ``Shuffle(seed, once=True)`` of
        :mod:`dltutorials.datasets.shuffling` shuffles only once, for all epochs.

    Returns
    -------
    SharedDataset
        Unpacks to a shared matrix of ``floatX``, and an int32 expression over the labels,
        which are stored as ``floatX`` too: a GPU keeps only floats on the device.

    Raises
    ------
    DataError
        If the examples are not finite numbers, or `y` does not have one value of the kind
        `targets` per example.
    OutOfMemoryError
        If there is not enough memory for them.

    Notes
    -----
    Source: Getting Started, "MNIST Dataset" (shared_dataset).
    Differs: the chapter does not check its input; there, a label of 0.7 becomes 0.
    """
    columns, names = check_set(data_xy, targets, class_names)
    data = share(columns, borrow, targets, names, as_shuffle(shuffle))
    values = data.rows[0]
    warn_of_scale(float(values.min()), float(values.max()), data.scale == GREY)
    data.is_scale_examined = True
    return data


def share(
    columns: Split,
    borrow: bool = True,
    targets: str = "labels",
    class_names: Sequence[str] | None = None,
    shuffle: Shuffle | None = None,
) -> SharedDataset:
    """Copy a data set that has already been checked; see :func:`shared_dataset`."""
    floatX = theano.config.floatX
    x, *labels = [FloatRows(column, floatX, are_labels=n > 0) for n, column in enumerate(columns)]
    try:
        values = [x.whole(), *(y.whole().reshape(y.source.shape) for y in labels)]
        for name, value, rows in zip("xy", values, (x, *labels)):
            require_finite(value, rows, name=name)
        stored = [
            theano.shared(value, borrow=borrow or not rows.is_direct)
            for value, rows in zip(values, (x, *labels))
        ]
    except Exception as error:
        # The GPU library raises its own exception for this.
        if isinstance(error, MemoryError) or "out of memory" in str(error).lower():
            raise _out_of_memory(x) from error
        raise
    return SharedDataset(
        stored,
        targets=targets,
        class_names=class_names,
        scale=scale_of(columns[0]),
        shuffle=shuffle,
    )


def _out_of_memory(rows: FloatRows) -> OutOfMemoryError:
    n_megabytes = numpy.prod(rows.shape, dtype=float) * rows.dtype.itemsize / 1e6
    return OutOfMemoryError(
        f"not enough memory: {len(rows):,} examples take {n_megabytes:,.0f} MB as {rows.dtype}; "
        "keep a chunk of them at a time (--chunk-size, or load_data(chunk_size=...))"
    )
