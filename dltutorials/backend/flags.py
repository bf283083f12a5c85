"""What the user has set for Theano, in ``THEANO_FLAGS`` and ``.theanorc`` files.

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

_SPELLING = {"floatx": "floatX"}  # names in a file are read in small letters


class UserSettings:
    """What THEANO_FLAGS and the .theanorc files say, read as Theano reads them."""

    def __init__(self) -> None:
        self.flags = os.environ.get("THEANO_FLAGS", "")
        splitter = shlex.shlex(self.flags, posix=True)
        splitter.whitespace, splitter.whitespace_split = ",", True
        pairs = (flag.strip().split("=", 1) for flag in splitter if "=" in flag)
        self._values: dict[str, str] = dict(pairs)
        files = os.environ.get("THEANORC", "~/.theanorc").split(os.pathsep)
        self._file = configparser.RawConfigParser()
        # A file that cannot be parsed is for Theano to report.
        with contextlib.suppress(configparser.Error):
            self._file.read([os.path.expanduser(name) for name in files])

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
    """Set a variable for a while."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        del os.environ[name]
        if before is not None:
            os.environ[name] = before
