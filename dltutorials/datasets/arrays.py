"""Data sets from arrays in memory: three pairs, two, or one that is split.

>>> import numpy
>>> x, y = numpy.arange(40.0).reshape(20, 2), numpy.arange(20) % 2
>>> [(len(x), numpy.bincount(y).tolist()) for x, y in split_sets([(x, y)], 0.2, seed=0)]
[(12, [6, 6]), (4, [2, 2]), (4, [2, 2])]

Of two pairs, the first is split into training and validation set, and the second is the test set.
Splits are stratified: each part has the same fraction of each class.
"""

from collections.abc import Sequence
from typing import Any

from dltutorials.checks import require_integer
from dltutorials.datasets.array_like import as_array, describe
from dltutorials.datasets.examples import require_rows
from dltutorials.datasets.labels import as_labels, as_targets
from dltutorials.datasets.sources import require_finite
from dltutorials.exceptions import DataError, OptionError
from dltutorials.types import Split

import numpy

FRACTION = 1 / 6  # 10,000 of the 60,000 training images of MNIST
_EXPECTED = (
    "expected a pair (x, y) of arrays to be split, two of them (training and test set), or "
    "three (training, validation and test set)"
)


def split_sets(
    pairs: list[Split],
    split: float | Sequence[float] | None = None,
    seed: int = 0,
    targets: str = "labels",
) -> list[Split]:
    """Return training, validation and test set.

    Parameters
    ----------
    pairs : list of (x, y) or (x,)
        Three, two or one, each of array-likes.
    split : float or (float, float), optional
        The fractions of the examples for the validation set and for the test set; one number
        stands for both; 1/6 by default. For two pairs, the second number is not used; three pairs
        are not split.
    seed : int
        Seed of the random choice of examples.
    targets : {"labels", "regression"}
        The kind of `y`.

    Returns
    -------
    list of three (x, y)

    Raises
    ------
    DataError
        If there are too few examples to split, or they are not numbers with one label each.
    OptionError
        If `split` or `seed` is invalid, or there is nothing to split.
    """
    if len(pairs) == len(("training", "validation", "test")):
        if split is not None:
            raise OptionError("split: got three sets, which are not split; leave it out")
        return pairs
    fractions = _check_fractions(FRACTION if split is None else split)[: 3 - len(pairs)]
    require_integer("seed", seed, at_least=0)
    columns = _check_columns(*pairs[0], targets=targets)
    rest, *chosen = _draw(_classes_of(columns[1:], len(columns[0])), fractions, seed)
    return [*(tuple(c[rows] for c in columns) for rows in (rest, *chosen)), *pairs[1:]]


def as_pairs(data: Any) -> list[Split]:
    """Return data as a list of one, two or three sets.

    Parameters
    ----------
    data : pairs (x, y) of array-likes, or one pair
        ``(x,)`` or `x` alone has no labels.

    Raises
    ------
    DataError
        If they are anything else.
    """
    if hasattr(data, "shape") or hasattr(data, "columns"):
        return [(data,)]
    if isinstance(data, (tuple, list)):
        parts = list(data)
        if parts and all(map(_is_pair, parts)):
            if len(parts) > 3:
                raise DataError(f"got {len(parts)} sets, {_EXPECTED}")
            return [tuple(part) for part in parts]
        if len(parts) == 2 or (len(parts) == 1 and _n_dimensions(parts[0]) > 1):
            return [tuple(parts)]
        if _n_dimensions(data) == 2 and _n_dimensions(parts[0]) == 1:
            return [(data,)]
    raise DataError(f"got {describe(data)}, {_EXPECTED}")


def _is_pair(value: Any) -> bool:
    """Return whether a value is (x, y), rather than x itself as a list of rows."""
    if not isinstance(value, (tuple, list)) or len(value) not in (1, 2):
        return False
    has_examples = hasattr(value[0], "shape") or _n_dimensions(value[0]) > 1
    return has_examples and (len(value) == 1 or _n_dimensions(value[1]) > 0)


def _n_dimensions(value: Any) -> int:
    """Return how deep array-likes are nested, without converting them."""
    if hasattr(value, "shape"):
        return len(value.shape)
    if isinstance(value, (tuple, list)) and value:
        return 1 + _n_dimensions(value[0])
    return 0


def _check_fractions(split: float | Sequence[float]) -> tuple[float, ...]:
    expected = (
        "expected a fraction between 0 and 1 for the validation set, and one for the test set"
    )
    try:
        fractions = numpy.broadcast_to(numpy.asarray(split, float), 2).tolist()
    except (ValueError, TypeError):
        raise OptionError(f"split: got {split!r}, {expected}") from None
    if not (all(0 < f < 1 for f in fractions) and sum(fractions) < 1):
        raise OptionError(f"split: got {split!r}, {expected}, with something left for training")
    return tuple(fractions)


def _check_columns(x: Any, *labels: Any, targets: str) -> list[numpy.ndarray]:
    """Check columns before they are split, so that messages have the original row numbers."""
    x = as_array(x)
    require_rows(x)
    if x.dtype.kind == "f":
        require_finite(x)
    check = as_targets if targets == "regression" else as_labels
    return [x, *(check(y, len(x)) for y in labels)]


def _draw(classes: numpy.ndarray, fractions: Sequence[float], seed: int) -> list[numpy.ndarray]:
    """Return the indices of the examples that are left, and of those in each fraction."""
    n_examples = len(classes)
    order = numpy.random.RandomState(seed).permutation(n_examples)
    order = order[numpy.argsort(classes[order], kind="stable")]  # class by class
    is_first = numpy.diff(classes[order], prepend=-1) != 0  # one of each class is kept for training
    kept, order = order[is_first], order[~is_first]
    chosen = []
    for fraction in fractions:
        n = round(fraction * n_examples)
        if not 0 < n <= len(order):
            raise DataError(
                f"got {n_examples} examples, too few to split off "
                f"{' and '.join(f'{f:.3g}' for f in fractions)} of them; give more examples"
            )
        places = ((numpy.arange(n) + 0.5) * len(order) / n).astype(int)  # evenly, so in each class
        chosen.append(numpy.sort(order[places]))
        order = numpy.delete(order, places)
    return [numpy.sort(numpy.concatenate([kept, order])), *chosen]


def _classes_of(labels: Sequence[numpy.ndarray], n_examples: int) -> numpy.ndarray:
    """Return each example's class number; the same for all if the labels hardly are classes."""
    if labels and labels[0].ndim == 1:
        present, numbers = numpy.unique(labels[0], return_inverse=True)
        if len(present) <= n_examples // 2:
            return numbers
    return numpy.zeros(n_examples, int)
