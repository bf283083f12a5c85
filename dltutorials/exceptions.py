"""The errors that a user of this package can meet and may want to catch.

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
from collections.abc import Iterator


class DLTutorialsError(Exception):
    """The base of all errors below."""


class OptionError(DLTutorialsError, ValueError):
    """A value that the caller chose cannot be used (scripts exit with status 2)."""


class DataError(DLTutorialsError, ValueError):
    """A file, or what it holds, cannot be used (scripts exit with status 1)."""


class ResumeError(DataError):
    """A training run cannot go on from a state: that is of another model, data or options."""


class UnsafePickleError(DataError):
    """A pickle asks for something that plain arrays do not need; nothing of it was run."""


class OutputError(DataError, OSError):
    """A file cannot be written where the caller wants it; nothing was written."""


class SetupError(DLTutorialsError, ImportError):
    """Theano cannot be imported on this machine as it is."""


class ClusterError(DLTutorialsError):
    """The machines that were to do the work cannot be reached, or do it no more."""


class OutOfMemoryError(DLTutorialsError, MemoryError):
    """The data do not fit into the memory of the machine or its GPU."""


class AssumptionWarning(UserWarning):
    """A file leaves open what it is of; the message says what was assumed."""


@contextlib.contextmanager
def in_file(path: "str | os.PathLike[str]") -> Iterator[None]:
    """Say of a :class:`DataError` that the block raises in which file the fault is."""
    try:
        yield
    except DataError as error:
        raise type(error)(f"{os.fspath(path)}: {error}") from None
