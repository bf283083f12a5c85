"""The options of a training script: their names, their checks, their meaning.

>>> parser = argparse.ArgumentParser()
>>> add_training_arguments(parser, learning_rate=0.13, batch_size=600, L2_reg=0, patience=5000)
>>> options = parser.parse_args(["--n-epochs", "3"])
>>> check_numbers(options)
>>> early_stopping(options).patience, deciding_options(options)["learning_rate"]
(5000, 0.13)
"""

import argparse
import os
from typing import Any

from dltutorials.checks import require_integer, require_not_negative, require_positive
from dltutorials.datasets import FILE_NAME, find_dataset
from dltutorials.exceptions import DataError, OptionError
from dltutorials.io.files import prepare_output
from dltutorials.training.early_stopping import EarlyStopping
from dltutorials.training.history import prepare_history_path
from dltutorials.training.snapshots import prepare_snapshot_folder
from dltutorials.types import PathLike

# Files that a training reads and writes; the data themselves are compared, not their path.
_STATE = ("checkpoint", "checkpoint_every", "resume")
FILES = ("save", *_STATE, "history", "snapshots", "snapshot_every")
_NOT_DECIDING = {*FILES, "dataset", "floatX", "n_epochs", "quiet", "chunk_size", "offline"}


def add_training_arguments(
    parser: argparse.ArgumentParser,
    *,
    learning_rate: float,
    batch_size: int,
    L2_reg: float,
    patience: int,
) -> None:
    """Add the options of every training script, with a chapter's own defaults."""
    add = parser.add_argument
    add(
        "--dataset",
        default=FILE_NAME,
        metavar="PATH",
        help="data set: a file like mnist.pkl.gz, an .npz file, a folder of IDX files, or "
        "fashion-mnist, which is downloaded; default: %(default)s",
    )
    add("--offline", action="store_true", help="download nothing")
    for name, default, text in (
        ("--learning-rate", learning_rate, "length of a step"),
        ("--L1-reg", 0.0, "strength of the L1 penalty"),
        ("--L2-reg", L2_reg, "strength of the squared L2 penalty"),
        ("--patience-increase", 2.0, "after an improvement in minibatch t, train to t times this"),
        ("--improvement-threshold", 0.995, "share of the best loss that counts as an improvement"),
    ):
        add(name, type=float, default=default, metavar="X", help=f"{text}; default: %(default)s")
    for name, count, text in (
        ("--n-epochs", 1000, "most epochs to train"),
        ("--batch-size", batch_size, "examples in a minibatch"),
        ("--patience", patience, "minibatches to train in any case"),
    ):
        add(name, type=int, default=count, metavar="N", help=f"{text}; default: %(default)s")
    add(
        "--chunk-size",
        type=int,
        metavar="N",
        help="minibatches in memory at a time, for data that do not fit; default: all",
    )
    add(
        "--exact-evaluation",
        action="store_true",
        help="evaluate on every example, not on whole minibatches only",
    )
    add(
        "--validation-frequency",
        type=int,
        metavar="N",
        help="minibatches between validations; default: an epoch, or half the patience if less",
    )
    add(
        "--significance",
        type=float,
        metavar="P",
        help="an improvement counts, in the place of that threshold, when McNemar's exact test on "
        "the validation mistakes is significant at this level, for example 0.05; default: off",
    )
    add(
        "--floatX",
        choices=["float32", "float64"],
        help="type of all numbers; default: Theano's configuration, or else float32",
    )
    add(
        "--save",
        default="best_model.pkl",
        metavar="FILE",
        help="file for the best parameters; default: %(default)s",
    )
    add("--checkpoint", metavar="FILE", help="file for the state of the training, to resume from")
    add(
        "--checkpoint-every",
        type=int,
        default=1,
        metavar="N",
        help="validations between two checkpoints; default: %(default)s",
    )
    add(
        "--resume",
        metavar="FILE",
        help="go on from this state, with the options it was begun with; "
        "checkpoints go to the same file unless --checkpoint names another",
    )
    add(
        "--history",
        metavar="FILE",
        help="file for the records of the validations, a line of JSON each, written as they come",
    )
    add("--snapshots", metavar="FOLDER", help="folder for the parameters on the way")
    add(
        "--snapshot-every",
        type=int,
        default=1,
        metavar="N",
        help="validations between two snapshots; default: %(default)s",
    )
    add("--quiet", action="store_true", help="print the result and errors only")


def prepare_training_options(options: argparse.Namespace) -> None:
    """Refuse what cannot be used before anything takes time or is written."""
    check_numbers(options)
    options.checkpoint = options.checkpoint or options.resume
    dataset = find_dataset(options.dataset, options.offline)
    prepare_output(options.save)
    if os.path.exists(options.save) and os.path.samefile(options.save, dataset):
        raise DataError(f"--save {options.save} is the data set itself; choose another file")
    _check_that_paths_differ(options, dataset)
    if options.checkpoint is not None:
        prepare_output(options.checkpoint)
    if options.history is not None:
        prepare_history_path(options.history)
    if options.snapshots is not None:
        prepare_snapshot_folder(options.snapshots, is_resumed=options.resume is not None)


def check_numbers(options: argparse.Namespace) -> None:
    """Refuse numbers that are out of their range."""
    require_integer("n_epochs", options.n_epochs, at_least=1)
    require_integer("batch_size", options.batch_size, at_least=1)
    if options.chunk_size is not None:
        require_integer("chunk_size", options.chunk_size, at_least=1)
    require_positive("learning_rate", options.learning_rate)
    require_not_negative("L1_reg", options.L1_reg)
    require_not_negative("L2_reg", options.L2_reg)
    require_integer("checkpoint_every", options.checkpoint_every, at_least=1)
    require_integer("snapshot_every", options.snapshot_every, at_least=1)
    early_stopping(options)


def _check_that_paths_differ(options: argparse.Namespace, dataset: PathLike) -> None:
    taken = {os.path.realpath(dataset): "--dataset", os.path.realpath(options.save): "--save"}
    for name in ("checkpoint", "history", "snapshots"):
        path = getattr(options, name)
        if path is not None:
            other = taken.setdefault(os.path.realpath(path), f"--{name}")
            if other != f"--{name}":
                raise OptionError(f"{name}: got {path}, which {other} names too; choose another")


def early_stopping(options: argparse.Namespace) -> EarlyStopping:
    """Return the early-stopping rule that the options ask for."""
    return EarlyStopping(
        patience=options.patience,
        patience_increase=options.patience_increase,
        improvement_threshold=options.improvement_threshold,
        validation_frequency=options.validation_frequency,
        significance=options.significance,
    )


def deciding_options(options: argparse.Namespace) -> dict[str, Any]:
    """Return the options that decide the result; for how long and to which file do not."""
    return {name: value for name, value in vars(options).items() if name not in _NOT_DECIDING}
