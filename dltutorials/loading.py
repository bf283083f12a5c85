"""Load a data set into shared variables, from a file, a name or arrays: :func:`load_data`.

>>> import numpy
>>> x = numpy.random.RandomState(0).rand(60, 4)
>>> y = numpy.array(["cat", "dog"])[numpy.arange(60) % 2]
>>> datasets = load_data((x, y), split=0.25)
>>> (train_set_x, train_set_y), valid_set, test_set = datasets
>>> train_set_x.get_value().shape, valid_set.n_examples, test_set.n_examples
((30, 4), 15, 15)
>>> datasets.n_in, datasets.n_out, datasets.class_names
(4, 2, ('cat', 'dog'))
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dltutorials.chunks import ChunkedDataset
from dltutorials.datasets import FILE_NAME, SPLITS, Sources, check_sets, open_dataset
from dltutorials.datasets.arrays import as_pairs, split_sets
from dltutorials.datasets.plausibility import find_doubts
from dltutorials.datasets.shuffling import Shuffle, as_shuffle
from dltutorials.exceptions import OptionError, warn_of_data, within
from dltutorials.shared import SharedDataset, share
from dltutorials.types import Split


@dataclass(frozen=True)
class SharedDatasets(Sequence):
    """Training, validation and test set on the device, and what they have in common.

    It unpacks to the three sets: ``train_set, valid_set, test_set = load_data()``.

    Attributes
    ----------
    train, valid, test : SharedDataset
    n_in : int
        Numbers per example: the tutorial's `D`.
    n_out : int or None
        Number of classes, the tutorial's `L`, or None without class labels.
    class_names : tuple of str, or None
        The name of each label, if the data set has names.
    scale : str
        How the numbers of the data set were scaled.
    """

    train: SharedDataset
    valid: SharedDataset
    test: SharedDataset
    n_in: int
    n_out: Any = None
    class_names: tuple[str, ...] | None = None
    scale: str = "none"

    def __len__(self) -> int:
        return len(SPLITS)

    def __getitem__(self, number: Any) -> Any:
        return (self.train, self.valid, self.test)[number]


def load_data(
    dataset: Any = FILE_NAME,
    batch_size: int | None = None,
    chunk_size: int | None = None,
    offline: bool = False,
    memory_map: bool = False,
    *,
    split: float | Sequence[float] | None = None,
    seed: int = 0,
    targets: str = "labels",
    class_names: Sequence[str] | None = None,
    shuffle: int | None = None,
    shuffle_once: bool = False,
) -> SharedDatasets:
    """Load a data set into shared variables.

    Parameters
    ----------
    dataset : path, or pairs (x, y) of array-likes
        A file, a folder or a name: see :func:`dltutorials.datasets.loading.load_mnist`. Or arrays,
        lists or tables: three pairs (training, validation and test set); two, the first of which is
        split into training and validation set; or one, from which both other sets are split off.
    batch_size, chunk_size : int, optional
        If both are given, only a chunk of `chunk_size` minibatches of `batch_size` examples is
        in shared variables at a time, and the file is memory-mapped instead of read if its
        format allows it. The trained parameters are byte-identical either way.
    offline : bool
        Whether to fail instead of downloading a published set that is missing.
    memory_map : bool
        Whether shared variables on the CPU may be views of the file, if its arrays already have
        the type used in training (:func:`dltutorials.datasets.npz.write_npy_folder`): processes
        that train on the same file then share one copy in memory.
    split : float or (float, float), optional
        The fractions of the examples that become the validation set and the test set, if fewer than
        three sets are given; by default 1/6 each. Every class is split in the same proportions.
    seed : int
        Seed of this split.
    targets : {"labels", "regression"}
        What `y` contains: labels (integers from 0, or class names), or the numbers that a
        regression predicts.
    class_names : sequence of str, optional
        The name of each label; by default the names in the data, if any.
    shuffle : int, optional
        The seed for shuffling the training set anew in every epoch; by default its order is
        kept, since the published numbers depend on it.
    shuffle_once : bool
        Whether to shuffle only once, for all epochs.

    Returns
    -------
    SharedDatasets
        Unpacks to ``(train_set_x, train_set_y), (valid_set_x, valid_set_y), (test_set_x,
        test_set_y)`` and has ``n_in``, ``n_out`` and ``class_names``.

    Raises
    ------
    DataError
        If the data set is missing or wrong.
    OptionError
        If `batch_size`, `chunk_size` (see :class:`dltutorials.chunks.ChunkedDataset`), `split`,
        `targets` or `shuffle` cannot be used.
    OutOfMemoryError
        If there is not enough memory for the data.

    Warns
    -----
    DataWarning
        If a model probably cannot learn from the data as they are.

    Notes
    -----
    Source: Getting Started, "MNIST Dataset".
    """
    order = as_shuffle(shuffle, shuffle_once)
    if chunk_size is not None and batch_size is None:
        raise OptionError("batch_size: got None, expected the batch size of the chunk")
    if isinstance(dataset, (str, os.PathLike)):
        is_mapped = memory_map or chunk_size is not None
        sources = open_dataset(dataset, is_mapped, offline, split, seed, targets, class_names)
    else:
        sources = check_sets(
            split_sets(as_pairs(dataset), split, seed, targets), class_names, targets
        )
    shared: list[SharedDataset] = []
    with within(sources.name):
        for name, columns in zip(SPLITS, sources.sets):
            with within(f"{name} set"):
                order_here = None if shared else order
                shared.append(_put(columns, sources, targets, order_here, batch_size, chunk_size))
        examine(shared)
    train_set, valid_set, test_set = shared
    names, scale = sources.class_names, sources.scale
    return SharedDatasets(train_set, valid_set, test_set, sources.n_in, sources.n_out, names, scale)


def _put(
    columns: Split,
    sources: Sources,
    targets: str,
    shuffle: Shuffle | None,
    batch_size: int | None,
    chunk_size: int | None,
) -> SharedDataset:
    """Put one set, or a chunk of it, into shared variables."""
    is_train = columns is sources.sets[0]
    if batch_size is None or chunk_size is None:
        return share(columns, True, targets, sources.class_names, shuffle)
    if not is_train:  # a set that is only evaluated may be smaller than a chunk
        chunk_size = min(chunk_size, max(1, len(columns[0]) // batch_size))
    return ChunkedDataset(
        columns,
        batch_size,
        chunk_size,
        read_ahead=is_train,
        targets=targets,
        class_names=sources.class_names,
        shuffle=shuffle,
    )


def examine(datasets: Sequence[SharedDataset]) -> None:
    """Check data sets, once, for problems that keep a model from learning.

    Parameters
    ----------
    datasets : sequence of SharedDataset
        The training set, and the validation and test sets if any.

    Warns
    -----
    DataWarning
        For each problem found: see :func:`dltutorials.datasets.plausibility.find_doubts`.
    """
    if all(data.is_examined for data in datasets):
        return
    columns = [data.rows if data.targets == "labels" else data.rows[:1] for data in datasets]
    scales = [None if data.is_scale_examined else data.scale for data in datasets]
    for doubt in find_doubts(columns, datasets[0].shuffle is not None, scales):
        warn_of_data(doubt)
    for data in datasets:
        data.is_examined = data.is_scale_examined = True
