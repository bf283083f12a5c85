"""What commands that read a saved model share: options, the model, the test set.

>>> parser = argparse.ArgumentParser()
>>> add_saved_model_arguments(parser, "whose test set is used")
>>> parser.parse_args(["--activation", "relu"]).activation
'relu'
"""

import argparse
from collections.abc import Sequence
from typing import Any, NamedTuple

from dltutorials.cli.arguments import add_option
from dltutorials.datasets import FILE_NAME, SPLITS, open_dataset
from dltutorials.datasets.sets import Sources
from dltutorials.datasets.sources import FloatRows, require_finite
from dltutorials.exceptions import DataError, in_file
from dltutorials.models import CHAPTERS
from dltutorials.prediction.saved_model import SavedModel, load_model
from dltutorials.types import PathLike

import numpy


def add_saved_model_arguments(parser: argparse.ArgumentParser, whose: str) -> None:
    """Add the options of a command that applies a saved model to the test set.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    whose : str
        The beginning of the help on ``--dataset``.
    """
    add_option(parser, "--dataset", "PATH", FILE_NAME, whose)
    add_option(parser, "--offline", None, False, "download nothing")
    for chapter in CHAPTERS.values():
        for name, values in chapter.assumed.items():
            text = f"of {chapter.title}, if the file does not say it; default: {values[0]}"
            add_option(parser, f"--{name.replace('_', '-')}", list(values), None, text)


def read_saved_model(path: PathLike, options: argparse.Namespace) -> SavedModel:
    """Rebuild the model from a file.

    Parameters
    ----------
    path : str
    options : argparse.Namespace
        With those of :func:`add_saved_model_arguments`.

    Raises
    ------
    DataError, OptionError
        As :func:`dltutorials.prediction.saved_model.load_model`.
    """
    names = [name for chapter in CHAPTERS.values() for name in chapter.assumed]
    chosen = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    return load_model(path, **chosen)


class TestSet(NamedTuple):
    """The test set of the data set that the options name.

    Attributes
    ----------
    x : float array ``(n_examples, n_in)``
    y : integer array ``(n_examples,)``, or None if there are no labels
        Numbered as in the model.
    """

    x: numpy.ndarray
    y: numpy.ndarray | None


def read_test_set(
    path: str, options: argparse.Namespace, saved: SavedModel, is_labelled: bool = True
) -> TestSet:
    """Return the test examples and labels for a saved model.

    Parameters
    ----------
    path : str
        The file of the model.
    options : argparse.Namespace
    saved : SavedModel
    is_labelled : bool
        Whether the labels are needed; the model must then be able to predict them.

    Raises
    ------
    DataError
        If the data set cannot be used, or has labels that the model does not know.
    """
    if is_labelled:
        with in_file(path):
            saved.require_labels()
    sources = open_dataset(options.dataset, offline=options.offline)
    x, *labels = sources.sets[SPLITS.index("test")]
    values = _read_floats(sources, x, saved)
    if not labels or not is_labelled:
        return TestSet(values, None)
    with in_file(path):
        return TestSet(values, _number_alike(labels[0], sources.class_names, saved))


def read_train_and_valid(
    options: argparse.Namespace, saved: SavedModel
) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Return the validation examples, and before them as many of training, or all if fewer.

    Raises
    ------
    DataError
        If the data set cannot be used.
    """
    sources = open_dataset(options.dataset, offline=options.offline)
    (train_x, *_), (valid_x, *_), _ = sources.sets
    return (
        _read_floats(sources, train_x[: len(valid_x)], saved),
        _read_floats(sources, valid_x, saved),
    )


def _read_floats(sources: Sources, x: Any, saved: SavedModel) -> numpy.ndarray:
    rows = FloatRows(x, saved.model.params[0].dtype)
    with in_file(sources.name):
        values = rows.whole()
        require_finite(values, rows)
    return values


def _number_alike(
    y: numpy.ndarray, class_names: Sequence[str] | None, saved: SavedModel
) -> numpy.ndarray:
    """Return the labels as the numbers that the model uses for them."""
    if y.max() >= saved.n_out:
        raise DataError(
            f"has {saved.n_out} labels, and the test set labels up to {y.max()}; "
            "give the data set that it was trained on (--dataset)"
        )
    if class_names is None or saved.class_names in (None, class_names):
        return y
    numbers = {name: number for number, name in enumerate(saved.class_names)}
    present = [class_names[label] for label in numpy.unique(y)]
    unknown = next((name for name in present if name not in numbers), None)
    if unknown is not None:
        raise DataError(
            f"has the classes {', '.join(map(repr, saved.class_names[:10]))}, and the test set "
            f"{unknown!r}; give the data set that it was trained on (--dataset)"
        )
    return numpy.array([numbers.get(name, -1) for name in class_names])[y]
