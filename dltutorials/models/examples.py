"""Examples to predict, in whatever form they come, as rows of the numbers a model computes with.

>>> as_examples([[0, 1, 2], [3, 4, 5]], n_in=3, dtype="float32").values.dtype
dtype('float32')
>>> as_examples([0, 1, 2], n_in=3, dtype="float32").is_single
True
"""

import math
from typing import Any, NamedTuple

from dltutorials.exceptions import DataError

import numpy


class Rows(NamedTuple):
    """Examples, one a row, and whether it was a single one rather than a row of one."""

    values: numpy.ndarray
    is_single: bool


def as_examples(x: Any, n_in: int, dtype: str) -> Rows:
    """Convert examples to rows of `dtype`.

    Parameters
    ----------
    x : array-like ``(n_examples, n_in)``, or one example ``(n_in,)``
        What an example has after the first axis, height and width say, is made a row.
    n_in : int
    dtype : str

    Returns
    -------
    Rows

    Raises
    ------
    DataError
        If `x` is not of such a shape, or holds anything but finite numbers.
    """
    array = _as_numbers(x)
    is_single = math.prod(array.shape) == n_in and array.shape[1:] != (n_in,)
    if not is_single and (array.ndim < 2 or math.prod(array.shape[1:]) != n_in):
        what, shape = (
            ("one example", array.shape) if array.ndim < 2 else ("examples", array.shape[1:])
        )
        raise DataError(f"got {what} of shape {shape}, expected ({n_in},), the inputs of the model")
    with numpy.errstate(over="ignore"):
        rows = array.reshape(-1, n_in).astype(dtype)
    is_finite = numpy.isfinite(rows).all(axis=1)
    if not is_finite.all():
        raise DataError(
            f"x: example {int(is_finite.argmin())} has nan, inf or a number beyond {dtype}; "
            "give finite numbers"
        )
    return Rows(rows, is_single)


def _as_numbers(x: Any) -> numpy.ndarray:
    x = x.toarray() if hasattr(x, "toarray") else x
    try:
        array = numpy.asarray(x)
    except ValueError:
        raise DataError("x: got rows of different lengths, expected the same length") from None
    if array.dtype.kind not in "biuf":
        raise DataError(f"x: got {array.dtype} of type {type(x).__name__}, expected numbers")
    return array
