"""The tutorial's format: three sets in a gzipped pickle, as in ``mnist.pkl.gz``.

The pickle holds ``(train_set, valid_set, test_set)``, each a pair ``(x, y)`` of
arrays: `x` floats in [0, 1], one example a row; `y` integers from 0 on. It is
read so that it can run nothing (:mod:`dltutorials.io.safe_pickle`).

>>> import gzip, pathlib, pickle, tempfile, numpy
>>> file = pathlib.Path(tempfile.mkdtemp(), "tiny.pkl.gz")
>>> pair = (numpy.eye(2), numpy.arange(2))
>>> write_pickled_sets((pair, pair, pair), file)
>>> with gzip.open(file) as stream:  # as the chapter reads it
...     train_set, valid_set, test_set = pickle.load(stream)
>>> read_pickled_sets(file)[2][1].tolist()
[0, 1]
"""

import gzip
import pickle
import zlib
from pathlib import Path
from typing import Any

from dltutorials.exceptions import DataError
from dltutorials.io.files import durable_writer
from dltutorials.io.safe_pickle import load_pickle

import numpy

Split = tuple[Any, Any]

_MAX_BYTES = 1 << 30  # of the unpacked pickle; MNIST's has 220 MB


def read_pickled_sets(file: Path) -> tuple[Split, Split, Split]:
    """Read a data set in the tutorial's format.

    Parameters
    ----------
    file : pathlib.Path

    Returns
    -------
    ((x, y), (x, y), (x, y))
        Training, validation and test set.

    Raises
    ------
    DataError
        If the file cannot be read, or does not hold three pairs with examples
        of that form.
    """
    content = _unpickle(file)
    if not isinstance(content, (tuple, list)) or len(content) != 3:
        raise DataError(
            f"got {describe(content)}, expected a tuple of three sets, each a pair (x, y)"
        )
    for split, pair in zip(("training", "validation", "test"), content):
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise DataError(f"{split} set: got {describe(pair)}, expected a pair (x, y)")
        try:
            _check_images(pair[0])
        except DataError as error:
            raise DataError(f"{split} set: {error}") from None
    train_set, valid_set, test_set = (tuple(pair) for pair in content)
    return train_set, valid_set, test_set


def write_pickled_sets(sets: tuple[Split, Split, Split], path: Path) -> None:
    """Write a data set in the tutorial's format; the file is whole or not there.

    Parameters
    ----------
    sets : ((x, y), (x, y), (x, y))
        Training, validation and test set, as arrays.
    path : pathlib.Path

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    with durable_writer(path) as file, gzip.open(file, "wb", compresslevel=4) as packed:
        pickle.dump(sets, packed, protocol=4)


def describe(value: Any) -> str:
    """Describe what a file held, however large it is."""
    if isinstance(value, numpy.ndarray):
        return f"a {value.dtype} array of shape {value.shape}"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    return f"a {type(value).__name__}"


def _unpickle(file: Path) -> Any:
    advice = "get the file again, expected a gzipped pickle like mnist.pkl.gz"
    try:
        with gzip.open(file, "rb") as stream:
            content = load_pickle(stream, _MAX_BYTES)
            if stream.read(1):
                raise DataError("more data follow the pickle")
    except DataError as error:
        raise type(error)(f"{error}; {advice}") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"not a sound gzip file ({error}); {advice}") from None
    except EOFError:
        raise DataError(f"the file ends early; {advice}") from None
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}") from None
    return content


def _check_images(x: Any) -> None:
    expected = "expected a float array of shape (n, n_in) with n at least 1"
    if not isinstance(x, numpy.ndarray) or x.ndim != 2:
        raise DataError(f"x: got {describe(x)}, {expected}")
    if x.dtype.kind != "f" or not x.size:
        raise DataError(f"x: got {describe(x)}, {expected}")
    low, high = x.min(), x.max()
    if not (low >= 0 and high <= 1):  # also false for nan
        raise DataError(
            f"x: got values from {low} to {high}, expected 0 to 1 without nan; "
            "divide bytes by 256 and remove what is not a number"
        )
