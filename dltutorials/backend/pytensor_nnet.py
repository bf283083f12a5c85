"""``theano.tensor.nnet`` on PyTensor, which has no module of that name.

The functions that the tutorial's models need, built from PyTensor's, in a form in which PyTensor
recognizes the stable logarithm of a softmax.

>>> import theano.tensor as T
>>> relu(T.constant([-1.0, 2.0])).eval().tolist()
[0.0, 2.0]
"""

import importlib
from typing import Any

from dltutorials.backend import convolution
from dltutorials.backend.labels import checked_labels
from dltutorials.types import Expression

import theano.tensor as T


def sigmoid(x: Expression) -> Expression:
    """Return 1 / (1 + exp(-x))."""
    return T.sigmoid(x)


def softplus(x: Expression) -> Expression:
    """Return log(1 + exp(x))."""
    return T.softplus(x)


def softmax(x: Expression) -> Expression:
    """Return exp(x) divided by its sum in each row; a vector is one row, as in Theano."""
    x = T.as_tensor_variable(x)
    special = importlib.import_module("pytensor.tensor.special")
    return special.softmax(x.dimshuffle("x", 0) if x.ndim == 1 else x, axis=-1)


def relu(x: Expression, alpha: float = 0) -> Expression:
    """Return x where it is positive, else `alpha` times x."""
    if alpha == 0:
        return 0.5 * (x + abs(x))
    return 0.5 * (1 + alpha) * x + 0.5 * (1 - alpha) * abs(x)


def categorical_crossentropy(coding_dist: Expression, true_dist: Expression) -> Expression:
    """Return the cross-entropy of each row with its label, or with its distribution."""
    if true_dist.ndim == coding_dist.ndim:
        return -T.sum(true_dist * T.log(coding_dist), axis=-1)
    y = checked_labels(true_dist, *coding_dist.shape)
    return -T.log(coding_dist)[T.arange(y.shape[0]), y]


def binary_crossentropy(output: Expression, target: Expression) -> Expression:
    """Return the cross-entropy of each number between 0 and 1 with its target."""
    return -(target * T.log(output) + (1 - target) * T.log(1 - output))


def conv2d(
    input: Expression,
    filters: Expression,
    input_shape: Any = None,
    filter_shape: Any = None,
    border_mode: str = "valid",
    subsample: tuple[int, int] = (1, 1),
    filter_flip: bool = True,
    image_shape: Any = None,
) -> Expression:
    """Return images convolved with filters, see :func:`dltutorials.backend.conv2d`.

    Shapes may be given but are not needed; all other arguments must keep their defaults.
    """
    if (border_mode, tuple(subsample), filter_flip) != ("valid", (1, 1), True):
        raise NotImplementedError(
            f"conv2d: got border_mode={border_mode}, subsample={subsample}, "
            f"filter_flip={filter_flip}; expected the defaults: Theano alone has the rest"
        )
    return convolution.conv2d(input, filters)
