"""Sources of examples: anything that returns rows when sliced.

An array in memory is a source; so is a memory map, or a data set of an HDF5
file. :class:`FloatRows` reads any of them a few rows at a time as the floats that a model computes
with, and copies nothing if the source already consists of such floats.

Numbers mean the same wherever data come in. **Bytes (uint8) are grey values: they
are divided by 256. All other numbers, floats, integers and booleans, are used as
they are.**

>>> import numpy
>>> pixels = numpy.array([[0, 64], [128, 255]], dtype="uint8")
>>> rows = FloatRows(pixels, "float32")
>>> rows.shape, rows.read(1, 2).tolist()
((2, 2), [[0.5, 0.99609375]])
>>> x = numpy.ones((3, 2), "float32")
>>> numpy.shares_memory(x, FloatRows(x, "float32").read(0, 2))
True
"""

from collections.abc import Iterator
from typing import Any

from dltutorials.datasets.memory_map import mapped_file
from dltutorials.exceptions import DataError

import numpy

ROWS_AT_A_TIME = 2_000  # keeps temporary arrays small
GREY_LEVELS = 256


class FloatRows:
    """A source read as rows of floats of one type.

    Parameters
    ----------
    source : array, or anything with a shape that returns arrays when sliced
        Rows of numbers, or numbers; all dimensions but the first are flattened to one.
    dtype : {"float32", "float64"}
    are_labels : bool
        Whether bytes are class numbers instead of grey values.

    Attributes
    ----------
    shape : tuple, and dtype : numpy.dtype
        Shape and type of all rows as they are read.
    is_direct : bool
        Whether the source consists of such floats, so that reading copies nothing.
    """

    def __init__(self, source: Any, dtype: str, are_labels: bool = False) -> None:
        self.source = source
        self.dtype = numpy.dtype(dtype)
        n_rows, *rest = source.shape
        self.shape: tuple[int, ...] = (n_rows, int(numpy.prod(rest))) if rest else (n_rows,)
        self._are_labels = are_labels
        self._file = mapped_file(source)
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
            Of this dtype and at least as many rows, to be filled if the source's own memory cannot
            be used.

        Returns
        -------
        array of shape ``(stop - start, ...)`` and this dtype
            Contiguous; `buffer`, a view of the source, or a new array.

        Raises
        ------
        DataError
            If the source has changed its size.
        """
        rows = self.originals(start, stop)
        if self.is_direct:
            if self._file is not None:
                self._file.bring_in(rows)
            return rows
        out = numpy.empty(rows.shape, self.dtype) if buffer is None else buffer[: stop - start]
        self._convert(rows, out)
        self.release(rows)
        return out

    def originals(self, start: int, stop: int) -> numpy.ndarray:
        """Return rows as they are in the source, before conversion.

        Raises
        ------
        DataError
            If the source has changed its size.
        """
        if self._file is not None:
            self._file.require_unchanged()
        rows = numpy.asarray(self.source[start:stop])
        n_now = len(self.source)
        if n_now != len(self) or len(rows) != stop - start:
            n_now = start + len(rows) if n_now == len(self) else n_now
            raise DataError(
                f"the source had {len(self):,} examples and now has {n_now:,}; "
                "leave it as it is during the training run"
            )
        return rows.reshape(stop - start, *self.shape[1:])

    def take(self, numbers: numpy.ndarray, buffer: numpy.ndarray | None = None) -> numpy.ndarray:
        """Return rows in any order.

        Parameters
        ----------
        numbers : integer array
            Indices of the rows.
        buffer : array, optional
            As for :meth:`read`.

        Returns
        -------
        array of shape ``(len(numbers), ...)`` and this dtype
        """
        shape = (len(numbers), *self.shape[1:])
        out = numpy.empty(shape, self.dtype) if buffer is None else buffer[: len(numbers)]
        if isinstance(self.source, numpy.ndarray):
            if self._file is not None:
                self._file.require_unchanged()
            self._convert(self.source[numbers].reshape(shape), out)
            self.release(self.source)
            return out
        for position in numpy.argsort(numbers):  # in the source's order
            self._convert(self.originals(numbers[position], numbers[position] + 1), out[position:])
        return out

    def _convert(self, rows: numpy.ndarray, out: numpy.ndarray) -> None:
        out = out[: len(rows)]
        if is_grey(rows) and not self._are_labels:
            numpy.multiply(rows, self.dtype.type(1 / GREY_LEVELS), out=out, casting="same_kind")
            return
        with numpy.errstate(over="ignore"):  # require_finite finds any inf
            numpy.copyto(out, rows, casting="same_kind")

    def release(self, rows: numpy.ndarray) -> None:
        """Release the memory of rows that are a view of a memory map; leave others alone."""
        if self._file is not None:
            self._file.release(rows)

    def whole(self) -> numpy.ndarray:
        """Return all rows, without an intermediate copy."""
        if self.is_direct:
            return self.source.reshape(self.shape)
        out = numpy.empty(self.shape, self.dtype)
        if isinstance(self.source, numpy.ndarray) and self._file is None:
            self._convert(self.source.reshape(self.shape), out)
            return out
        for start in range(0, len(self), ROWS_AT_A_TIME):
            rows = out[start : start + ROWS_AT_A_TIME]
            self.read(start, start + len(rows), rows)
        return out


def read_blocks(source: Any) -> Iterator[numpy.ndarray]:
    """Yield all rows of an array or FloatRows in blocks, each valid until the next."""
    rows = source if isinstance(source, FloatRows) else FloatRows(source, source.dtype)
    for start in range(0, len(rows), ROWS_AT_A_TIME):
        block = rows.read(start, min(start + ROWS_AT_A_TIME, len(rows)))
        yield block
        rows.release(block)


def require_range(source: Any, low: float, high: float) -> None:
    """Refuse rows with a number below `low` or above `high`.

    Raises
    ------
    DataError
    """
    for number, block in enumerate(read_blocks(source)):
        if block.min() < low or block.max() > high:
            rows, columns = numpy.nonzero((block < low) | (block > high))
            place = f"example {number * ROWS_AT_A_TIME + rows[0]}"
            expected = f"expected numbers from {low:g} to {high:g}; scale them"
            raise DataError(f"x: got {block[rows[0], columns[0]]:g} in {place}, {expected}")


def is_grey(source: Any) -> bool:
    """Return whether a source holds grey values, which are divided by 256."""
    return getattr(source, "dtype", None) == numpy.uint8


def require_finite(
    values: numpy.ndarray, rows: FloatRows | None = None, start: int = 0, name: str = "x"
) -> tuple[float, float]:
    """Refuse nan, inf, and numbers that became inf when converted; return the range.

    Parameters
    ----------
    values : float array
        The numbers used in computation.
    rows : FloatRows, optional
        Their source, to report values as they were before conversion.
    start : int
        The index of the first row of `values` in the whole set.
    name : str
        Name of the values in the message.

    Returns
    -------
    (float, float)
        The smallest and the largest value.

    Raises
    ------
    DataError
    """
    low, high = float(values.min()), float(values.max())
    if -numpy.inf < low and high < numpy.inf:  # also false if one of them is nan
        return low, high
    wrong = ~numpy.isfinite(values.reshape(len(values), -1))
    number = int(wrong.any(axis=1).argmax())
    column = int(wrong[number].argmax())
    found = values.reshape(len(values), -1)[number, column]
    if rows is not None:
        original = rows.originals(start + number, start + number + 1).reshape(-1)[column]
        if numpy.isfinite(original):
            raise DataError(
                f"{name}: got {original:g} in example {start + number}, expected finite numbers, "
                f"at most {numpy.finfo(values.dtype).max:.3g} as {values.dtype}; scale them, or "
                "compute in float64"
            )
    raise DataError(
        f"{name}: got {found} in example {start + number}, expected finite numbers; "
        "remove the examples with nan or inf, or fill in missing values"
    )
