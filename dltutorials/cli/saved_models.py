"""The options of a command that reads a saved model, and what it says of the file.

>>> parser = argparse.ArgumentParser()
>>> add_saved_model_arguments(parser, "whose test set is used")
>>> parser.parse_args(["--activation", "relu"]).activation
'relu'
"""

import argparse

from dltutorials.cli.console import print_message
from dltutorials.datasets import FILE_NAME
from dltutorials.models import CHAPTERS
from dltutorials.prediction.saved_model import SavedModel, read_model


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
