"""The files that a command reads or writes: none may be both, under any name.

Before it writes anything, a command registers every file that it will read, then every file that
it will write. Files are compared by identity, not by name, so that symbolic and hard links are
recognized:

>>> import pathlib, tempfile
>>> folder = pathlib.Path(tempfile.mkdtemp())
>>> (folder / "mine.npz").touch()
>>> (folder / "best_model.pkl").symlink_to(folder / "mine.npz")
>>> files = FilesInUse()
>>> files.read("--dataset", folder / "mine.npz")
>>> files.write("--save", folder / "new.pkl")
>>> try:
...     files.write("--save", folder / "best_model.pkl")
... except OptionError as error:
...     print(str(error).replace(str(folder), "."))
save: got ./best_model.pkl, which --dataset reads; choose another file
"""

import os

from dltutorials.exceptions import OptionError
from dltutorials.io.targets import is_device
from dltutorials.types import PathLike


class FilesInUse:
    """The files of one command, by the options that name them."""

    def __init__(self) -> None:
        self._read: dict[object, str] = {}
        self._written: dict[object, str] = {}

    def read(self, option: str, *paths: PathLike) -> None:
        """Register files that are read.

        Parameters
        ----------
        option : str
            The option that names them.
        *paths : path
        """
        for path in paths:
            for identity in _identities(path):
                self._read.setdefault(identity, option)

    def write(self, option: str, path: PathLike, may_be: str | None = None) -> None:
        """Register a file that is written.

        Parameters
        ----------
        option : str
            The option that names it.
        path : path
        may_be : str, optional
            An option whose file this one replaces on purpose.

        Raises
        ------
        OptionError
            If another option reads or writes the same file.
        """
        for identity in _identities(path):
            reader = self._read.get(identity)
            if reader not in (None, may_be):
                raise _conflict(option, path, f"{reader} reads")
            writer = self._written.setdefault(identity, option)
            if writer != option:
                raise _conflict(option, path, f"{writer} names too")


def _conflict(option: str, path: PathLike, other: str) -> OptionError:
    name = option.lstrip("-")
    return OptionError(f"{name}: got {os.fspath(path)}, which {other}; choose another file")


def _identities(path: PathLike) -> list[object]:
    """Return the identities of a file: its path, and its inode if it exists."""
    if is_device(path):
        return []  # nothing is lost in /dev/null
    place = os.path.realpath(path)
    try:
        status = os.stat(path)
    except OSError:
        return [place]
    return [place, (status.st_dev, status.st_ino)]
