"""The options of a command that reads a saved model, and what it says of the file.

>>> parser = argparse.ArgumentParser()
>>> add_saved_model_arguments(parser, "whose test set is used")
>>> parser.parse_args(["--activation", "relu"]).activation
'relu'
"""

import argparse
from typing import Any

from dltutorials.cli.console import print_message
from dltutorials.datasets import FILE_NAME, SPLITS, load_mnist
from dltutorials.exceptions import DataError, in_file
from dltutorials.models import CHAPTERS
from dltutorials.prediction.saved_model import SavedModel, read_model

import numpy


def add_saved_model_arguments(parser: argparse.ArgumentParser, whose: str) -> None:
    """Add the options of a command that shows a saved model the test set.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    whose : str
        The beginning of the help on ``--dataset``.
    """
    add = parser.add_argument
    add("--dataset", default=FILE_NAME, metavar="PATH", help=f"{whose}; default: %(default)s")
    add("--offline", action="store_true", help="download nothing")
    for chapter in CHAPTERS.values():
        for name, values in chapter.assumed.items():
            add(
                f"--{name.replace('_', '-')}",
                choices=values,
                help=f"of {chapter.title}, if the file does not say it; default: {values[0]}",
            )


def read_saved_model(path: str, options: argparse.Namespace) -> SavedModel:
    """Make the model of a file again; tell what the file leaves open.

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
    saved = read_model(path, chosen)
    if saved.assumption is not None:
        print_message(f"{path}: {saved.assumption}; give its option if that is wrong")
    return saved


def read_test_set(
    path: str, options: argparse.Namespace, saved: SavedModel
) -> tuple[Any, numpy.ndarray]:
    """Return the examples and labels of the test set that a saved model is shown.

    Parameters
    ----------
    path : str
        Of the model.
    options : argparse.Namespace
    saved : SavedModel

    Raises
    ------
    DataError
        If the data set cannot be used, or has labels that the model does not know.
    """
    with in_file(path):
        saved.require_labels()
    x, y = load_mnist(options.dataset, options.offline)[SPLITS.index("test")]
    if y.max() >= saved.n_out:
        raise DataError(
            f"{path}: has {saved.n_out} labels, and the test set labels up to {y.max()}; "
            "give the data set that it was trained on (--dataset)"
        )
    return x, y
