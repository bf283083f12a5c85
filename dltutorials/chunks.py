"""Data sets larger than the device's memory, one chunk at a time.

A shared variable need not hold a whole data set. A :class:`ChunkedDataset`
keeps a chunk of several minibatches in its shared variables; when it is used up,
the next chunk replaces it, so that there is one transfer to the device per chunk instead of one
per minibatch. Meanwhile, a thread reads and converts the next chunk
(:mod:`dltutorials.datasets.chunk_reader`). The source is anything that returns rows when
sliced, such as a memory map, and is never read as a whole:

>>> import numpy
>>> x, y = numpy.arange(14.0).reshape(7, 2), numpy.array([0, 1, 2, 0, 1, 2, 0])
>>> data = ChunkedDataset((x, y), batch_size=1, chunk_size=3)
>>> shared_x, _ = data
>>> [data.load_chunk(index) for index in range(5)], shared_x.get_value().tolist()
([0, 1, 2, 0, 1], [[6.0, 7.0], [8.0, 9.0], [10.0, 11.0]])
"""

from collections.abc import Sequence
from typing import Any

from dltutorials.datasets.chunk_reader import ChunkReader
from dltutorials.datasets.examples import warn_of_scale
from dltutorials.datasets.one_set import GREY, check_set, scale_of
from dltutorials.datasets.shuffling import Shuffle, as_shuffle
from dltutorials.datasets.sources import FloatRows
from dltutorials.shared import SharedDataset

import numpy
import theano


class ChunkedDataset(SharedDataset):
    """A data set with one chunk at a time in shared variables.

    It unpacks like any :class:`~dltutorials.shared.SharedDataset`: ``shared_x, y = data``.

    Parameters
    ----------
    data_xy : (source, source) or (source,)
        Examples and labels: arrays, memory maps, or anything that has a shape and returns
        arrays when sliced; do not change them while they are in use.
    batch_size : int
        Examples in a minibatch.
    chunk_size : int
        Minibatches in a chunk.
    read_ahead : bool
        Whether a thread reads the next chunk in advance, which takes the memory of a second chunk.
    targets, class_names, shuffle
        As for :func:`~dltutorials.shared.shared_dataset`.

    Raises
    ------
    OptionError
        If `batch_size` or `chunk_size` is not a positive integer, or exceeds the size of the set.
    DataError
        If there are not as many labels as examples; from :meth:`load_chunk`, if the source cannot
        be read, has changed in size, or contains something that is not a number or not a label.

    Notes
    -----
    Source: Getting Started, "MNIST Dataset" (data that do not fit on the GPU).
    """

    is_resident = False

    def __init__(
        self,
        data_xy: Sequence[Any],
        batch_size: int,
        chunk_size: int,
        read_ahead: bool = True,
        *,
        targets: str = "labels",
        class_names: Sequence[str] | None = None,
        shuffle: Shuffle | int | None = None,
    ) -> None:
        columns, names = check_set(data_xy, targets, class_names, lazily=True)
        floatX = theano.config.floatX
        self._reader = ChunkReader(columns, batch_size, chunk_size, floatX, read_ahead, targets)
        self._present: int | None = None
        self.batch_size, self.chunk_size = batch_size, chunk_size
        super().__init__(
            [theano.shared(empty) for empty in self._empty()],
            targets=targets,
            class_names=names,
            scale=scale_of(columns[0]),
            shuffle=as_shuffle(shuffle),
        )

    def begin_epoch(self, epoch: int) -> None:
        """Reorder the chunks for an epoch, which starts with the first minibatch."""
        if self.shuffle is not None:
            self._reader.reorder(self.shuffle.order(epoch, self.n_examples))
            self._present = None

    @property
    def rows(self) -> tuple[FloatRows, ...]:
        """The whole columns, read only when sliced."""
        return self._reader.rows

    @property
    def n_chunks(self) -> int:
        """The number of chunks; the last one may be smaller."""
        return self._reader.n_chunks

    def load_chunk(self, index: int) -> int:
        """Load the chunk that contains a minibatch into the shared variables.

        Parameters
        ----------
        index : int
            The number of the minibatch in the whole set.

        Returns
        -------
        int
            The number of the minibatch within the chunk.
        """
        chunk, position = divmod(index, self.chunk_size)
        if chunk != self._present:
            columns = self._reader.take(chunk)
            if not self.is_scale_examined:
                low, high = float(columns[0].min()), float(columns[0].max())
                warn_of_scale(low, high, self.scale == GREY)
                self.is_scale_examined = True
            for shared, rows in zip(self.stored, columns):
                shared.set_value(rows, borrow=True)
            self._present = chunk
        return position

    def unload(self) -> None:
        """Free the memory of a chunk that the next use of the set would replace anyway."""
        if self._reader.n_chunks > 1:
            for shared, empty in zip(self.stored, self._empty()):
                shared.set_value(empty, borrow=True)
            self._reader.forget()
            self._present = None

    def _empty(self) -> list[numpy.ndarray]:
        return [numpy.empty((0, *rows.shape[1:]), rows.dtype) for rows in self._reader.rows]
