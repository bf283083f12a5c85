"""Minibatches: slices of shared variables by index.

A data set stays in shared variables, on the device where Theano computes
(:mod:`dltutorials.shared`). A minibatch is then a slice,
``x[index * batch_size:(index + 1) * batch_size]``, and its number ``index`` is all
that a training step needs.

>>> import numpy, theano, theano.tensor as T
>>> x = numpy.arange(6.0).reshape(3, 2)
>>> from dltutorials.shared import shared_dataset
>>> data = shared_dataset((x, numpy.array([0, 1, 1])))
>>> index = T.lscalar("index")
>>> slice_x, slice_y = minibatch(data, index, batch_size=1)
>>> for value in theano.function([index], [slice_x, slice_y])(2):
...     print(value.tolist())
[[4.0, 5.0]]
[1]

``n // batch_size`` minibatches are used: when the batch size does not divide
the number of examples, the remainder is left out, in evaluation too. The
tutorial's published numbers depend on it: with minibatches of 600, its errors are over 9,600 of
the 10,000 test images.

If a set is too large for the device, only a chunk of it is loaded at a time
(:mod:`dltutorials.chunks`); everything below accepts both kinds.
"""

from collections.abc import Sequence
from typing import Any

from dltutorials.backend import minibatch_rows
from dltutorials.checks import require_integer
from dltutorials.datasets import SPLITS
from dltutorials.datasets.labels import require_as_many
from dltutorials.exceptions import DataError, OptionError, within
from dltutorials.shared import SharedDataset
from dltutorials.types import Expression


def minibatch(
    data: SharedDataset, index: Expression, batch_size: int, n_rows: int | None = None
) -> tuple[Any, ...]:
    """Return the expressions of minibatch number `index` of a data set.

    Parameters
    ----------
    data : SharedDataset
        As returned by :func:`~dltutorials.shared.shared_dataset`; if it is chunked, `index` is
        the number within the chunk.
    index : integer scalar
        From 0 to ``n_minibatches - 1``.
    batch_size : int
        Examples in a minibatch.
    n_rows : int, optional
        Examples in this one, if it is the last one and smaller.

    Returns
    -------
    (matrix of shape (batch_size, n_in), int32 vector of shape (batch_size,))
        One slice of each column of the data set.

    Notes
    -----
    Source: Getting Started, "MNIST Dataset".
    """
    first, n_rows = index * batch_size, n_rows or batch_size
    if data.order is None:
        return tuple(minibatch_rows(column, first, n_rows) for column in data)
    rows = minibatch_rows(data.order, first, n_rows)
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
        If the set is smaller than a minibatch, or `batch_size` is not a positive integer, or
        differs from that of the set's chunks.
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


def as_shared_dataset(data: Any) -> SharedDataset:
    """Return `data` as a data set, wrapping shared variables of your own.

    Parameters
    ----------
    data : SharedDataset, (x, y) or (x,)
        Shared variables, or expressions over them.

    Raises
    ------
    DataError
        If it is anything else, such as arrays, or there is not one label per example.
    """
    if isinstance(data, SharedDataset):
        return data
    are_variables = isinstance(data, (tuple, list)) and all(hasattr(v, "owner") for v in data)
    if not are_variables or len(data) not in (1, 2):
        kinds = ", ".join(type(part).__name__ for part in data) if _is_pair(data) else ""
        got = f"({kinds})" if kinds else type(data).__name__
        raise DataError(
            f"got {got}, expected shared variables: shared_dataset((x, y)) makes them from "
            "arrays, load_data(...) from three sets at once"
        )
    shared = SharedDataset(data, data)
    for labels in shared.rows[1:]:
        require_as_many(len(labels), shared.n_examples)
    return shared


def as_shared_datasets(datasets: Sequence[Any]) -> list[SharedDataset]:
    """Return the training, validation and test sets, or as many of them as there are.

    Raises
    ------
    DataError
        If one is not a data set, or if they do not fit together.
    OptionError
        If there is none, or more than three.
    """
    if isinstance(datasets, SharedDataset):
        datasets = [datasets]
    if not 0 < len(datasets) <= len(SPLITS):
        raise OptionError(
            f"datasets: got {len(datasets)}, expected a training set, a validation set and a test "
            "set: load_data(...), or [shared_dataset(train), ...]"
        )
    shared: list[SharedDataset] = []
    for split, data in zip(SPLITS, datasets):
        with within(f"{split} set"):
            shared.append(as_shared_dataset(data))
            if shared[-1].n_in != shared[0].n_in:
                raise DataError(
                    f"x: got {shared[-1].n_in} numbers a row, the training set has {shared[0].n_in}"
                )
            if shared[-1].class_names != shared[0].class_names:
                raise DataError(
                    f"y: got the classes {shared[-1].class_names}, the training set has "
                    f"{shared[0].class_names}; give class_names to each shared_dataset"
                )
    return shared


def _is_pair(data: Any) -> bool:
    return isinstance(data, (tuple, list)) and 0 < len(data) <= 3
