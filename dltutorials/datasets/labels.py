"""Labels in any form, converted to integers from 0.

Integers, booleans and whole floats are class numbers; strings are class names, which are numbered
in alphabetical order. Everything else raises an error that says how to convert it.

>>> as_labels([0, 2, 1], n_examples=3).tolist()
[0, 2, 1]
>>> names = names_of(as_labels(["dog", "cat", "dog"], n_examples=3))
>>> names, number_names(as_labels(["cat", "dog"], 2), names).tolist()
(('cat', 'dog'), [0, 1])
"""

from typing import Any

from dltutorials.datasets.array_like import as_array, describe, to_array
from dltutorials.exceptions import DataError

import numpy

_MOST = 1 << 24  # float32 holds all integers up to here
_REGRESSION = 'for regression, targets="regression"'


def as_labels(y: Any, n_examples: int) -> numpy.ndarray:
    """Return labels as integers from 0 on, or unchanged if they are strings.

    Parameters
    ----------
    y : array-like ``(n_examples,)``
    n_examples : int

    Returns
    -------
    array ``(n_examples,)``
        Of integers, or of strings.

    Raises
    ------
    DataError
        If there are not as many labels as examples, or they are anything else.
    """
    labels = to_array(y, "y")
    if labels.dtype.kind in "US" and isinstance(y, (list, tuple)):
        labels = numpy.array(y, object)  # NumPy turns missing values into a string: "nan"
    labels = _plain(labels)
    _require_one_each(labels, n_examples)
    if labels.dtype.kind == "S":
        labels = numpy.char.decode(labels, "utf-8", "replace")
    if labels.dtype.kind == "U":
        return labels
    if labels.dtype.kind == "b":
        return labels.astype("uint8")
    if labels.dtype.kind == "f":
        labels = _whole_numbers(labels)
    if labels.dtype.kind not in "iu":
        raise DataError(f"y: got {describe(labels)}, expected integers, or names of classes")
    _require_range(labels)
    return labels


def as_targets(y: Any, n_examples: int) -> numpy.ndarray:
    """Return the targets of a regression as an array of numbers.

    Parameters
    ----------
    y : array-like ``(n_examples,)`` or ``(n_examples, n_targets)``
    n_examples : int

    Raises
    ------
    DataError
        If there are not as many targets as examples, or they are not numbers.
    """
    targets = as_array(y, "y")
    if targets.ndim not in (1, 2) or 0 in targets.shape:
        raise DataError(f"y: got {describe(targets)}, expected one target, or a row of them, each")
    require_as_many(len(targets), n_examples, "target")
    return targets


def names_of(labels: numpy.ndarray) -> tuple[str, ...] | None:
    """Return the distinct names in alphabetical order, or None if labels are numbers."""
    return tuple(map(str, numpy.unique(labels))) if labels.dtype.kind == "U" else None


def number_names(labels: numpy.ndarray, names: tuple[str, ...]) -> numpy.ndarray:
    """Return the number of each label's name.

    Raises
    ------
    DataError
        If a label is not among the names.
    """
    sorter = numpy.argsort(names)
    places = numpy.searchsorted(names, labels, sorter=sorter)
    numbers = sorter[numpy.minimum(places, len(names) - 1)]
    is_unknown = numpy.asarray(names)[numbers] != labels
    if is_unknown.any():
        unknown = str(labels[is_unknown][0])
        raise DataError(
            f"y: got the class {unknown!r}, which the training set lacks; it has "
            f"{', '.join(names[:10])}{', ...' if len(names) > 10 else ''}"
        )
    return numbers


def count_classes(y: numpy.ndarray) -> int:
    """Return the number of classes; a gap in the labels is refused as a likely mistake.

    Raises
    ------
    DataError
        If a number below the highest is missing.
    """
    present = numpy.unique(y)
    highest = int(present[-1])
    if len(present) != highest + 1:
        absent = int(numpy.flatnonzero(present != numpy.arange(len(present)))[0])
        raise DataError(
            f"y: got labels from {present[0]} to {highest}, but no example of label {absent}; "
            "number the classes from 0 without gaps: classes, y = numpy.unique(y, "
            "return_inverse=True)"
        )
    return highest + 1


def require_labels(y: numpy.ndarray, start: int = 0) -> None:
    """Refuse labels, stored as floats, that cannot be class numbers.

    Parameters
    ----------
    y : float array
    start : int
        The index of the first of them in the whole set.

    Raises
    ------
    DataError
    """
    _require_range(_whole_numbers(y, start))


def _plain(labels: numpy.ndarray) -> numpy.ndarray:
    """Return an array of Python objects as an array of strings or of numbers."""
    if labels.dtype.kind != "O":
        return labels
    values = labels.ravel().tolist()
    for number, value in enumerate(values):
        if not _is_equal(value, value):  # None, nan, or a missing value of pandas
            raise DataError(
                f"y: got {value} in example {number}, expected labels; "
                "remove the examples without a label"
            )
    for kinds in (str, bytes, (bool, int, float, numpy.number, numpy.bool_)):
        if all(isinstance(value, kinds) for value in values):
            return numpy.array(values).reshape(labels.shape)
    types = sorted({type(value).__name__ for value in values})
    raise DataError(
        f"y: got {' and '.join(types[:3])}, expected integers, or names of classes as text"
    )


def _require_one_each(y: numpy.ndarray, n_examples: int) -> None:
    advice = ""
    if y.ndim == 2 and y.shape[1] == 1:
        advice = "; y.ravel() flattens it"
    elif y.ndim == 2 and y.dtype.kind in "biuf" and _is_one_hot(y):
        advice = "; y.argmax(axis=1) makes labels of one-hot rows"
    if y.ndim != 1:
        raise DataError(f"y: got {describe(y)}, expected an integer array of shape (n,){advice}")
    require_as_many(len(y), n_examples, "label")


def _is_equal(value: Any, other: Any) -> bool:
    """Return whether values are equal; False if they cannot be compared."""
    try:
        return value is not None and bool(value == other)
    except TypeError:  # pandas.NA
        return False


def _is_one_hot(y: numpy.ndarray) -> bool:
    return bool(((y == 0) | (y == 1)).all() and (y.sum(axis=1) == 1).all())


def require_as_many(n: int, n_examples: int, what: str = "label") -> None:
    """Refuse labels and examples that differ in number.

    Raises
    ------
    DataError
    """
    if n != n_examples:
        raise DataError(
            f"got {n_examples} examples and {n} {what}s, expected one {what} an example"
        )


def _whole_numbers(y: numpy.ndarray, start: int = 0) -> numpy.ndarray:
    """Return floats that are whole numbers as integers."""
    is_whole = numpy.isfinite(y) & (y == numpy.floor(y))
    if not is_whole.all():
        number = int(is_whole.argmin())
        advice = _REGRESSION if numpy.isfinite(y[number]) else "remove the examples without a label"
        raise DataError(
            f"y: got {y[number]:g} in example {start + number}, expected labels: integers "
            f"from 0 on; {advice}"
        )
    if (numpy.abs(y) > _MOST).any():
        raise DataError(
            f"y: got labels up to {numpy.abs(y).max():g}, expected integers from 0 on, "
            f"fewer than {_MOST:,}; {_REGRESSION}"
        )
    return y.astype("int64")


def _require_range(y: numpy.ndarray) -> None:
    if not len(y):
        return
    low, high = y.min(), y.max()
    if low < 0:
        is_signs = low == -1 and numpy.isin(y, (-1, 1)).all()
        advice = "; (y > 0).astype(int) converts them to 0 and 1" if is_signs else ""
        raise DataError(f"y: got labels from {low} to {high}, expected integers from 0 on{advice}")
    if high >= _MOST:
        raise DataError(
            f"y: got labels up to {high:,}, expected fewer than {_MOST:,} classes; number them "
            "from 0 without gaps: classes, y = numpy.unique(y, return_inverse=True)"
        )
