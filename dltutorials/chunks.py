"""Data sets larger than the device: a chunk of them at a time.

A shared variable need not hold a whole data set. A :class:`ChunkedDataset`
keeps a chunk of several minibatches in one pair of shared variables; when it is
used up, the next chunk takes its place, so that there is one transfer to the
device a chunk, not one a minibatch. While a chunk is trained on, a thread reads
and converts the next one. The source is anything that gives rows when sliced,
for example a memory map, and is never read as a whole:

>>> import numpy
>>> x, y = numpy.arange(14.0).reshape(7, 2), numpy.array([0, 1, 2, 0, 1, 2, 0])
>>> data = ChunkedDataset((x, y), batch_size=1, chunk_size=3)
>>> shared_x, _ = data
>>> [data.load_chunk(index) for index in range(5)], shared_x.get_value().tolist()
([0, 1, 2, 0, 1], [[6.0, 7.0], [8.0, 9.0], [10.0, 11.0]])

Where the source's own memory is such a chunk already, floats of the right type
in memory or on a memory map, the shared variable uses it: nothing is copied on a
CPU, and the thread is called only when pages have to come from the disk.
"""

import math
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from dltutorials.checks import require_integer
from dltutorials.datasets.sources import FloatRows, require_labels, require_numbers
from dltutorials.exceptions import DataError, OptionError

import numpy
import theano
import theano.tensor as T

# Seconds that a mapped chunk takes when it has to come from the disk; where it is in the
# system's cache, there is nothing to read, and a thread would only take time from the BLAS.
_WORTH_A_THREAD = 0.001

Chunk = tuple[numpy.ndarray, numpy.ndarray]


class ChunkedDataset:
    """A data set of which one chunk is in shared variables.

    It unpacks to a pair, as :func:`dltutorials.minibatch.shared_dataset`
    returns one: ``shared_x, y = data``.

    Parameters
    ----------
    data_xy : (source, source)
        Examples and labels: arrays, memory maps, or anything that has a shape
        and gives arrays when sliced; leave them as they are while they are used.
    batch_size : int
        Examples in a minibatch.
    chunk_size : int
        Minibatches in a chunk.
    read_ahead : bool
        Whether a thread reads the chunk after the present one, which takes the
        memory of a second chunk.

    Attributes
    ----------
    n_examples, n_in : int
        Rows, and numbers in a row.

    Raises
    ------
    OptionError
        If `batch_size` or `chunk_size` is no positive integer, or larger than
        what the set has.
    DataError
        If there are not as many labels as examples; from :meth:`load_chunk`, when the
        source cannot be read, has changed its size, or holds what is no number
        or no label.

    Notes
    -----
    Source: Getting Started, "MNIST Dataset" (data that do not fit on the GPU).
    """

    def __init__(
        self, data_xy: tuple[Any, Any], batch_size: int, chunk_size: int, read_ahead: bool = True
    ) -> None:
        require_integer("batch_size", batch_size, at_least=1)
        require_integer("chunk_size", chunk_size, at_least=1)
        floatX = theano.config.floatX
        self.x, self.y = (FloatRows(source, floatX) for source in data_xy)
        self.n_examples, self.n_in = self.x.shape
        if self.y.shape != (self.n_examples,):
            raise DataError(
                f"got {self.n_examples} examples and labels of shape {self.y.shape}, "
                "expected one label an example"
            )
        n_batches = self.n_examples // batch_size
        if chunk_size > max(1, n_batches):
            raise OptionError(
                f"chunk_size: got {chunk_size}, expected at most {n_batches}, "
                f"the number of minibatches of {batch_size} in {self.n_examples} examples"
            )
        self.batch_size, self.chunk_size = batch_size, chunk_size
        self.n_chunks = math.ceil(n_batches / chunk_size)
        self.read_ahead = read_ahead and self.n_chunks > 1
        self._shared_x = theano.shared(numpy.empty((0, self.n_in), floatX))
        self._shared_y = theano.shared(numpy.empty(0, floatX))
        self._reader = ThreadPoolExecutor(1, "dltutorials-reader") if self.read_ahead else None
        self._next: tuple[int, Future[Chunk]] | None = None
        self._present: int | None = None
        self._view: numpy.ndarray | None = None  # what of the source the shared x uses
        self._buffers: list[numpy.ndarray] = []
        self._checked: set[int] = set()
        self._read_seconds = 0.0  # that the last reading took

    def __iter__(self) -> Iterator[Any]:
        """Give the shared chunk of examples, and an int32 expression over that of labels."""
        return iter((self._shared_x, T.cast(self._shared_y, "int32")))

    def load_chunk(self, index: int) -> int:
        """Have the chunk with a minibatch in the shared variables.

        Parameters
        ----------
        index : int
            The number of the minibatch in the whole set.

        Returns
        -------
        int
            Its number in the chunk.
        """
        chunk, position = divmod(index, self.chunk_size)
        if chunk != self._present:
            x, y = self._take(chunk)
            self._shared_x.set_value(x, borrow=True)
            self._shared_y.set_value(y, borrow=True)
            if self._view is not None:
                self.x.release(self._view)
            self._present, self._view = chunk, x
            is_slow = not self.x.is_direct or self._read_seconds > _WORTH_A_THREAD
            if self._reader is not None and is_slow:
                following = (chunk + 1) % self.n_chunks
                self._next = following, self._reader.submit(self._read, following)
        return position

    def unload(self) -> None:
        """Give up the memory of a chunk that the next use of the set would replace anyway."""
        if self.n_chunks > 1:
            self._shared_x.set_value(numpy.empty((0, self.n_in), self.x.dtype), borrow=True)
            self._shared_y.set_value(numpy.empty(0, self.y.dtype), borrow=True)
            self._present, self._view, self._buffers = None, None, []

    def _take(self, chunk: int) -> Chunk:
        if self._next is not None:
            number, coming = self._next
            self._next = None
            ready = coming.result()  # also where it is another one: it uses the free buffer
            if number == chunk:
                return ready
        return self._read(chunk)

    def _read(self, chunk: int) -> Chunk:
        begun = time.perf_counter()
        start = chunk * self.chunk_size * self.batch_size
        stop = min(start + self.chunk_size * self.batch_size, self.n_examples)
        try:
            x = self.x.read(start, stop, self._free_buffer())
            y = self.y.read(start, stop)
            if chunk not in self._checked:
                require_numbers(x)
                require_labels(y)
                self._checked.add(chunk)
        except Exception as error:
            reason = str(error) or type(error).__name__
            raise DataError(f"reading examples {start} to {stop - 1}: {reason}") from error
        self._read_seconds = time.perf_counter() - begun
        return x, y

    def _free_buffer(self) -> numpy.ndarray | None:
        """Return memory to convert a chunk in that the present one does not use."""
        if self.x.is_direct:
            return None
        if not self._buffers:
            n_rows = min(self.chunk_size * self.batch_size, self.n_examples)
            self._buffers = [
                numpy.empty((n_rows, self.n_in), self.x.dtype) for _ in range(1 + self.read_ahead)
            ]
        present = self._view
        return next(
            (b for b in self._buffers if present is None or not numpy.may_share_memory(b, present)),
            self._buffers[0],
        )
