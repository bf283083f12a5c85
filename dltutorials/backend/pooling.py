"""Max pooling: the largest number of each window of a map.

>>> import theano, theano.tensor as T
>>> x = T.dtensor4("x")
>>> f = theano.function([x], max_pool_2d(x, (1, 2)))
>>> f([[[[1.0, 2.0, 5.0, 4.0, 9.0]]]]).tolist()
[[[[2.0, 5.0]]]]
"""

from typing import Any

from dltutorials.backend.image_operation import ImageOperation, read_header
from dltutorials.checks import require_integer
from dltutorials.types import Expression

import numpy


class _Windows(ImageOperation):
    __props__ = ("rows", "columns")
    _c_code = read_header(__file__)
    _uses_blas = False

    def __init__(self, rows: int, columns: int) -> None:
        self.rows, self.columns = rows, columns


class MaxPool2d(_Windows):
    """The largest number of each window of the maps `x`."""

    def _broadcastable(self, x: Any) -> tuple[bool, ...]:
        return (*x[:2], False, False)

    def compute(self, x: numpy.ndarray) -> numpy.ndarray:
        """Compute the output with NumPy."""
        height, width = x.shape[2] // self.rows, x.shape[3] // self.columns
        whole = x[:, :, : height * self.rows, : width * self.columns]
        windows = whole.reshape(*x.shape[:2], height, self.rows, width, self.columns)
        return windows.max(axis=(3, 5))

    def _gradients(self, x: Any, dz: Any) -> list[Any]:
        return [MaxPool2dGradient(self.rows, self.columns)(x, self(x), dz)]

    def _c_function(self, number: str) -> str:
        return f"max_pool<{number}, {self.rows}, {self.columns}>"


class MaxPool2dGradient(_Windows):
    """The gradient for the maps, from `x`, the largest numbers and their gradient."""

    def _broadcastable(self, x: Any, z: Any, dz: Any) -> tuple[bool, ...]:
        return x

    def compute(self, x: numpy.ndarray, z: numpy.ndarray, dz: numpy.ndarray) -> numpy.ndarray:
        """Compute the output with NumPy."""
        top, gradient = (a.repeat(self.rows, 2).repeat(self.columns, 3) for a in (z, dz))
        whole = numpy.s_[:, :, : top.shape[2], : top.shape[3]]
        dx = numpy.zeros_like(x)
        dx[whole] = numpy.where(x[whole] == top, gradient, 0)
        return dx

    def _gradients(self, x: Any, z: Any, dz: Any, ddx: Any) -> list[Any]:
        raise NotImplementedError("max_pool_2d has no second derivatives")

    def _c_function(self, number: str) -> str:
        return f"max_pool_gradient<{number}, {self.rows}, {self.columns}>"


def max_pool_2d(x: Expression, ws: tuple[int, int]) -> Expression:
    """Return ``pool_2d(x, ws, ignore_border=True)``: the largest number of each window.

    Parameters
    ----------
    x : float tensor, ``(n_images, n_maps, height, width)``
    ws : (int, int)
        Rows and columns of a window. Those left over at the borders are ignored.

    Returns
    -------
    float tensor, ``(n_images, n_maps, height // ws[0], width // ws[1])``
        Its gradient goes to every number that ties for the largest of a window.

    Raises
    ------
    OptionError
        If `ws` is not two positive integers.
    TypeError
        If `x` is not a float tensor of 4 dimensions.

    Notes
    -----
    Source: Convolutional Neural Networks (LeNet), "MaxPooling".
    """
    rows, columns = ws
    require_integer("ws", rows, at_least=1)
    require_integer("ws", columns, at_least=1)
    return MaxPool2d(rows, columns)(x)
