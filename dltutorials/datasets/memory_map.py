"""Arrays that are views of a file: memory maps that take little memory.

A NumPy memory map loads a page of its file into memory on first access, and leaves it there. A
training run over a large file needs more: pages loaded ahead, released afterwards, and mapped in
large pieces (huge pages, if the system has them), since 4 KiB at a time cost a small model a
quarter of its speed.

>>> import os, tempfile, numpy
>>> path = os.path.join(tempfile.mkdtemp(), "x.npy")
>>> numpy.save(path, numpy.arange(6.0).reshape(3, 2))
>>> x = numpy.load(path, mmap_mode="r")
>>> file = mapped_file(x[1:])
>>> file.bring_in(x)
>>> file.release(x)  # the values are reloaded from the file on access
>>> float(x.sum()), mapped_file(numpy.zeros(3))
(15.0, None)
"""

import contextlib
import mmap
from typing import Any

from dltutorials.exceptions import DataError

import numpy

_LOOK_EVERY = 1 << 16  # bytes; systems map at least this much around the page accessed


def mapped_file(array: Any) -> "MappedFile | None":
    """Return the memory-mapped file that an array is a view of, or None."""
    while isinstance(array, numpy.ndarray):
        if isinstance(array.base, mmap.mmap):
            return MappedFile(array, array.base)
        array = array.base
    return None


class MappedFile:
    """The file behind an array.

    Parameters
    ----------
    root : array
        The first array on the map.
    pages : mmap.mmap
    """

    def __init__(self, root: numpy.ndarray, pages: mmap.mmap) -> None:
        self._pages = pages
        self._size = pages.size()
        self._start = numpy.frombuffer(pages, numpy.uint8).__array_interface__["data"][0]
        # Releasing the pages of a private, writable map would undo what was written.
        self._can_release = not root.flags.writeable and hasattr(mmap, "MADV_DONTNEED")
        if hasattr(mmap, "MADV_HUGEPAGE"):
            with contextlib.suppress(OSError):  # a system without huge pages
                pages.madvise(mmap.MADV_HUGEPAGE)

    def require_unchanged(self) -> None:
        """Refuse a file whose size has changed: access beyond its end would kill the process.

        Raises
        ------
        DataError
        """
        size = self._pages.size()
        if size != self._size:
            raise DataError(
                f"the memory-mapped file had {self._size:,} bytes and now has {size:,}; "
                "leave it as it is during the training run"
            )

    def bring_in(self, array: numpy.ndarray) -> None:
        """Make the system read the pages of a contiguous array of this file."""
        array.reshape(-1)[:: max(1, _LOOK_EVERY // array.itemsize)].max(initial=0)

    def release(self, array: numpy.ndarray) -> None:
        """Release the pages that lie entirely within an array, if it is a part of this file."""
        first = array.__array_interface__["data"][0] - self._start
        is_part = 0 <= first <= len(self._pages) - array.nbytes and array.flags.c_contiguous
        if not (self._can_release and is_part):
            return
        start = -(-first // mmap.PAGESIZE) * mmap.PAGESIZE
        stop = (first + array.nbytes) // mmap.PAGESIZE * mmap.PAGESIZE
        if stop > start:
            self._pages.madvise(mmap.MADV_DONTNEED, start, stop - start)
