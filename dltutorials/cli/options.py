"""The options of a training script: their names, their checks, their meaning.

Every training script has those of :func:`add_training_arguments`; one that trains a
classifier, with labels and validation errors, adds :func:`add_classifier_arguments`.

>>> parser = argparse.ArgumentParser()
>>> add_training_arguments(parser, learning_rate=0.13, batch_size=600)
>>> add_classifier_arguments(parser, patience=5000)
>>> options = parser.parse_args(["--n-epochs", "3"])
>>> check_numbers(options)
>>> early_stopping(options).patience, hyperparameters(options)["learning_rate"]
(5000, 0.13)
"""

import argparse
import dataclasses
import functools
from pathlib import Path
from typing import Any

from dltutorials.checks import (
    require_fraction,
    require_integer,
    require_momentum,
    require_not_negative,
    require_positive,
)
from dltutorials.cli.arguments import add_option
from dltutorials.datasets import FILE_NAME, find_dataset, list_files
from dltutorials.datasets.shuffling import as_shuffle
from dltutorials.exceptions import OptionError
from dltutorials.io.files import make_folder, prepare_output
from dltutorials.io.in_use import FilesInUse
from dltutorials.io.locks import hold_output
from dltutorials.io.targets import check_output
from dltutorials.training.early_stopping import EarlyStopping
from dltutorials.training.history import prepare_history_path
from dltutorials.training.snapshots import prepare_snapshot_folder

# Files that a training run reads and writes; the data themselves are compared, not their path.
_STATE = ("checkpoint", "checkpoint_every", "resume")
_SAMPLES = ("samples", "n_chains", "n_samples", "plot_every")
FILES = ("save", *_STATE, "history", "snapshots", "snapshot_every", *_SAMPLES)
_OUTPUTS = ("save", "checkpoint", "history", "samples")
_NOT_DECIDING = {*FILES, "dataset", "floatX", "n_epochs", "quiet", "chunk_size", "offline"}


def add_training_arguments(
    parser: argparse.ArgumentParser, *, learning_rate: float, batch_size: int, n_epochs: int = 1000
) -> None:
    """Add the options of every training script, with a chapter's own defaults."""
    _add_data_arguments(parser)
    add = functools.partial(add_option, parser)
    add("--learning-rate", "X", learning_rate, "step size")
    text = "factor applied to the learning rate after each epoch; 1 keeps it constant"
    add("--learning-rate-decay", "X", 1.0, text)
    add("--momentum", "X", 0.0, "fraction of the last step that is added to each step")
    add("--n-epochs", "N", n_epochs, "maximum number of epochs")
    add("--batch-size", "N", batch_size, "examples in a minibatch")
    text = "type of all numbers; default: Theano's configuration, or else float32"
    add("--floatX", ["float32", "float64"], None, text)
    _add_file_arguments(parser)


def add_classifier_arguments(
    parser: argparse.ArgumentParser,
    *,
    L2_reg: float = 0.0,
    patience: int | None = 5000,
    patience_epochs: int | None = None,
) -> None:
    """Add the options of a classifier: regularization, early stopping, evaluation.

    The default patience is `patience` minibatches or, if given, `patience_epochs` epochs.
    """
    add = functools.partial(add_option, parser)
    add("--L1-reg", "X", 0.0, "strength of the L1 penalty")
    add("--L2-reg", "X", L2_reg, "strength of the squared L2 penalty")
    text = "initial patience, in minibatches"
    if patience_epochs is not None:
        parser.set_defaults(patience_epochs=patience_epochs)
        patience, text = None, f"{text}; default: {patience_epochs} epochs"
    add("--patience", "N", patience, text)
    text = "after an improvement in minibatch t, extend patience to t times this"
    add("--patience-increase", "X", 2.0, text)
    text = "fraction of the best loss that counts as an improvement"
    add("--improvement-threshold", "X", 0.995, text)
    text = (
        "instead of that threshold: an improvement counts if McNemar's exact test on the "
        "validation mistakes is significant at this level, for example 0.05; default: off"
    )
    add("--significance", "P", None, text)
    text = "minibatches between validations; default: an epoch, or half the patience if less"
    add("--validation-frequency", "N", None, text)
    text = "evaluate every example, not only whole minibatches"
    add("--exact-evaluation", None, False, text)


def add_pretraining_arguments(
    parser: argparse.ArgumentParser, *, pretrain_lr: float, pretraining_epochs: int
) -> None:
    """Add the options of a network whose layers are pretrained one after another."""
    add = functools.partial(add_option, parser)
    add("--hidden-layers-sizes", "N", [1000] * 3, "units of each hidden layer", nargs="+")
    text = "pretraining epochs for each layer; 0 means no pretraining"
    add("--pretraining-epochs", "N", pretraining_epochs, text)
    add("--pretrain-lr", "X", pretrain_lr, "learning rate of pretraining")


def _add_data_arguments(parser: argparse.ArgumentParser) -> None:
    add = functools.partial(add_option, parser)
    text = (
        "data set: a file like mnist.pkl.gz, an .npz file, a folder of IDX files or of images, or "
        "fashion-mnist, which is downloaded"
    )
    add("--dataset", "PATH", FILE_NAME, text)
    add("--offline", None, False, "download nothing")
    text = "minibatches in memory at a time, for data that do not fit; default: all"
    add("--chunk-size", "N", None, text)
    text = "shuffle the training set in every epoch; default: keep its order"
    add("--shuffle", "SEED", None, text)
    add("--shuffle-once", None, False, "with --shuffle: shuffle only once, for all epochs")


def _add_file_arguments(parser: argparse.ArgumentParser) -> None:
    add = functools.partial(add_option, parser)
    add("--save", "FILE", "best_model.pkl", "file for the best parameters")
    add("--checkpoint", "FILE", None, "file for the state of the training run, to resume from")
    add("--checkpoint-every", "N", 1, "validations between two checkpoints")
    text = (
        "continue from this state, with the options of the first run; checkpoints go to the same "
        "file unless --checkpoint names another"
    )
    add("--resume", "FILE", None, text)
    text = "file for the history: one line of JSON per validation, written immediately"
    add("--history", "FILE", None, text)
    add("--snapshots", "FOLDER", None, "folder for snapshots of the parameters")
    add("--snapshot-every", "N", 1, "validations between two snapshots")
    add("--quiet", None, False, "print the result and errors only")


def prepare_training_options(options: argparse.Namespace) -> None:
    """Refuse options that cannot be used, then check and prepare the files of a training run.

    A published data set that is missing is downloaded.
    """
    check_numbers(options)
    options.checkpoint = options.checkpoint or options.resume
    check_files(options)
    for name in _OUTPUTS:  # locked against other programs from here on
        if getattr(options, name, None) is not None:
            hold_output(getattr(options, name))
    for name in ("save", "checkpoint", "samples"):
        if getattr(options, name, None) is not None:
            prepare_output(getattr(options, name))
    if options.history is not None:
        prepare_history_path(options.history, is_resumed=options.resume is not None)
    if options.snapshots is not None:
        make_folder(options.snapshots)
        hold_output(options.snapshots)
        prepare_snapshot_folder(options.snapshots, is_resumed=options.resume is not None)


def check_numbers(options: argparse.Namespace) -> None:
    """Refuse numbers outside their range."""
    for name in ("n_epochs", "batch_size", "chunk_size", "checkpoint_every", "snapshot_every"):
        if getattr(options, name) is not None:
            require_integer(name, getattr(options, name), at_least=1)
    as_shuffle(options.shuffle, options.shuffle_once)
    for name in ("learning_rate", "pretrain_lr"):
        if name in options:
            require_positive(name, getattr(options, name))
    if "pretraining_epochs" in options:
        require_integer("pretraining_epochs", options.pretraining_epochs, at_least=0)
    if getattr(options, "optimizer", "sgd") == "cg":
        _refuse_of_sgd(options)
    require_fraction("learning_rate_decay", options.learning_rate_decay)
    require_momentum("momentum", options.momentum)
    for name in ("L1_reg", "L2_reg"):
        if name in options:
            require_not_negative(name, getattr(options, name))
    early_stopping(options)


def _refuse_of_sgd(options: argparse.Namespace) -> None:
    """Refuse options that conjugate gradients do not support."""
    not_resumed = "cannot be resumed to the byte: their state is SciPy's own"
    for name, why in {
        "checkpoint": not_resumed,
        "resume": not_resumed,
        "shuffle": "use all examples in each step",
        "validation_frequency": "are validated after each step",
    }.items():
        got = getattr(options, name)
        if got is not None:
            raise OptionError(f"{name}: got {got}, but conjugate gradients {why}; leave it out")
    if options.momentum or options.learning_rate_decay != 1:
        got = (
            f"momentum, learning_rate_decay: got {options.momentum}, {options.learning_rate_decay}"
        )
        why = "conjugate gradients find the length of each step themselves"
        raise OptionError(f"{got}, but {why}; leave them out")


def check_files(options: argparse.Namespace) -> None:
    """Refuse a file that is named twice or cannot be written; write nothing."""
    files = FilesInUse()
    files.read("--dataset", *list_files(find_dataset(options.dataset, options.offline)))
    if options.resume is not None:
        files.read("--resume", options.resume)
    for name in _OUTPUTS:
        path = getattr(options, name, None)
        if path is not None:
            check_output(path)
            files.write(f"--{name}", path, may_be="--resume" if name == "checkpoint" else None)
    if options.snapshots is not None:
        files.write("--snapshots", options.snapshots)
        for path in Path(options.snapshots).glob("iteration-*.pkl"):
            files.write("--snapshots", path)


def early_stopping(options: argparse.Namespace, n_train_batches: int = 2) -> EarlyStopping | None:
    """Return the early-stopping rule that the options ask for; None if not a classifier's.

    `n_train_batches`, the minibatches in an epoch, converts a patience given in epochs.
    """
    if "patience" not in options:
        return None
    names = [each.name for each in dataclasses.fields(EarlyStopping)]
    rule = {name: getattr(options, name) for name in names}
    if options.patience is None:
        rule["patience"] = options.patience_epochs * n_train_batches
    return EarlyStopping(**rule)


def hyperparameters(options: argparse.Namespace) -> dict[str, Any]:
    """Return the options that affect the result, except the number of epochs."""
    named = {name: value for name, value in vars(options).items() if name not in _NOT_DECIDING}
    # Neutral values are left out: older checkpoints lack these options.
    if named.get("shuffle") is None:
        named.pop("shuffle_once", None)
    for name, neutral in (("learning_rate_decay", 1), ("momentum", 0), ("optimizer", "sgd")):
        if named.get(name) == neutral:
            named.pop(name)
    return named
