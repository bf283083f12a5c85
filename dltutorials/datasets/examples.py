"""Conversion of examples to rows of the model's type, and warnings about their scale.

:mod:`dltutorials.datasets.array_like` converts them to arrays. Numbers have the meaning defined in
:mod:`dltutorials.datasets.sources`: bytes are grey values and are divided by 256, all others are
used as they are.

>>> import numpy
>>> as_examples([0.5, 1, 2], n_in=3, dtype="float32")
Rows(values=array([[0.5, 1. , 2. ]], dtype=float32), is_single=True)
>>> as_examples(numpy.full((1, 2, 2), 128, "uint8"), n_in=4, dtype="float32").values.tolist()
[[0.5, 0.5, 0.5, 0.5]]
"""

import math
from typing import Any, NamedTuple

from dltutorials.datasets.array_like import as_array, describe
from dltutorials.datasets.sources import GREY_LEVELS, FloatRows, is_grey, require_finite
from dltutorials.exceptions import DataError, warn_of_data

import numpy

_DARK = 64  # if all bytes are below, they hardly are grey values
_BRIGHT = 128  # numbers from 0 to at least this, but not beyond 255, may well be


class Rows(NamedTuple):
    """Examples, one per row, and whether a single one was given instead of a matrix."""

    values: numpy.ndarray
    is_single: bool


def require_rows(x: Any) -> None:
    """Refuse an array that is not one example per row, or is empty.

    Raises
    ------
    DataError
    """
    if len(x.shape) < 2 or 0 in x.shape:
        advice = ""
        if len(x.shape) == 1 and x.shape[0]:
            advice = "; x.reshape(-1, 1) is one number per example, x.reshape(1, -1) one example"
        raise DataError(
            f"x: got {describe(x)}, expected one example a row, and at least one{advice}"
        )


def as_examples(x: Any, n_in: int, dtype: str) -> Rows:
    """Convert examples to rows of the numbers that a model computes with.

    Parameters
    ----------
    x : array-like ``(n_examples, n_in)``, or one example ``(n_in,)``
        Further axes of an example, for example height and width, are flattened.
    n_in : int
        Inputs of the model.
    dtype : {"float32", "float64"}

    Returns
    -------
    Rows

    Raises
    ------
    DataError
        If `x` has another shape, or holds anything but finite numbers.

    Warns
    -----
    DataWarning
        For the reasons in :func:`doubts_of_scale`.
    """
    array = as_array(x)
    is_single = math.prod(array.shape) == n_in and array.shape[1:] != (n_in,)
    if not is_single and (array.ndim < 2 or math.prod(array.shape[1:]) != n_in):
        many = array.ndim > 1
        raise DataError(
            f"got {'examples' if many else 'one example'} of shape {array.shape[many:]}, "
            f"expected ({n_in},), the inputs of the model"
        )
    rows = FloatRows(array.reshape(-1, n_in), dtype)
    values = rows.whole()
    if len(values):
        warn_of_scale(*require_finite(values, rows), is_grey(array))
    return Rows(values, is_single)


def doubts_of_scale(low: float, high: float, are_bytes: bool, what: str = "x") -> list[str]:
    """Return reasons to doubt that the rule interprets numbers correctly.

    Parameters
    ----------
    low, high : float
        The smallest and the largest number, as used in computation.
    are_bytes : bool
        Whether they were bytes, and have been divided by 256.
    what : str
        The name of the numbers, for the message.

    Returns
    -------
    list of str
        At most one line.
    """
    if are_bytes and 0 < high * GREY_LEVELS < _DARK:
        return [
            f"{what}: bytes (uint8) of at most {high * GREY_LEVELS:.0f} were divided by 256, as "
            "grey values are; if they are other numbers, give x.astype('float32')"
        ]
    if not are_bytes and may_be_grey(low, high):
        return [
            f"{what}: numbers from {low:g} to {high:g} are used as they are; if they are grey "
            "values, give x / 256, or x.astype('uint8'), which is divided by 256"
        ]
    return []


def warn_of_scale(low: float, high: float, are_bytes: bool) -> None:
    """Give a :class:`~dltutorials.exceptions.DataWarning` for each of these doubts."""
    for doubt in doubts_of_scale(low, high, are_bytes):
        warn_of_data(doubt)


def may_be_grey(low: float, high: float) -> bool:
    """Return whether numbers span the range of undivided grey values."""
    return low >= 0 and _BRIGHT <= high < GREY_LEVELS
