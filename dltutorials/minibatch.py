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
"""

from typing import Any, List, Tuple

from dltutorials.errors import OptionError
from dltutorials.mnist import FILE_NAME, PathLike, Split, load_mnist
from dltutorials.options import require_integer

import numpy
import theano
import theano.tensor as T

SharedSplit = Tuple[Any, Any]


def shared_dataset(data_xy: Split, borrow: bool = True) -> SharedSplit:
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

    Notes
    -----
    Source: Getting Started, "MNIST Dataset" (shared_dataset).
    """
    data_x, data_y = data_xy
    floatX = theano.config.floatX
    shared_x = theano.shared(numpy.asarray(data_x, dtype=floatX), borrow=borrow)
    shared_y = theano.shared(numpy.asarray(data_y, dtype=floatX), borrow=borrow)
    return shared_x, T.cast(shared_y, "int32")


def load_data(dataset: PathLike = FILE_NAME) -> List[SharedSplit]:
    """Load a data set into six shared variables.

    Parameters
    ----------
    dataset : path
        See :func:`dltutorials.mnist.load_mnist`.

    Returns
    -------
    [(train_set_x, train_set_y), (valid_set_x, valid_set_y), (test_set_x, test_set_y)]

    Raises
    ------
    DataError
        If the data set is missing or wrong.

    Notes
    -----
    Source: Getting Started, "MNIST Dataset".
    """
    return [shared_dataset(data_xy) for data_xy in load_mnist(dataset)]


def minibatch(data: SharedSplit, index: Any, batch_size: int) -> Tuple[Any, Any]:
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
    n_examples = data[0].get_value(borrow=True).shape[0]
    if batch_size > n_examples:
        raise OptionError(
            f"batch_size: got {batch_size}, expected at most {n_examples}, "
            f"the number of examples in the {split} set"
        )
    return n_examples // batch_size
