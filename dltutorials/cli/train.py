"""What a training script does: load, build, train, report."""

import argparse
import platform
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from dltutorials import backend
from dltutorials._version import __version__
from dltutorials.cli.console import DONE, FAILED, INTERRUPTED, fail, print_message, print_results
from dltutorials.cli.options import (
    deciding_options,
    early_stopping,
    prepare_training_options,
)
from dltutorials.cli.outputs import Facts, TrainingFiles
from dltutorials.datasets import SPLITS
from dltutorials.datasets.digests import digest_of_arrays
from dltutorials.exceptions import DataError
from dltutorials.losses import penalty
from dltutorials.minibatch import SharedDatasets, load_data
from dltutorials.training.checkpoint import (
    check_resumable,
    load_state,
    require_shapes,
)
from dltutorials.training.compile import compile_task
from dltutorials.training.interrupts import StopSignals
from dltutorials.training.progress import ProgressBar
from dltutorials.training.report import record_lines, result_lines
from dltutorials.training.task import Record, Result, State, Task
from dltutorials.training.trainer import train
from dltutorials.updates import sgd

import theano
import theano.tensor as T

About = Callable[[], Facts]
Build = Callable[[Any, int, int], Any]


def train_model(program: str, options: argparse.Namespace, build: Build) -> int:
    """Load the data, build and compile a model, train it, and return the exit status.

    Parameters
    ----------
    program : str
        What a checkpoint says of who wrote it.
    options : argparse.Namespace
    build : callable(x, n_in, n_out) -> model
        See :func:`prepare_task`.
    """
    backend.set_floatX(options.floatX)
    prepare_training_options(options)
    if not options.quiet:
        print_message(backend.describe_backend())
    datasets = load_datasets(options)
    task = prepare_task(options, build, datasets)

    def about() -> dict[str, Any]:
        arrays = [rows for data in datasets for rows in data.rows]
        return describe_training(program, digest_of_arrays(arrays))

    return train_and_report(task, options, about)


def prepare_task(options: argparse.Namespace, build: Build, datasets: SharedDatasets) -> Task:
    """Build and compile a model as the options say.

    Parameters
    ----------
    options : argparse.Namespace
    build : callable(x, n_in, n_out) -> model
        Returns a model of the matrix `x`, with ``params``, ``weights``,
        ``negative_log_likelihood(y)``, ``errors(y)`` and ``misclassified(y)``.
    datasets : SharedDatasets
    """
    x, y = T.matrix("x"), T.ivector("y")
    model = build(x, datasets.n_in, datasets.n_out)
    cost = model.negative_log_likelihood(y)
    cost += penalty(model.weights, options.L1_reg, options.L2_reg)
    return compile_task(
        x,
        y,
        cost=cost,
        updates=sgd(cost, model.params, options.learning_rate),
        errors=model.errors(y),
        params=model.params,
        datasets=datasets,
        batch_size=options.batch_size,
        exact_evaluation=options.exact_evaluation,
        misclassified=model.misclassified(y),
    )


def load_datasets(options: argparse.Namespace, memory_map: bool = False) -> SharedDatasets:
    """Load the data as the options say, and tell how many examples are left out."""
    datasets = load_data(
        options.dataset, options.batch_size, options.chunk_size, options.offline, memory_map
    )
    n_left_out = {
        split: data.n_examples % options.batch_size
        for split, data in zip(SPLITS, datasets)
        if split == SPLITS[0] or not options.exact_evaluation
    }
    if any(n_left_out.values()) and not options.quiet:
        counts = ", ".join(f"{n} {split}" for split, n in n_left_out.items() if n)
        message = f"left out of minibatches of {options.batch_size}: {counts} examples"
        if not options.exact_evaluation:
            message += "; --exact-evaluation counts those of validation and test"
        print_message(message)
    return datasets


def train_and_report(task: Task, options: argparse.Namespace, about: About) -> int:
    """Train with the options; print the tutorial's lines, write the files asked for.

    `about` returns what the training is about, for states and histories; it takes
    time over the data, and is called only when there are any.
    """
    facts, state = {}, None
    if options.checkpoint is not None or options.history is not None:
        facts = {**deciding_options(options), **about()}
    if options.resume is not None:
        state = _load_state(options, facts, task)
    files = TrainingFiles(
        options,
        task.get_params,
        facts,
        header=describe_history(options, task, facts) if options.history is not None else {},
        records=state["history"] if state else (),
    )
    bar = ProgressBar(task.n_train_batches, options.n_epochs, disable=options.quiet)

    def on_validation(record: Record) -> None:
        if not options.quiet:
            print_results(record_lines(record, task.n_train_batches))
        bar.on_validation(record)
        files.on_validation(record)

    with StopSignals() as stop_requested, bar:
        result = train(
            task,
            options.n_epochs,
            early_stopping(options),
            on_minibatch=bar.on_minibatch if bar.is_shown else None,
            on_validation=on_validation,
            on_improvement=files.best.keep,
            stop_requested=stop_requested,
            on_checkpoint=files.on_checkpoint,
            checkpoint_every=options.checkpoint_every,
            resume=state,
        )
        missing = files.finish()
    status = _report(result)
    if missing:
        return fail(f"error: {'; '.join(missing)}", FAILED)
    if result.best_iteration is not None and not options.quiet:
        print_message(f"{result.message}; the best parameters are in {options.save}")
    return stop_requested.exit_status if status == INTERRUPTED else status


def describe_training(program: str, data: str) -> dict[str, Any]:
    """Return what decides a training beyond its options; `data` is a digest of the arrays.

    The versions are those of the libraries that compute: another one may round
    otherwise, and the resumed training would not be the same to the bit.
    """
    return {
        "program": program,
        "floatX": theano.config.floatX,
        **backend.versions(),
        "data": data,
    }


def describe_history(options: argparse.Namespace, task: Task, facts: Facts) -> dict[str, Any]:
    """Return the header of a history: what was trained, and with what."""
    versions = {
        "dltutorials": __version__,
        **backend.versions(),
        "Python": platform.python_version(),
    }
    return {
        "program": facts["program"],
        "options": vars(options),
        "seed": getattr(options, "seed", None),
        "model": {"shapes": [list(value.shape) for value in task.get_params()]},
        "n_train_batches": task.n_train_batches,
        "floatX": facts["floatX"],
        "device": theano.config.device,
        "BLAS": backend.name_blas(),
        "versions": versions,
        "data": facts["data"],
        "started": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def _load_state(options: argparse.Namespace, facts: dict[str, Any], task: Task) -> State:
    path = options.resume
    state, about = load_state(path)
    try:
        other_engine = check_resumable(about, facts)
        require_shapes(state, task.get_params())
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    if other_engine is not None and not options.quiet:
        print_message(f"{path}: {other_engine}")
    return state


def _report(result: Result) -> int:
    if result.best_iteration is None:
        print_message(f"{result.message}, before the first validation: nothing is saved")
    else:
        print_results(result_lines(result))
    if result.stop_reason == "diverged":
        return fail(f"error: {result.message}; try a smaller --learning-rate", FAILED)
    if result.stop_reason == "interrupted":
        return INTERRUPTED
    return FAILED if result.best_iteration is None else DONE
