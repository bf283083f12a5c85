"""Reading a large data set chunk by chunk, the next one while the current one is used.

A chunk holds the rows of several minibatches. :class:`ChunkReader` returns one chunk of each
column of a data set at a time, checked and converted, and does not use Theano;
:class:`~dltutorials.chunks.ChunkedDataset` puts the chunks into shared variables.

>>> import numpy
>>> x, y = numpy.arange(14.0).reshape(7, 2), numpy.array([0, 1, 2, 0, 1, 2, 0])
>>> reader = ChunkReader((x, y), batch_size=1, chunk_size=3, dtype="float64")
>>> reader.n_chunks, [column.tolist() for column in reader.take(2)]
(3, [[[12.0, 13.0]], [0.0]])

If the source already holds floats of the right type, in memory or in a memory map, a chunk is a
view of it, and a thread reads ahead only when pages have to come from the disk.
"""

import math
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from dltutorials.checks import require_integer
from dltutorials.datasets.examples import warn_of_scale
from dltutorials.datasets.labels import require_as_many, require_labels
from dltutorials.datasets.sources import FloatRows, is_grey, require_finite
from dltutorials.exceptions import DataError, OptionError

import numpy

# A mapped chunk that takes more seconds has to come from the disk. In the system's cache there is
# nothing to read, and a thread would only take time from the BLAS.
_WORTH_A_THREAD = 0.001

Chunk = tuple[numpy.ndarray, ...]


class ChunkReader:
    """The columns of a data set, read one chunk at a time.

    Parameters
    ----------
    data : (x, y) or (x,)
        Examples, and labels if any: arrays, memory maps, or anything that has a shape and returns
        arrays when sliced.
    batch_size : int
        Examples in a minibatch.
    chunk_size : int
        Minibatches in a chunk.
    dtype : {"float32", "float64"}
        The type of everything it returns.
    targets : {"labels", "regression"}
        The kind of `y`.
    read_ahead : bool
        Whether a thread reads the chunk after the current one, which needs memory for a second
        chunk.

    Attributes
    ----------
    rows : tuple of FloatRows
        The columns as they are read.
    n_examples, n_chunks : int
        Rows, and chunks of whole minibatches; the last one also holds the remaining rows.

    Raises
    ------
    OptionError
        If `batch_size` or `chunk_size` is not a positive integer, or is larger than the set.
    DataError
        If there are not as many labels as examples.
    """

    def __init__(
        self,
        data: Sequence[Any],
        batch_size: int,
        chunk_size: int,
        dtype: str,
        read_ahead: bool = True,
        targets: str = "labels",
    ) -> None:
        require_integer("batch_size", batch_size, at_least=1)
        require_integer("chunk_size", chunk_size, at_least=1)
        x, *labels = data
        self.rows = (FloatRows(x, dtype), *(FloatRows(y, dtype, are_labels=True) for y in labels))
        self.n_examples = len(self.rows[0])
        self._has_labels = targets == "labels"
        for y in self.rows[1:]:
            require_as_many(len(y), self.n_examples)
            if self._has_labels and len(y.shape) != 1:
                raise DataError(f"y: got labels of shape {y.shape}, expected shape (n,)")
        n_batches = self.n_examples // batch_size
        if chunk_size > max(1, n_batches):
            raise OptionError(
                f"chunk_size: got {chunk_size}, expected at most {n_batches}, "
                f"the number of minibatches of {batch_size} in {self.n_examples} examples"
            )
        self._n_rows = batch_size * chunk_size
        self.n_chunks = math.ceil(n_batches / chunk_size)
        self._reads_ahead = read_ahead and self.n_chunks > 1
        self._thread = ThreadPoolExecutor(1, "dltutorials-reader") if self._reads_ahead else None
        self._coming: tuple[int, Future[Chunk]] | None = None
        self._present: numpy.ndarray | None = None  # the examples' rows that are in use
        self._buffers: list[numpy.ndarray] = []
        self._order: numpy.ndarray | None = None
        self._checked = numpy.zeros(self.n_examples, bool)
        self._seconds = 0.0  # for the last read

    def take(self, number: int) -> Chunk:
        """Return a chunk of each column; the previous chunk's memory is reused.

        Raises
        ------
        DataError
            If the source cannot be read, has changed its size, or holds anything but numbers and
            labels.
        """
        chunk = self._finish(number)
        if chunk is None:
            chunk = self._read(number)
        before, self._present = self._present, chunk[0]
        if before is not None:
            self.rows[0].release(before)
        is_slow = not self.rows[0].is_direct or self._seconds > _WORTH_A_THREAD
        following = (number + 1) % self.n_chunks
        is_known = self._order is None or following  # the next epoch may have another order
        if self._thread is not None and is_slow and is_known:
            self._coming = following, self._thread.submit(self._read, following)
        return chunk

    def reorder(self, order: numpy.ndarray) -> None:
        """Take chunks from the rows in this order from now on."""
        if self._coming is not None:
            self._finish(-1)
        self._order = order

    def forget(self) -> None:
        """Release the memory of the current chunk, which must not be in use any more."""
        self._present, self._buffers = None, []

    def _finish(self, number: int) -> Chunk | None:
        """Wait for the thread; return its chunk if it is this one."""
        if self._coming is None:
            return None
        coming, future = self._coming
        self._coming = None
        chunk = future.result()  # waits in any case: the thread fills the free buffer
        return chunk if coming == number else None

    def _read(self, number: int) -> Chunk:
        begun = time.perf_counter()
        start = number * self._n_rows
        stop = min(start + self._n_rows, self.n_examples)
        try:
            chunk = self._read_rows(start, stop)
        except Exception as error:
            reason = str(error) or type(error).__name__
            raise DataError(f"reading examples {start} to {stop - 1}: {reason}") from error
        self._seconds = time.perf_counter() - begun
        return chunk

    def _read_rows(self, start: int, stop: int) -> Chunk:
        numbers: Any = slice(start, stop) if self._order is None else self._order[start:stop]
        chunk = []
        for rows, buffer in zip(self.rows, (self._free_buffer(), None)):
            if self._order is None:
                chunk.append(rows.read(start, stop, buffer))
            else:
                chunk.append(rows.take(numbers, buffer))
        if not self._checked[numbers].all():
            self._check(chunk, start)
            self._checked[numbers] = True
        return tuple(chunk)

    def _check(self, chunk: Sequence[numpy.ndarray], start: int) -> None:
        x, *labels = chunk
        in_order = self._order is None
        low, high = require_finite(x, self.rows[0] if in_order else None, start)
        if not self._checked.any() and not isinstance(self.rows[0].source, numpy.ndarray):
            warn_of_scale(low, high, is_grey(self.rows[0].source))
        for y in labels:
            if self._has_labels:
                require_labels(y, start)
            else:
                require_finite(y, self.rows[1] if in_order else None, start, "y")

    def _free_buffer(self) -> numpy.ndarray | None:
        """Return memory for converting a chunk, not in use by the current one."""
        x = self.rows[0]
        if x.is_direct and self._order is None:
            return None
        if not self._buffers:
            n_rows = min(self._n_rows, self.n_examples)
            self._buffers = [
                numpy.empty((n_rows, *x.shape[1:]), x.dtype) for _ in range(1 + self._reads_ahead)
            ]
        present = self._present
        return next(
            (b for b in self._buffers if present is None or not numpy.may_share_memory(b, present)),
            self._buffers[0],
        )
