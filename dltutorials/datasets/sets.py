"""A joint check of training, validation and test set, whatever their source.

>>> import numpy
>>> x = numpy.eye(3)
>>> sources = check_sets([(x, ["a", "b", "b"]), (x, ["b", "b", "a"]), (x, ["a", "a", "a"])])
>>> sources.n_in, sources.n_out, sources.class_names, sources.sets[1][1].tolist()
(3, 2, ('a', 'b'), [1, 1, 0])
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from dltutorials.datasets.array_like import as_source, describe
from dltutorials.datasets.examples import require_rows
from dltutorials.datasets.labels import (
    as_labels,
    as_targets,
    count_classes,
    names_of,
    number_names,
)
from dltutorials.datasets.one_set import (
    AS_GIVEN,
    check_names,
    flat,
    require_targets,
    scale_of,
)
from dltutorials.datasets.sources import is_grey
from dltutorials.exceptions import DataError, within
from dltutorials.types import Split

import numpy

SPLITS = ("training", "validation", "test")


class Sources(NamedTuple):
    """A checked data set, not yet converted or copied.

    Finiteness is checked later, when numbers are converted.

    Attributes
    ----------
    sets : ((x, y), (x, y), (x, y))
        Training, validation and test set: `x` is an array or anything else that
        :class:`~dltutorials.datasets.sources.FloatRows` reads, `y` an integer array, or numbers
        for a regression; without labels, each is ``(x,)``.
    n_in : int
        Number of inputs of an example: the tutorial's `D`.
    n_out : int or None
        Number of classes, the tutorial's `L`, or None without class labels.
    class_names : tuple of str, or None
        The name of each label, if the data have names.
    scale : str
        How the numbers are scaled: see :func:`~dltutorials.datasets.one_set.scale_of`.
    name : str
        Name of the file or folder; "" for arrays.
    """

    sets: tuple[Split, ...]
    n_in: int
    n_out: int | None
    class_names: tuple[str, ...] | None = None
    scale: str = AS_GIVEN
    name: str = ""


def check_sets(
    sets: Sequence[Split],
    class_names: Sequence[str] | None = None,
    targets: str = "labels",
    name: str = "",
) -> Sources:
    """Check that sets are valid and fit together.

    Parameters
    ----------
    sets : sequence of (x, y) or (x,)
        Training, validation and test set, or only the training set; array-likes.
    class_names : sequence of str, optional
        The name of each label; by default the labels themselves, if they are names.
    targets : {"labels", "regression"}
        The kind of `y`.
    name : str
        Name of the file that they come from.

    Returns
    -------
    Sources

    Raises
    ------
    DataError
        If a set is empty, or lacks labels for some examples; if examples are not numbers, or
        labels not numbers or names of classes; if the sets' examples differ in shape, or another
        set has labels that the training set lacks.
    OptionError
        If `targets` is anything else.
    """
    require_targets(targets)
    names = None if class_names is None else check_names(class_names)
    examples = _check_examples([pair[0] for pair in sets])
    labels = [pair[1:] for pair in sets]
    n_out: int | None = None
    if not any(labels):
        checked: list[Split] = [(x,) for x in examples]
    else:
        numbers = [len(x) for x in examples]
        if targets == "regression":
            ys = _check_targets(labels, numbers)
        else:
            ys, n_out, names = _check_labels(labels, numbers, names)
        checked = list(zip(examples, ys))
    n_in = int(numpy.prod(examples[0].shape[1:]))
    names = names if n_out else None
    return Sources(tuple(checked), n_in, n_out, names, scale_of(examples[0]), name)


def _check_examples(sources: Sequence[Any]) -> list[Any]:
    checked: list[Any] = []
    form: tuple[int, ...] = ()
    for split, source in zip(SPLITS, sources):
        with within(f"{split} set"):
            x = as_source(source)
            require_rows(x)
            if not checked:
                form = tuple(x.shape[1:])
            elif tuple(x.shape[1:]) != form:
                raise DataError(
                    f"x: got {_count(x.shape[1:])}, the training set has {_count(form)}"
                )
            if checked and is_grey(x) != is_grey(checked[0]):
                raise DataError(
                    f"x: got {describe(x)}, the training set has {describe(checked[0])}, and bytes "
                    "(uint8) are divided by 256, other numbers not; give all sets in the same type"
                )
            checked.append(flat(x))
    return checked


def _count(form: Sequence[int]) -> str:
    if len(form) == 1:
        return f"{form[0]} numbers a row"
    return f"examples of {' x '.join(map(str, form))}"


def _check_labels(
    columns: Sequence[Split], numbers: Sequence[int], names: tuple[str, ...] | None
) -> tuple[list[numpy.ndarray], int, tuple[str, ...] | None]:
    """Return labels as integers, the number of classes, and their names if they have any."""
    checked: list[numpy.ndarray] = []
    n_out, are_texts = 0, False
    for split, column, n_examples in zip(SPLITS, columns, numbers):
        with within(f"{split} set"):
            y = as_labels(_only(column), n_examples)
            if not checked:
                are_texts = y.dtype.kind == "U"
                names = names_of(y) if names is None else names
            elif (y.dtype.kind == "U") != are_texts:
                kinds = ("names", "integers") if are_texts else ("integers", "names")
                raise DataError(f"y: got {kinds[1]}, the training set has {kinds[0]} of classes")
            y = number_names(y, names) if are_texts and names is not None else y
            if not checked:
                n_out = count_classes(y) if names is None else len(names)
            if y.max() >= n_out:
                raise DataError(
                    f"y: got labels up to {y.max()}, expected at most {n_out - 1}, "
                    f"the largest of the {'names' if names else 'training set'}"
                )
            checked.append(y)
    return checked, n_out, names


def _check_targets(columns: Sequence[Split], numbers: Sequence[int]) -> list[numpy.ndarray]:
    checked: list[numpy.ndarray] = []
    for split, column, n_examples in zip(SPLITS, columns, numbers):
        with within(f"{split} set"):
            y = as_targets(_only(column), n_examples)
            if checked and y.shape[1:] != checked[0].shape[1:]:
                raise DataError(
                    f"y: got targets of shape {y.shape[1:]}, the training set has "
                    f"{checked[0].shape[1:]}"
                )
            checked.append(y)
    return checked


def _only(column: Split) -> Any:
    if len(column) != 1:
        raise DataError("got no labels, although another set has them; expected a pair (x, y)")
    return column[0]
