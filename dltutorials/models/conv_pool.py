r"""A convolutional layer with max pooling, and the images that it works on.

A convolutional layer applies each filter at every position of an image, so that the same few
weights look for the same feature everywhere; pooling then keeps the strongest response in each
small window:

.. math:: h^k = \tanh\bigl(\mathrm{pool}(W^k * x) + b_k\bigr).

>>> import numpy, theano.tensor as T
>>> x = T.tensor4("x")
>>> rng = numpy.random.RandomState(1234)
>>> layer = LeNetConvPoolLayer(rng, x, filter_shape=(20, 1, 5, 5), image_shape=(1, 28, 28))
>>> layer.W.get_value().shape, layer.output_shape
((20, 1, 5, 5), (20, 12, 12))
"""

import math
from collections.abc import Sequence
from typing import Any

from dltutorials.backend import conv2d, max_pool_2d
from dltutorials.checks import require_integer
from dltutorials.exceptions import OptionError, warn_of_data
from dltutorials.types import Expression

import numpy
import theano
import theano.tensor as T

_N_COLOURS = 3


class LeNetConvPoolLayer:
    """A convolution with filters, max pooling, a bias, and tanh.

    Parameters
    ----------
    rng : numpy.random.RandomState
        Draws the initial weights.
    input : float tensor, ``(n_images, n_maps, height, width)``
    filter_shape : 4 int
        ``(n_filters, n_maps, n_rows, n_columns)``.
    image_shape : 3 int
        ``(n_maps, height, width)``.
    poolsize : (int, int)
        Rows and columns of a pooling window.

    Attributes
    ----------
    W : shared tensor, of shape `filter_shape`, and b : shared vector, ``(n_filters,)``
        The parameters, of type ``floatX``.
    params : list
        ``[W, b]``.
    output : float tensor, ``(n_images, *output_shape)``
        From -1 to 1.
    output_shape : 3 int
        ``(n_filters, height, width)`` of the pooled maps.

    Raises
    ------
    OptionError
        If a size is not a positive integer, or the images are too small for the filters
        and the pooling window.

    Warns
    -----
    DataWarning
        If pooling leaves out the last row or column of the maps.

    Notes
    -----
    Source: Convolutional Neural Networks (LeNet), "Putting it All Together".
    Differs: `image_shape` omits the number of images, so that one model accepts minibatches of
    any size.
    """

    def __init__(
        self,
        rng: numpy.random.RandomState,
        input: Expression,
        filter_shape: Sequence[int],
        image_shape: Sequence[int],
        poolsize: Sequence[int] = (2, 2),
    ) -> None:
        self.output_shape = _output_shape(filter_shape, image_shape, poolsize)
        fan_in = math.prod(filter_shape[1:])
        fan_out = filter_shape[0] * math.prod(filter_shape[2:]) // math.prod(poolsize)
        bound = math.sqrt(6.0 / (fan_in + fan_out))
        floatX = theano.config.floatX
        W_values = rng.uniform(low=-bound, high=bound, size=tuple(filter_shape)).astype(floatX)
        self.W = theano.shared(W_values, name="W_conv", borrow=True)
        self.b = theano.shared(numpy.zeros(filter_shape[0], floatX), name="b_conv", borrow=True)
        self.params = [self.W, self.b]
        pooled = max_pool_2d(conv2d(input, self.W), (poolsize[0], poolsize[1]))
        self.output = T.tanh(pooled + self.b.dimshuffle("x", 0, "x", "x"))


def _output_shape(
    filter_shape: Sequence[int], image_shape: Sequence[int], poolsize: Sequence[int]
) -> tuple[int, int, int]:
    """Return the shape of the pooled maps of an image; refuse sizes that leave none."""
    for name, sizes in (("filter_shape", filter_shape), ("image_shape", image_shape)):
        for size in sizes:
            require_integer(name, size, at_least=1)
    whole = [n - filter_n + 1 for n, filter_n in zip(image_shape[1:], filter_shape[2:])]
    if any(n < pool for n, pool in zip(whole, poolsize)):
        least = _times(n + pool - 1 for n, pool in zip(filter_shape[2:], poolsize))
        raise OptionError(
            f"image_shape: got {_times(image_shape[1:])} for filters of "
            f"{_times(filter_shape[2:])} and pooling {_times(poolsize)}, expected at least {least}"
        )
    n_cut = [n % pool for n, pool in zip(whole, poolsize)]
    if any(n_cut):
        what = " and ".join(f"{n} {name}" for n, name in zip(n_cut, ("row", "column")) if n)
        warn_of_data(
            f"pooling {_times(poolsize)} leaves out the last {what} of maps of {_times(whole)}"
        )
    height, width = (n // pool for n, pool in zip(whole, poolsize))
    return filter_shape[0], height, width


def _times(sizes: Any) -> str:
    return " x ".join(map(str, sizes))


def find_image_shape(n_in: int, image_shape: Sequence[int] | None = None) -> tuple[int, int, int]:
    """Return height, width and channels of images with this many values.

    Parameters
    ----------
    n_in : int
        The number of values in an image.
    image_shape : sequence of int, optional
        Height and width, and the channels if there is more than one; by default images are
        square and have one channel or three.

    Raises
    ------
    OptionError
        If no image has that many pixels.

    Examples
    --------
    >>> find_image_shape(784), find_image_shape(3072), find_image_shape(6, (3, 2))
    ((28, 28, 1), (32, 32, 3), (3, 2, 1))
    """
    if image_shape is None:
        for n_channels in (1, _N_COLOURS):
            side = math.isqrt(n_in // n_channels)
            if side * side * n_channels == n_in > 0:
                return side, side, n_channels
        raise OptionError(
            f"image_shape: got {n_in} numbers an example, which are not a square image; give "
            "height and width (--image-shape HEIGHT WIDTH, and the channels if not 1)"
        )
    shape = require_image_shape(image_shape)
    if math.prod(shape) != n_in:
        raise OptionError(
            f"image_shape: got {_times(image_shape)} = {math.prod(shape)}, expected {n_in}, the "
            "numbers of an example"
        )
    return shape


def require_image_shape(image_shape: Any) -> tuple[int, int, int]:
    """Return height, width and channels, or raise an OptionError."""
    if not isinstance(image_shape, (list, tuple)) or len(image_shape) not in (2, 3):
        raise OptionError(
            f"image_shape: got {image_shape!r:.80}, expected height and width, and the number of "
            "channels if not 1"
        )
    for size in image_shape:
        require_integer("image_shape", size, at_least=1)
    height, width, n_channels = (*image_shape, 1)[:3]
    return height, width, n_channels
