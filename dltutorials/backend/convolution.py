"""The convolution of images with filters, and its gradients, as matrix products.

Both backends compute them with :class:`~dltutorials.backend.image_operation.ImageOperation`.

>>> import numpy, theano, theano.tensor as T
>>> x, W = T.dtensor4("x"), T.dtensor4("W")
>>> f = theano.function([x, W], conv2d(x, W))
>>> f([[[[1.0, 2.0, 4.0]]]], [[[[10.0, 1.0]]]]).tolist()
[[[[21.0, 42.0]]]]
"""

from typing import Any

from dltutorials.backend.image_operation import ImageOperation, read_header
from dltutorials.types import Expression

import numpy
from numpy.lib.stride_tricks import sliding_window_view


class _Convolution(ImageOperation):
    _c_code = read_header(__file__)


class Conv2d(_Convolution):
    """The convolution of a batch of images `x` with filters `W`."""

    def _broadcastable(self, x: Any, W: Any) -> tuple[bool, ...]:
        return (x[0], W[0], False, False)

    def compute(self, x: numpy.ndarray, W: numpy.ndarray) -> numpy.ndarray:
        """Compute the output with NumPy."""
        patches = _patches(x, W.shape[2:])
        return numpy.moveaxis(numpy.tensordot(patches, _turned(W), ([1, 4, 5], [1, 2, 3])), 3, 1)

    def _gradients(self, x: Any, W: Any, dz: Any) -> list[Any]:
        return [Conv2dInputGradient()(W, dz), Conv2dWeightGradient()(x, dz)]

    def _c_function(self, number: str) -> str:
        return f"convolution<{number}, dltutorials::OUTPUT>"


class Conv2dWeightGradient(_Convolution):
    """The gradient for the filters, from `x` and the gradient of the output."""

    def _broadcastable(self, x: Any, dz: Any) -> tuple[bool, ...]:
        return (dz[1], x[1], False, False)

    def compute(self, x: numpy.ndarray, dz: numpy.ndarray) -> numpy.ndarray:
        """Compute the output with NumPy."""
        patches = _patches(x, dz.shape[2:])
        return _turned(numpy.tensordot(dz, patches, ([0, 2, 3], [0, 4, 5])))

    def _gradients(self, x: Any, dz: Any, ddW: Any) -> list[Any]:
        return [Conv2dInputGradient()(ddW, dz), Conv2d()(x, ddW)]

    def _c_function(self, number: str) -> str:
        return f"convolution<{number}, dltutorials::WEIGHTS>"


class Conv2dInputGradient(_Convolution):
    """The gradient for the images, from `W` and the gradient of the output."""

    def _broadcastable(self, W: Any, dz: Any) -> tuple[bool, ...]:
        return (dz[0], W[1], False, False)

    def compute(self, W: numpy.ndarray, dz: numpy.ndarray) -> numpy.ndarray:
        """Compute the output with NumPy."""
        borders = [(n - 1, n - 1) for n in W.shape[2:]]
        patches = _patches(numpy.pad(dz, [(0, 0), (0, 0), *borders]), W.shape[2:])
        return numpy.moveaxis(numpy.tensordot(patches, W, ([1, 4, 5], [0, 2, 3])), 3, 1)

    def _gradients(self, W: Any, dz: Any, ddx: Any) -> list[Any]:
        return [Conv2dWeightGradient()(ddx, dz), Conv2d()(ddx, W)]

    def _c_function(self, number: str) -> str:
        return f"convolution<{number}, dltutorials::INPUT>"


def _patches(images: Any, size: Any) -> Any:
    """Return a view with two more axes, the rows and columns of each filter's patch."""
    return sliding_window_view(images, size, axis=(2, 3))  # type: ignore[call-overload]


def _turned(W: numpy.ndarray) -> numpy.ndarray:
    return W[:, :, ::-1, ::-1]


def conv2d(x: Expression, W: Expression) -> Expression:
    """Return ``T.nnet.conv2d(x, W)``: each image convolved with each filter.

    Parameters
    ----------
    x : float tensor, ``(n_images, n_channels, height, width)``
    W : float tensor, ``(n_filters, n_channels, n_rows, n_columns)``

    Returns
    -------
    float tensor, ``(n_images, n_filters, height - n_rows + 1, width - n_columns + 1)``
        Only where the filter lies inside the image. Filters are turned by 180 degrees, as the
        mathematical convolution is defined; channels are summed.

    Raises
    ------
    TypeError
        If they are not 4-dimensional tensors of the same float type.

    Notes
    -----
    Source: Convolutional Neural Networks (LeNet), "The ConvOp".
    """
    return Conv2d()(x, W)
