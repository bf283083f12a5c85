"""Parameters in files: values and a description, in the tutorial's format.

A parameter file contains the values as NumPy arrays, each pickled with the highest protocol,
one after another in the order of ``params``. Models and compiled functions are never pickled:
only the code, Theano and device that wrote such a file could read it. The values can be read
anywhere, even without this package:

>>> import os, pickle, tempfile, numpy, theano
>>> W = theano.shared(numpy.eye(2), "W")
>>> path = os.path.join(tempfile.mkdtemp(), "best_model.pkl")
>>> save_params([W], path, Description("toy", {"steps": 3}))
>>> with open(path, "rb") as save_file:
...     W.set_value(pickle.load(save_file) * 3, borrow=True)
>>> load_params([W], path)
>>> W.get_value().tolist()
[[1.0, 0.0], [0.0, 1.0]]

:func:`load_params` is the safer way: it never executes code from a file, and checks everything
before it changes anything.

After the values, there may be a description of the model, as a pickled text
(:mod:`dltutorials.training.description`). A reader of the values alone never sees it:

>>> read_params_and_description(path)[1].options
{'steps': 3}
"""

import contextlib
import os
import pickle
from collections.abc import Iterator
from typing import Any, BinaryIO

from dltutorials.exceptions import DataError, UnsafePickleError, in_file
from dltutorials.io.file_kinds import name_kind
from dltutorials.io.files import durable_writer
from dltutorials.io.reading import open_file
from dltutorials.io.safe_pickle import load_pickle
from dltutorials.training.description import Description, describe_model, parse_description
from dltutorials.types import PathLike, SharedVariable

import numpy

_MAX_OVERHEAD = 1 << 20  # bytes of a pickle beyond the values expected in it
_OTHER_TEXTS = {"dltutorials training state": "a training state, as --checkpoint writes it"}


def save_params(params: Any, path: PathLike, about: Description | None = None) -> None:
    """Write the values of parameters to a file; equal values give equal bytes.

    Parameters
    ----------
    params : model, or sequence of shared variables or arrays
        For a model, its ``params`` are saved with its description.
    path : path
        Replaced if it exists, and left unchanged if anything fails.
    about : Description, optional
        The description of the model.

    Raises
    ------
    OSError
        If the file cannot be written.
    OptionError
        If the description holds anything but plain values.

    Notes
    -----
    Source: Getting Started, "Loading and Saving Models".
    """
    if hasattr(params, "params"):
        params, about = params.params, about or describe_model(params)
    text = None if about is None else about.as_text()
    with durable_writer(path) as file:
        for param in params:
            pickle.dump(_value(param), file, pickle.HIGHEST_PROTOCOL)
        if text is not None:
            pickle.dump(text, file, pickle.HIGHEST_PROTOCOL)


def load_params(params: Any, path: PathLike) -> None:
    """Set parameters to the values in a file: all of them, or none.

    Parameters
    ----------
    params : model, or sequence of shared variables
        In the order in which they were saved; values of another float type
        are converted to that of the parameter. For a model, its ``params`` are set.
    path : path
        A file as :func:`save_params` writes it.

    Raises
    ------
    DataError
        If the file cannot be read, does not contain one float array of the right shape for each
        parameter, or describes another model; no parameter is changed then.

    Notes
    -----
    Source: Getting Started, "Loading and Saving Models".
    Differs: the chapter opens the file as text, which fails on Python 3.
    """
    model = params if hasattr(params, "params") else None
    params = params if model is None else model.params
    with _parameter_file(path) as file:
        values = [_read_like(param, file) for param in params]
        about = _read_end(file, len(params))
        if model is not None and about is not None:
            _check_model(model, about)
    for param, value in zip(params, values):
        param.set_value(value, borrow=True)


def read_params(path: PathLike) -> list[numpy.ndarray]:
    """Read the values in a parameter file, of any number and shapes.

    Parameters
    ----------
    path : path
        A file as :func:`save_params` writes it.

    Returns
    -------
    list of array of floats

    Raises
    ------
    DataError
        If the file cannot be read, or holds anything else.
    """
    return read_params_and_description(path)[0]


def read_params_and_description(path: PathLike) -> tuple[list[numpy.ndarray], Description | None]:
    """Read the values in a parameter file, and the description of the model, or None.

    Raises
    ------
    DataError
        As :func:`read_params`.
    """
    values: list[numpy.ndarray] = []
    about = None
    with _parameter_file(path) as file:
        n_bytes = os.fstat(file.fileno()).st_size
        while file.tell() < n_bytes:
            if about is not None:
                raise DataError("holds more after its description")
            value: Any = load_pickle(file, n_bytes)
            if isinstance(value, str):
                about = _parse_text(value)
            elif isinstance(value, numpy.ndarray) and value.dtype.kind == "f":
                values.append(value)
            else:
                raise DataError(f"parameter {len(values) + 1} is not an array of floats")
        if not values:
            raise DataError("empty")
    return values, about


@contextlib.contextmanager
def _parameter_file(path: PathLike) -> Iterator[BinaryIO]:
    """Open a parameter file; name the file in every error."""
    with in_file(path), open_file(path) as file:
        try:
            yield file
        except DataError as error:
            raise _advise(error, name_kind(file)) from None


def _advise(error: DataError, kind: str | None) -> DataError:
    """Add to an error what the file is, if that is known, and what to do."""
    if kind is not None:
        error = DataError(f"not a pickle of arrays, but {kind}")
    if isinstance(error, UnsafePickleError):
        return UnsafePickleError(
            f"{error}; only the values of parameters are read, never pickled models or "
            "functions, which need the code, Theano and device that wrote them"
        )
    return DataError(f"{error}; give a file of parameters, as save_params writes it")


def _read_like(param: SharedVariable, file: BinaryIO) -> numpy.ndarray:
    present = param.get_value(borrow=True)
    max_bytes = present.size * numpy.dtype("float64").itemsize + _MAX_OVERHEAD
    value: Any = load_pickle(file, max_bytes)
    expected = f"{param.name or 'a parameter'}: expected floats of shape {present.shape}"
    if isinstance(value, str):
        _parse_text(value)
        raise DataError(f"{expected}, got the end of the parameters")
    if not isinstance(value, numpy.ndarray) or value.dtype.kind != "f":
        raise DataError(f"{expected}, got something else")
    if value.shape != present.shape:
        raise DataError(f"{expected}, got shape {value.shape}")
    return value.astype(present.dtype)


def _read_end(file: BinaryIO, n_params: int) -> Description | None:
    """Read a description if there is one, and refuse anything else."""
    position = file.tell()
    if not file.read(1):
        return None
    file.seek(position)
    value: Any = load_pickle(file, os.fstat(file.fileno()).st_size - position)
    if not isinstance(value, str):
        raise DataError(f"holds more than the model's {n_params} parameters")
    about = _parse_text(value)
    if file.read(1):
        raise DataError("holds more after its description")
    return about


def _check_model(model: Any, about: Description) -> None:
    """Refuse values of another model, even if the shapes are the same."""
    expected = describe_model(model)
    for what, there, here in (
        ("chapter", about.chapter, expected.chapter),
        ("options", about.options, expected.options),
    ):
        if there and there != here:
            raise DataError(f"is of a model with {what} {there!r:.200}, not {here!r}")


def _parse_text(text: str) -> Description:
    for beginning, kind in _OTHER_TEXTS.items():
        if beginning in text[:100]:
            raise DataError(f"is {kind}")
    return parse_description(text)


def _value(param: Any) -> numpy.ndarray:
    value: Any = param.get_value(borrow=True) if hasattr(param, "get_value") else param
    return numpy.asarray(value)
