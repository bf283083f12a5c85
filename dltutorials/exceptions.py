"""The errors that users of this package may meet and want to catch.

Each message says what was got, what was expected and what to do about it, in
one line, so that a script can print it as it is:

>>> from dltutorials.exceptions import DLTutorialsError, OptionError
>>> try:
...     raise OptionError("batch_size: got 0, expected an integer of at least 1")
... except DLTutorialsError as error:
...     print(error)
batch_size: got 0, expected an integer of at least 1
"""

import contextlib
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

_PACKAGE = str(Path(__file__).parent)


class DLTutorialsError(Exception):
    """The base of all errors below."""


class OptionError(DLTutorialsError, ValueError):
    """A value that the caller chose cannot be used (scripts exit with status 2)."""


class RankingError(OptionError):
    """Training runs have no common loss by which to compare them."""


class DataError(DLTutorialsError, ValueError):
    """A file or its content cannot be used (scripts exit with status 1)."""


class ResumeError(DataError):
    """A training run cannot continue from a state of another model, data or options."""


class UnsafePickleError(DataError):
    """A pickle asks for something that plain arrays do not need; none of it was run."""


class OutputError(DataError, OSError):
    """A file cannot be written where the caller wants it; nothing was written."""


class SetupError(DLTutorialsError, ImportError):
    """Theano or an optional package cannot be imported on this machine."""


class ClusterError(DLTutorialsError):
    """The machines of a cluster cannot be reached, or have stopped working."""


class OutOfMemoryError(DLTutorialsError, MemoryError):
    """The data do not fit into the memory of the machine or its GPU."""


class DataWarning(UserWarning):
    """Data can be used, but probably do not mean what they seem to, or cannot be learned from.

    Also issued for a parameter file that does not fully say which model it belongs to.
    """


def warn_of_data(message: str) -> None:
    """Issue a :class:`DataWarning` that points at the calling line outside this package."""
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, DataWarning, stacklevel=level)


def reason_of(error: BaseException) -> str:
    """Return the message of an error as one short line, or its type if it has none."""
    text = getattr(error, "strerror", None) or str(error)
    return " ".join(text.split())[:300] or type(error).__name__


@contextlib.contextmanager
def within(place: "str | os.PathLike[str]", advice: str = "") -> Iterator[None]:
    """Add to a DataError from the block where the fault is, and what to do about it.

    Parameters
    ----------
    place : str or path
        What the message starts with, as ``place: ...``, or "".
    advice : str
        What the message ends with.
    """
    try:
        yield
    except DataError as error:
        message = f"{os.fspath(place)}: {error}" if place else str(error)
        raise type(error)(f"{message}; {advice}" if advice else message) from None


@contextlib.contextmanager
def in_file(path: "str | os.PathLike[str]", advice: str = "") -> Iterator[None]:
    """Do the same for a file, and also report that it cannot be read.

    Parameters
    ----------
    path : path
    advice : str

    Raises
    ------
    DataError
        Also instead of an OSError.
    """
    with within(path, advice):
        try:
            yield
        except OSError as error:
            raise DataError(f"cannot be read: {reason_of(error)}") from None
