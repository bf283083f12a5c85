"""Where examples come from: anything that gives rows when it is sliced.

An array in memory is a source; so is a memory map, a data set of an HDF5 file,
or :class:`ScaledBytes`, the pixels of images as bytes. :class:`FloatRows` reads
any of them a few rows at a time as the floats that a model computes with, and
copies nothing where the source is made of such floats already.

>>> import numpy
>>> pixels = ScaledBytes(numpy.array([[0, 64], [128, 255]], dtype="uint8"))
>>> rows = FloatRows(pixels, "float32")
>>> rows.shape, rows.read(1, 2).tolist()
((2, 2), [[0.5, 0.99609375]])
>>> x = numpy.ones((3, 2), "float32")
>>> numpy.shares_memory(x, FloatRows(x, "float32").read(0, 2))
True
"""

from typing import Any

from dltutorials.datasets.memory_map import mapped_file
from dltutorials.exceptions import DataError

import numpy

ROWS_AT_A_TIME = 2_000  # keeps temporary arrays small


class ScaledBytes:
    """Bytes that stand for the numbers 0 to 255/256, as the pixels of MNIST do.

    Parameters
    ----------
    pixels : uint8 array
        One example a row; further dimensions are taken for one.
    """

    def __init__(self, pixels: numpy.ndarray) -> None:
        self.pixels = pixels.reshape(len(pixels), -1)
        self.shape = self.pixels.shape

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, rows: slice) -> numpy.ndarray:
        """Return these rows as float32, which holds them exactly."""
        return numpy.multiply(self.pixels[rows], numpy.float32(1 / 256))


class FloatRows:
    """A source, read as rows of floats of one type.

    Parameters
    ----------
    source : array, or anything with a shape that gives arrays when sliced
        Rows of numbers, or numbers; of more dimensions, all but the first are
        taken for one.
    dtype : {"float32", "float64"}

    Attributes
    ----------
    shape : tuple, and dtype : numpy.dtype
        Of the whole as it is read.
    is_direct : bool
        Whether the source is made of such floats, so that reading copies nothing.
    """

    def __init__(self, source: Any, dtype: str) -> None:
        self.source = source
        self.dtype = numpy.dtype(dtype)
        n_rows, *rest = source.shape
        self.shape: tuple[int, ...] = (n_rows, int(numpy.prod(rest))) if rest else (n_rows,)
        self._file = mapped_file(getattr(source, "pixels", source))
        self.is_direct = (
            isinstance(source, numpy.ndarray)
            and source.dtype == self.dtype
            and source.flags.c_contiguous
            and source.flags.aligned
        )

    def __len__(self) -> int:
        return self.shape[0]

    def read(self, start: int, stop: int, buffer: numpy.ndarray | None = None) -> numpy.ndarray:
        """Return the rows from `start` to before `stop`.

        Parameters
        ----------
        start, stop : int
        buffer : array, optional
            Of this dtype and at least so many rows, to be filled where the
            source's own memory cannot be used.

        Returns
        -------
        array of shape ``(stop - start, ...)`` and this dtype
            Contiguous; `buffer`, a view of the source, or a new array.

        Raises
        ------
        DataError
            If the source has changed its size.
        """
        if self._file is not None:
            self._file.require_unchanged()
        is_bytes = isinstance(self.source, ScaledBytes)
        rows = numpy.asarray((self.source.pixels if is_bytes else self.source)[start:stop])
        n_now = len(self.source)
        if n_now != len(self) or len(rows) != stop - start:
            n_now = start + len(rows) if n_now == len(self) else n_now
            raise DataError(
                f"the source had {len(self):,} examples and now has {n_now:,}; "
                "leave it as it is during the training"
            )
        rows = rows.reshape(stop - start, *self.shape[1:])
        if self.is_direct:
            if self._file is not None:
                self._file.bring_in(rows)
            return rows
        out = numpy.empty(rows.shape, self.dtype) if buffer is None else buffer[: stop - start]
        if is_bytes:
            numpy.multiply(rows, self.dtype.type(1 / 256), out=out, casting="same_kind")
        else:
            numpy.copyto(out, rows, casting="same_kind")
        self.release(rows)
        return out

    def release(self, rows: numpy.ndarray) -> None:
        """Give back the memory of rows that are a view of a memory map; leave others."""
        if self._file is not None:
            self._file.release(rows)

    def whole(self) -> numpy.ndarray:
        """Return everything, with no second copy on the way."""
        if isinstance(self.source, numpy.ndarray):
            return numpy.asarray(self.source, self.dtype).reshape(self.shape)
        out = numpy.empty(self.shape, self.dtype)
        for start in range(0, len(self), ROWS_AT_A_TIME):
            rows = out[start : start + ROWS_AT_A_TIME]
            rows[...] = self.read(start, start + len(rows), rows)
        return out


def require_numbers(x: numpy.ndarray) -> None:
    """Refuse nan and inf among the examples.

    Raises
    ------
    DataError
    """
    low, high = x.min(), x.max()
    if not (-numpy.inf < low and high < numpy.inf):  # also where one of them is nan
        raise DataError(
            f"x: got values from {low} to {high}, expected finite numbers; "
            "remove the examples that are not, or fill in what is missing"
        )


def require_labels(y: numpy.ndarray) -> None:
    """Refuse what cannot be the number of a class: negative numbers and fractions.

    Raises
    ------
    DataError
    """
    is_label = (y >= 0) & (y == numpy.floor(y))
    if not is_label.all():
        raise DataError(f"y: got {y[~is_label][0]}, expected labels: integers from 0 on")
