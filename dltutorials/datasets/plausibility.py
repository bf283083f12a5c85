"""Warnings about data that pass every check but cannot be learned from.

A model learns nothing from identical rows, hardly anything from minibatches of a single class, and
the wrong thing if the labels of another set mean something else. :func:`find_doubts` looks at a
sample of the rows and at all labels, and reports each oddity with advice in one line:

>>> import numpy
>>> x, y = numpy.random.RandomState(0).rand(400, 3), numpy.arange(400) // 200
>>> for doubt in find_doubts([(x, y)]):
...     print(doubt)
training set: the rows are sorted by label, so that a minibatch has hardly more than one class; \
shuffle them: --shuffle SEED, or load_data(..., shuffle=SEED)
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from dltutorials.datasets.examples import doubts_of_scale, may_be_grey
from dltutorials.datasets.one_set import AS_GIVEN, GREY
from dltutorials.datasets.sets import SPLITS
from dltutorials.types import Split

import numpy

_N_BLOCKS, _BLOCK = 80, 25  # blocks of rows to look at, spread over a set
_LONG_RUN = 10  # rows with the same label, on average
_LARGE, _SMALL = 10.0, 0.01  # root mean square of an input, far from 1
_RATIO = 5.0  # between the sizes of two sets
_FEW_LABELS = 50  # labels at most that the sampled rows can tell apart


_MEANING = {GREY: "divided by 256, as bytes are", AS_GIVEN: "as they are"}


class _Sample(NamedTuple):
    """Some rows of a set, and the labels of these rows and of all rows."""

    split: str
    x: numpy.ndarray | None
    y: numpy.ndarray | None
    all_y: numpy.ndarray | None


def find_doubts(
    sets: Sequence[Split], is_shuffled: bool = False, scales: Sequence[str | None] = ()
) -> list[str]:
    """Return the reasons to doubt that a model can learn from data.

    Parameters
    ----------
    sets : sequence of (x, y) or (x,)
        Training set, and validation and test set if any: arrays, or
        :class:`~dltutorials.datasets.sources.FloatRows`; `y` as labels from 0 on.
    is_shuffled : bool
        Whether the rows of the training set are shuffled before use.
    scales : sequence of str, optional
        How the numbers of each set were scaled; None if that has been checked.

    Returns
    -------
    list of str
        One line for each reason.
    """
    train, *others = [_sample(split, *columns) for split, columns in zip(SPLITS, sets)]
    first, *scales_of_others = scales or [None]
    doubts = []
    if first is not None and train.x is not None:
        low, high = float(train.x.min()), float(train.x.max())
        doubts += doubts_of_scale(low, high, first == GREY, "training set: x")
    if train.x is not None:
        sizes = not doubts and first != GREY
        doubts += [f"training set: {doubt}" for doubt in _doubts_of_inputs(train.x, sizes)]
    doubts += [f"training set: {doubt}" for doubt in _doubts_of_order(train.all_y, is_shuffled)]
    for other, scale in zip(others, scales_of_others):
        if scale not in (first, None) and first is not None:
            doubts.append(
                f"{other.split} set: its numbers are used {_MEANING[scale]}, the training set's "
                f"{_MEANING[first]}; give both in the same type"
            )
    for other in others:
        doubts += [f"{other.split} set: {doubt}" for doubt in _doubts_of_other(train, other)]
    return doubts


def _sample(split: str, x: Any, y: Any = None) -> _Sample:
    all_y = None if y is None else _read(y, [(0, len(y))]).astype("int64")
    source = getattr(x, "source", x)
    if not isinstance(source, numpy.ndarray):  # reading all of it may take long
        return _Sample(split, None, None, all_y)
    n = len(x)
    step = max(n / _N_BLOCKS, _BLOCK)
    starts = [int(start) for start in numpy.arange(0, n, step)]
    blocks = [(start, min(start + _BLOCK, n)) for start in starts]
    rows = _read(x, blocks).reshape(-1, int(numpy.prod(x.shape[1:])))
    sample_y = None if all_y is None else numpy.concatenate([all_y[a:b] for a, b in blocks])
    return _Sample(split, rows, sample_y, all_y)


def _read(rows: Any, blocks: Sequence[tuple[int, int]]) -> numpy.ndarray:
    if isinstance(rows, numpy.ndarray):
        return numpy.concatenate([rows[start:stop] for start, stop in blocks])
    parts = []
    for start, stop in blocks:
        block = rows.read(start, stop)
        parts.append(numpy.array(block))
        rows.release(block)
    return numpy.concatenate(parts)


def _doubts_of_order(y: numpy.ndarray | None, is_shuffled: bool) -> Iterator[str]:
    """Check the order of the labels in the training set."""
    if y is None:
        return
    counts = numpy.bincount(y)
    if (counts > 0).sum() == 1:
        yield (
            f"all {len(y):,} examples have the label {y[0]}, so that there is nothing to learn; "
            "give examples of two classes at least"
        )
        return
    n_runs = 1 + int((y[1:] != y[:-1]).sum())
    expected = len(y) * (1 - ((counts / len(y)) ** 2).sum())  # in a random order
    if not is_shuffled and len(y) / n_runs >= _LONG_RUN and n_runs < expected / _LONG_RUN:
        yield (
            "the rows are sorted by label, so that a minibatch has hardly more than one class; "
            "shuffle them: --shuffle SEED, or load_data(..., shuffle=SEED)"
        )


def _doubts_of_inputs(x: numpy.ndarray, sizes: bool) -> Iterator[str]:
    """Check the examples of the training set, and their scale if `sizes` is true."""
    if len(x) < 2:
        return
    low, high = x.min(axis=0), x.max(axis=0)
    n_constant, n_inputs = int((low == high).sum()), x.shape[1]
    if n_constant == n_inputs:
        yield "all examples are the same, so that there is nothing to learn; look at how x is made"
        return
    if n_constant > n_inputs / 2:
        yield (
            f"{n_constant:,} of {n_inputs:,} inputs are constant in the {len(x):,} examples looked "
            "at, and of no use; leave them out: x[:, x.min(axis=0) < x.max(axis=0)]"
        )
    largest = _size(x)
    if sizes and (
        (largest > _LARGE and not may_be_grey(low.min(), high.max())) or largest < _SMALL
    ):
        yield (
            f"the numbers of an input are of the size {largest:.2g}, far from 1, for which "
            "learning rates and first weights are made; scale all sets alike, x = (x - mean) / std "
            "with those of the training set, or divide them by a number"
        )


def _size(x: numpy.ndarray) -> float:
    """Return the largest root mean square of an input."""
    return float(numpy.sqrt(numpy.einsum("ij,ij->j", x, x, dtype="float64") / len(x)).max())


def _doubts_of_other(train: _Sample, other: _Sample) -> Iterator[str]:
    if train.x is not None and other.x is not None:
        sizes = _size(train.x), _size(other.x)
        if max(sizes) > _RATIO * min(sizes):
            yield (
                f"the numbers of its inputs are of the size {sizes[1]:.2g}, the training set's "
                f"{sizes[0]:.2g}; scale both alike, with the same numbers"
            )
            return
    if train.all_y is None or other.all_y is None:
        return
    n_labels = int(max(train.all_y.max(), other.all_y.max())) + 1
    if n_labels == 1:
        return
    yield from _doubts_of_counts(train.all_y, other.all_y, n_labels)
    if n_labels <= _FEW_LABELS:
        yield from _doubts_of_meaning(train, other, n_labels)


def _doubts_of_counts(train_y: numpy.ndarray, y: numpy.ndarray, n_labels: int) -> Iterator[str]:
    """Compare the frequencies of the labels, allowing for chance in small sets."""
    expected, found = (numpy.bincount(v, minlength=n_labels) / len(v) for v in (train_y, y))
    difference = numpy.abs(expected - found).sum() / 2
    if difference > 0.2 + numpy.sqrt(n_labels / len(y)):
        worst = int(numpy.abs(expected - found).argmax())
        yield (
            f"its labels are distributed otherwise: {found[worst]:.0%} of them are {worst}, "
            f"{expected[worst]:.0%} of the training set's; draw all sets from the same examples: "
            "load_data((x, y), split=...)"
        )


def _doubts_of_meaning(train: _Sample, other: _Sample, n_labels: int) -> Iterator[str]:
    """Check whether the training set's nearest class mean predicts the other set's labels."""
    if train.x is None or other.x is None or train.y is None or other.y is None:
        return
    half = numpy.arange(len(train.x)) % 2 == 0
    counts = numpy.bincount(train.y[half], minlength=n_labels)
    if counts.min() < 5 or len(other.x) < 50:  # too few to tell
        return
    is_of = numpy.eye(n_labels, dtype=train.x.dtype)[train.y[half]]
    means = is_of.T @ train.x[half] / counts[:, None].astype(train.x.dtype)
    known = (_nearest(means, train.x[~half]) == train.y[~half]).mean()
    nearest = _nearest(means, other.x)
    right = (nearest == other.y).mean()
    chance = ((counts / counts.sum()) ** 2).sum()
    if known - chance < 0.3 or right > chance + (known - chance) / 3:
        return
    table = numpy.zeros((n_labels, n_labels), int)
    numpy.add.at(table, (other.y, nearest), 1)
    present = table.sum(axis=1) > 0
    others = table.argmax(axis=1)
    renamed = table.max(axis=1).sum() / table.sum()
    if renamed > chance + (known - chance) / 2:
        pairs = [f"{a} for {b}" for a, b in enumerate(others) if present[a] and a != b][:3]
        cause = f"they stand for others ({', '.join(pairs)}); number both sets alike"
    else:
        cause = "are x and y in the same order?"
    yield (
        f"its labels do not fit its examples as the training set's do (nearest class mean: "
        f"{right:.0%} right, there {known:.0%}): {cause}"
    )


def _nearest(means: numpy.ndarray, x: numpy.ndarray) -> numpy.ndarray:
    return (x @ means.T - (means**2).sum(axis=1) / 2).argmax(axis=1)
