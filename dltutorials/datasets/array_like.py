"""Conversion of anything array-like to an array of numbers, or an error that says how.

Arrays, lists, tables, sparse matrices and tensors are accepted; anything that can only be read in
slices, such as a data set of an HDF5 file, is left where it is.

>>> as_source([[0, 1, 2], [3, 4, 5]]).shape
(2, 3)
>>> as_array(["0.5", "1"])  # doctest: +ELLIPSIS
Traceback (most recent call last):
dltutorials.exceptions.DataError: x: got text, '0.5', expected numbers; x.astype(float) reads ...
"""

import numbers
import warnings
from typing import Any

from dltutorials.exceptions import DataError

import numpy

_NUMBERS = "biuf"  # NumPy's kinds of numeric types
_MAX_NUMBERS = 1 << 27  # in nested lists: 1 GiB of float64


def as_source(x: Any, name: str = "x") -> Any:
    """Return examples, or numeric targets, as something that can be read in rows.

    Parameters
    ----------
    x : array-like, or anything with a shape and a length that gives arrays when sliced
        An array, a list, a DataFrame, a sparse matrix, a tensor; a memory map or a data
        set of an HDF5 file is left where it is.
    name : str
        The name of `x` in messages.

    Returns
    -------
    array, or `x` itself

    Raises
    ------
    DataError
        If it holds anything but numbers.
    """
    is_sliced = all(hasattr(x, method) for method in ("shape", "__getitem__", "__len__"))
    is_table = hasattr(x, "columns") or hasattr(x, "iloc") or hasattr(x, "toarray")
    if is_sliced and not is_table and not isinstance(x, numpy.ndarray):
        kind = getattr(getattr(x, "dtype", None), "kind", "f")
        return x if kind in _NUMBERS and not hasattr(x, "__array__") else as_array(x, name)
    return as_array(x, name)


def as_array(x: Any, name: str = "x") -> numpy.ndarray:
    """Return anything array-like as an array of numbers; see :func:`as_source`."""
    array = to_array(x, name)
    if array.dtype.kind == "O":
        array = _numbers_of_objects(array)
    if array.dtype.kind not in _NUMBERS:
        raise DataError(f"{name}: {_explain_type(x, array)}")
    return array


def to_array(x: Any, name: str) -> numpy.ndarray:
    """Return anything array-like as an array, whatever it holds."""
    if hasattr(x, "toarray"):  # a sparse matrix
        x = x.toarray()
    if hasattr(x, "get_value") or hasattr(x, "owner"):
        raise DataError(
            f"{name}: got a Theano variable, expected an array; shared variables of your own go "
            "into compile_task as they are, in a pair (x, y)"
        )
    if isinstance(x, numpy.ma.MaskedArray):
        if numpy.ma.is_masked(x):
            raise DataError(
                f"{name}: got a masked array with masked values, expected numbers everywhere; "
                "fill them in with x.filled(...), or remove these examples"
            )
        x = x.data
    if isinstance(x, (list, tuple)):
        _check_nesting(x, name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # older NumPy makes an object array of uneven rows
            return numpy.asarray(x)
    except (ValueError, TypeError, RuntimeError) as error:
        is_uneven = isinstance(x, (list, tuple)) and "shape" in str(error)
        reason = "rows of different lengths" if is_uneven else " ".join(str(error).split())
        raise DataError(f"{name}: got {reason}, expected an array of numbers") from None


def _check_nesting(x: list | tuple, name: str) -> None:
    """Refuse lists that would expand to far more numbers than their memory suggests.

    A list may contain another one many times, or itself: a few bytes of a pickle can stand for
    more numbers than any machine can hold.
    """
    counts: dict[int, int] = {}

    def count(values: list | tuple) -> int:
        if id(values) not in counts:
            counts[id(values)] = _MAX_NUMBERS + 1  # for a list that contains itself
            inner = [count(value) for value in values if isinstance(value, (list, tuple))]
            counts[id(values)] = len(values) - len(inner) + sum(inner)
        return counts[id(values)]

    try:
        n_numbers = count(x)
    except RecursionError:
        n_numbers = _MAX_NUMBERS + 1
    if n_numbers > _MAX_NUMBERS:
        raise DataError(
            f"{name}: got lists nested to more than {_MAX_NUMBERS:,} numbers, expected an array"
        )


def _numbers_of_objects(array: numpy.ndarray) -> numpy.ndarray:
    """Return the numbers in an array of objects, or the array itself if not all are numbers."""
    are_numbers = all(isinstance(value, numbers.Real) for value in array.ravel().tolist())
    return array.astype(float) if array.size and are_numbers else array


def _explain_type(x: Any, array: numpy.ndarray) -> str:
    """Explain what was got instead of numbers, and which line converts it."""
    for column in getattr(x, "columns", ()):
        values = _numbers_of_objects(numpy.asarray(x[column]))
        if values.dtype.kind not in _NUMBERS:
            found = next((v for v in values.tolist() if not isinstance(v, numbers.Real)), None)
            return (
                f"column {column!r} holds {found!r}, expected numbers; leave the column out, "
                "encode names with pandas.get_dummies(x), or fill in missing values"
            )
    if array.dtype.kind == "O":
        odd = next((v for v in array.ravel().tolist() if not isinstance(v, numbers.Real)), None)
        if isinstance(odd, (list, tuple, numpy.ndarray)):
            return "got rows of different lengths, expected the same number of numbers in each"
        if array.ndim == 0:
            return f"got {describe(x)}, expected an array of numbers"
        found = repr(odd) if isinstance(odd, (str, bytes)) else describe(odd)
        return (
            f"got {found[:80]} among the numbers, expected numbers only; x.astype(float) reads "
            "numbers from text"
        )
    if array.dtype.kind in "US":
        value = str(array.ravel()[0])[:80] if array.size else ""
        return f"got text, {value!r}, expected numbers; x.astype(float) reads numbers from text"
    if array.dtype.kind == "V":
        return (
            f"got an array with the fields {', '.join(array.dtype.names or ())}, expected numbers; "
            "numpy.lib.recfunctions.structured_to_unstructured(x) converts them to columns"
        )
    return f"got {describe(array)}, expected floats, integers, or bytes (uint8)"


def describe(value: Any) -> str:
    """Describe a value briefly, however large it is."""
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return f"a {value.dtype} array of shape {tuple(value.shape)}"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    return f"a {type(value).__name__}"
