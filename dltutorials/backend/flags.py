"""The user's settings for Theano, in ``THEANO_FLAGS`` and ``.theanorc`` files.

>>> with environment("THEANO_FLAGS", "floatX=float32,blas.ldflags="):
...     user = UserSettings()
>>> user.get("floatX"), "blas.ldflags" in user, "cxx" in user
('float32', True, False)
"""

import configparser
import contextlib
import os
import shlex
from collections.abc import Iterator

from dltutorials.exceptions import SetupError, reason_of

_SPELLING = {"floatx": "floatX"}  # names in a file are read as lower case


class UserSettings:
    """The settings in THEANO_FLAGS and the .theanorc files, read as Theano reads them.

    Raises
    ------
    SetupError
        If they cannot be read.
    """

    def __init__(self) -> None:
        self.flags = os.environ.get("THEANO_FLAGS", "")
        splitter = shlex.shlex(self.flags, posix=True)
        splitter.whitespace, splitter.whitespace_split = ",", True
        try:
            pairs = [flag.strip().split("=", 1) for flag in splitter if "=" in flag]
        except ValueError as error:
            raise SetupError(
                f"THEANO_FLAGS: got {self.flags!r}, expected NAME=VALUE,NAME=VALUE: {error}"
            ) from None
        self._values: dict[str, str] = dict(pairs)
        self._file = configparser.RawConfigParser()
        for name in os.environ.get("THEANORC", "~/.theanorc").split(os.pathsep):
            path = os.path.expanduser(name)
            try:
                self._file.read(path)
            except (UnicodeDecodeError, configparser.Error) as error:
                raise SetupError(
                    f"{path}: {reason_of(error)}; expected [global] or another section, and lines "
                    "of NAME = VALUE, in UTF-8"
                ) from None

    def get(self, name: str) -> str | None:
        """Return the value of a flag such as ``blas.ldflags``, if the user set it."""
        section, _, option = name.rpartition(".")
        in_file = self._file.get(section or "global", option, fallback=None)
        return self._values.get(name, in_file)

    def all(self) -> dict[str, str]:
        """Return every flag that is set, with its value."""
        in_files = {
            _SPELLING.get(name, name) if section == "global" else f"{section}.{name}": value
            for section in self._file.sections()
            for name, value in self._file.items(section)
        }
        return {**in_files, **self._values}

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None


@contextlib.contextmanager
def environment(name: str, value: str) -> Iterator[None]:
    """Set an environment variable within a block."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]
        if before is not None:
            os.environ[name] = before
