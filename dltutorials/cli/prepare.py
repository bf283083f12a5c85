"""The preparation of a training script: load the data, build the model, compile.

A script says how to make its model, and what is special about it; the model itself defines its
cost and the loss that judges it (:class:`dltutorials.models.Model`).
"""

import argparse
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from dltutorials import backend
from dltutorials.cli.console import print_message
from dltutorials.cli.options import early_stopping, prepare_training_options
from dltutorials.datasets import SPLITS
from dltutorials.datasets.sources import require_range
from dltutorials.exceptions import DataError, DataWarning, OptionError, within
from dltutorials.loading import SharedDatasets, load_data
from dltutorials.losses import penalty
from dltutorials.training.compile import compile_task
from dltutorials.training.conjugate_gradient import minimize
from dltutorials.training.phases import Phase
from dltutorials.training.task import Task
from dltutorials.types import Expression, SharedVariable, Updates
from dltutorials.updates import decaying_learning_rate, momentum, sgd

import theano.tensor as T

MakeModel = Callable[[Any, int, int], Any]
# Options of a classifier's training that do not apply to its layers.
_OF_LABELS = {"L1_reg", "L2_reg", "exact_evaluation", "significance"}


def prepare_datasets(options: argparse.Namespace) -> SharedDatasets:
    """Check the options, report the backend, and load the data."""
    backend.set_floatX(options.floatX)
    prepare_training_options(options)
    if not options.quiet:
        print_message(backend.describe_backend())
        if sys.stderr is not None and sys.stderr.isatty() and backend.nothing_is_compiled():
            print_message(
                "compiling for the first time takes up to a minute; later runs start soon"
            )
    return load_datasets(options)


def load_datasets(options: argparse.Namespace, memory_map: bool = False) -> SharedDatasets:
    """Load the data as the options say, and report how many examples are left out."""
    with warnings.catch_warnings():
        if options.quiet:
            warnings.simplefilter("ignore", DataWarning)
        datasets = load_data(
            options.dataset,
            options.batch_size,
            options.chunk_size,
            options.offline,
            memory_map,
            shuffle=options.shuffle,
            shuffle_once=options.shuffle_once,
        )
    if datasets.n_out is None and "L1_reg" in options:
        raise DataError(f"{options.dataset}: holds no labels, which a classifier needs: add y")
    is_exact = getattr(options, "exact_evaluation", False)
    n_left_out = {
        split: data.n_examples % options.batch_size
        for split, data in zip(SPLITS, datasets)
        if split == SPLITS[0] or not is_exact
    }
    if any(n_left_out.values()) and not options.quiet:
        counts = ", ".join(f"{n} {split}" for split, n in n_left_out.items() if n)
        message = f"left out of minibatches of {options.batch_size}: {counts} examples"
        if not is_exact:
            message += "; --exact-evaluation counts those of validation and test"
        print_message(message)
    return datasets


def make_placeholders() -> tuple[Expression, Expression]:
    """Return `x` and `y`, the placeholders for the examples and labels of a minibatch."""
    return T.matrix("x"), T.ivector("y")


def prepare_phases(
    options: argparse.Namespace,
    model: Any,
    x: Expression,
    y: Expression,
    datasets: SharedDatasets,
) -> list[Phase]:
    """Return the phases of a training run: one for each pretrained layer, then the model's.

    Parameters
    ----------
    options : argparse.Namespace
        With `pretraining_epochs` and `pretrain_lr`, if the model has `layers`.
    model : Model
        See :class:`dltutorials.models.Model`.
    x, y : Theano variables
        The placeholders for a minibatch.
    datasets : SharedDatasets
    """
    if hasattr(model, "input_range"):
        with within(f"{options.dataset}: training set"):
            require_range(datasets.train.rows[0], *model.input_range)
    n_train_batches = datasets.train.n_examples // options.batch_size
    rule = early_stopping(options, n_train_batches)
    whole = Phase("", lambda: prepare_task(options, model, x, y, datasets), options.n_epochs, rule)
    if _is_cg(options):
        return [whole._replace(train=minimize)]
    layers = getattr(model, "layers", ())
    if not layers or not options.pretraining_epochs:
        return [whole]
    own = {name: value for name, value in vars(options).items() if name not in _OF_LABELS}
    alike = argparse.Namespace(**{**own, "learning_rate": options.pretrain_lr})

    def prepare(layer: Any) -> Callable[[], Task]:
        return lambda: prepare_task(alike, layer, x, y, datasets, model.params)

    return [
        *(
            Phase(f"layer {number}", prepare(layer), options.pretraining_epochs)
            for number, layer in enumerate(layers, start=1)
        ),
        whole._replace(name="fine-tuning"),
    ]


def prepare_task(
    options: argparse.Namespace,
    model: Any,
    x: Expression,
    y: Expression,
    datasets: SharedDatasets,
    params: Sequence[SharedVariable] | None = None,
) -> Task:
    """Compile the training, validation and test of a model, according to the options.

    Parameters
    ----------
    options : argparse.Namespace
    model : Model
        See :class:`dltutorials.models.Model`.
    x, y : Theano variables
        The placeholders for a minibatch.
    datasets : SharedDatasets
    params : sequence of shared variables, optional
        The parameters of the whole network, if the model is one of its layers.
    """
    targets = [y] if model.is_supervised else []
    cost = _regularized_cost(options, model, *targets)
    updates, begin_epoch = prepare_updates(options, model, cost)
    errors = getattr(model, "errors", None)
    misclassified = getattr(model, "misclassified", None)
    _require_evaluation(options, errors, misclassified)
    return compile_task(
        x,
        y if targets else None,
        cost=model.watched() if hasattr(model, "watched") else cost,
        updates=updates,
        errors=None if errors is None else errors(*targets),
        params=model.params if params is None else params,
        datasets=datasets,
        batch_size=options.batch_size,
        exact_evaluation=getattr(options, "exact_evaluation", False),
        misclassified=None if misclassified is None else misclassified(*targets),
        loss=getattr(model, "loss", None),
        begin_epoch=begin_epoch,
        gradients=_is_cg(options),
    )


def _is_cg(options: argparse.Namespace) -> bool:
    return getattr(options, "optimizer", "sgd") == "cg"


def _regularized_cost(options: argparse.Namespace, model: Any, *targets: Expression) -> Expression:
    L1_reg, L2_reg = (getattr(options, name, 0.0) for name in ("L1_reg", "L2_reg"))
    return model.cost(*targets) + penalty(model.weights, L1_reg, L2_reg)


def prepare_updates(
    options: argparse.Namespace, model: Any, cost: Expression
) -> tuple[Updates, Callable[[int], None] | None]:
    """Return the updates of a training step, and what to call before each epoch."""
    if _is_cg(options):
        return [], None
    rate, begin_epoch = options.learning_rate, None
    if options.learning_rate_decay != 1:
        rate, begin_epoch = decaying_learning_rate(rate, options.learning_rate_decay)
    if hasattr(model, "updates"):
        if options.momentum:
            raise OptionError(
                f"momentum: got {options.momentum}, but {type(model).__name__} has updates of its "
                "own; leave it out"
            )
        return model.updates(cost, rate), begin_epoch
    if options.momentum:
        return momentum(cost, model.params, rate, options.momentum), begin_epoch
    return sgd(cost, model.params, rate), begin_epoch


def _require_evaluation(options: argparse.Namespace, errors: Any, misclassified: Any) -> None:
    """Refuse evaluation options if there is nothing to evaluate."""
    for name, is_there, what in (
        ("exact_evaluation", errors, "errors to evaluate"),
        ("significance", errors and misclassified, "mistakes to test"),
    ):
        if getattr(options, name, None) not in (None, False) and not is_there:
            raise OptionError(f"{name}: this model has no {what}; leave it out")
