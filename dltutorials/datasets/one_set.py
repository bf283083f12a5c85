"""A check of one set of examples and labels by itself, whatever its source.

>>> (x, y), class_names = check_set(([[0, 1], [1, 0], [1, 1]], ["cat", "dog", "cat"]))
>>> x.shape, y.tolist(), class_names
((3, 2), [0, 1, 0], ('cat', 'dog'))
"""

from collections.abc import Sequence
from typing import Any

from dltutorials.checks import require_choice
from dltutorials.datasets.array_like import as_source
from dltutorials.datasets.arrays import as_pairs
from dltutorials.datasets.examples import require_rows
from dltutorials.datasets.labels import as_labels, as_targets, names_of, number_names
from dltutorials.datasets.sources import is_grey
from dltutorials.exceptions import DataError
from dltutorials.types import Split

import numpy

TARGETS = ("labels", "regression")
GREY = "bytes divided by 256"
AS_GIVEN = "as given"


def check_set(
    data: Any,
    targets: str = "labels",
    class_names: Sequence[str] | None = None,
    lazily: bool = False,
) -> tuple[Split, tuple[str, ...] | None]:
    """Check one set by itself; it may lack some of the labels.

    Parameters
    ----------
    data : (x, y), (x,) or x
        Array-likes.
    targets, class_names
        As for :func:`~dltutorials.datasets.sets.check_sets`.
    lazily : bool
        Whether to check the values of numeric labels only when they are read.

    Returns
    -------
    ((x, y) or (x,), class_names)

    Raises
    ------
    DataError, OptionError
        As :func:`~dltutorials.datasets.sets.check_sets`, except for missing labels.
    """
    require_targets(targets)
    pairs = as_pairs(data)
    if len(pairs) != 1:
        raise DataError(f"got {len(pairs)} sets, expected one pair (x, y); load_data takes all")
    x, *labels = pairs[0]
    x = as_source(x)
    require_rows(x)
    if not labels:
        return (flat(x),), None
    if targets == "regression":
        return (flat(x), as_targets(labels[0], len(x))), None
    if lazily and _is_column(labels[0]):
        return (flat(x), labels[0]), None if class_names is None else check_names(class_names)
    y = as_labels(labels[0], len(x))
    names = names_of(y) if class_names is None else check_names(class_names)
    if y.dtype.kind == "U" and names is not None:
        y = number_names(y, names)
    elif names is not None and y.max() >= len(names):
        raise DataError(
            f"y: got labels up to {y.max()}, expected at most {len(names) - 1}, one name per label"
        )
    return (flat(x), y), names


def require_targets(targets: str) -> None:
    """Refuse invalid targets.

    Raises
    ------
    OptionError
    """
    require_choice("targets", targets, TARGETS)


def check_names(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of classes, checked.

    Raises
    ------
    DataError
        If two are the same, or there are none.
    """
    checked = tuple(map(str, names))
    if isinstance(names, str) or not checked or len(set(checked)) != len(checked):
        raise DataError(f"class_names: got {names!r:.80}, expected a different name for each label")
    return checked


def scale_of(x: Any) -> str:
    """Return how the numbers of examples are scaled: :data:`GREY` or :data:`AS_GIVEN`."""
    return GREY if is_grey(x) else AS_GIVEN


def _is_column(y: Any) -> bool:
    """Return whether labels are numbers in an array, or something that only supports slicing."""
    if isinstance(y, numpy.ndarray):
        return y.ndim == 1 and y.dtype.kind in "biuf"
    return hasattr(y, "shape") and not hasattr(y, "__array__")


def flat(x: Any) -> Any:
    """Flatten each example to a row, unless that would read a whole file."""
    has_images = isinstance(x, numpy.ndarray) and x.ndim > 2
    if has_images and (x.flags.c_contiguous or not isinstance(x, numpy.memmap)):
        return x.reshape(len(x), -1)
    return x
