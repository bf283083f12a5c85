"""What a training script does: prepare, train, report."""

import argparse
import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dltutorials import backend
from dltutorials.cli.console import DONE, FAILED, fail, print_message, print_results
from dltutorials.cli.identity import describe_history, digest_of_datasets, fingerprint
from dltutorials.cli.outputs import LinePrinter, open_outputs
from dltutorials.cli.prepare import (
    MakeModel,
    make_placeholders,
    prepare_datasets,
    prepare_phases,
)
from dltutorials.cli.signals import INTERRUPTED
from dltutorials.exceptions import DataError, ResumeError, within
from dltutorials.loading import SharedDatasets
from dltutorials.training.callbacks import Callback
from dltutorials.training.checkpoint import load_state
from dltutorials.training.description import Description, describe_model
from dltutorials.training.history import check_continues
from dltutorials.training.interrupts import StopSignals
from dltutorials.training.phases import Phase, train_phases
from dltutorials.training.progress import ProgressBar
from dltutorials.training.result import Result, result_lines
from dltutorials.training.resuming import check_resumable, describe_differences
from dltutorials.training.snapshots import check_own_snapshots
from dltutorials.training.state import TrainingState

if TYPE_CHECKING:  # it imports all plots
    from dltutorials.cli.samples import SamplesFigure


def train_model(
    program: str,
    options: argparse.Namespace,
    make_model: MakeModel,
    samples: "SamplesFigure | None" = None,
) -> int:
    """Load the data, build, compile and train a model; return the exit status.

    Parameters
    ----------
    program : str
        The name of the program in a checkpoint.
    options : argparse.Namespace
    make_model : callable(x, n_in, n_out) -> model
        See :class:`dltutorials.models.Model`.
    samples : SamplesFigure, optional
        Drawn after training.
    """
    datasets = prepare_datasets(options)
    if samples is not None:
        samples.check(datasets)
    x, y = make_placeholders()
    model = make_model(x, datasets.n_in, datasets.n_out)
    phases = prepare_phases(options, model, x, y, datasets)
    about = describe_model(model, datasets)
    status = train_and_report(program, options, phases, datasets, about)
    if samples is not None and status == DONE:
        samples.draw(model, about, datasets)
        if not options.quiet:
            print_message(f"the samples of {samples.n_chains:,} chains are in {samples.output}")
    return status


def train_and_report(
    program: str,
    options: argparse.Namespace,
    phases: Sequence[Phase],
    datasets: SharedDatasets,
    about: Description | None = None,
) -> int:
    """Train with the options; print the tutorial's lines, and write the requested files.

    Parameters
    ----------
    program : str
        The name of the program in a checkpoint.
    options : argparse.Namespace
    phases : sequence of Phase
    datasets : SharedDatasets
    about : Description, optional
        What the file of the best parameters says about the model.

    Returns
    -------
    int
        The exit status.
    """
    marks, state = {}, None
    if any((options.checkpoint, options.history, options.snapshots)):
        marks = fingerprint(program, options, digest_of_datasets(datasets))
    if options.resume is not None:
        state = _load_state(options.resume, marks)
        if options.history is not None:
            own = {name: marks[name] for name in ("program", "data", "floatX")}
            check_continues(options.history, state.history, own)
        if options.snapshots is not None:
            check_own_snapshots(options.snapshots, marks)
    files = open_outputs(
        options,
        lambda task: describe_history(options, task, marks),
        marks,
        backend.describe_numerics(),
        about,
    )
    signals, bar = StopSignals(), ProgressBar(disable=options.quiet)
    watchers: list[Callback] = [] if options.quiet else [LinePrinter()]
    watchers += [bar] if bar.is_shown else []
    with contextlib.closing(signals), bar:
        try:
            result = train_phases(phases, [*watchers, *files, signals], state)
        except ResumeError as error:
            raise DataError(f"{options.resume}: {error}") from None
        missing = [sentence for file in files for sentence in file.finish()]
    status = _report(result)
    if missing:
        return fail(f"error: {'; '.join(missing)}", FAILED)
    is_told = not options.quiet or status == INTERRUPTED
    if result.best_iteration is not None and is_told:
        kept = "best" if result.is_validated else "newest"
        print_message(f"{result.message}; the {kept} parameters are in {options.save}")
    return signals.exit_status if status == INTERRUPTED else status


def _load_state(path: str, marks: dict) -> TrainingState:
    """Read the state to resume from; report what may change the last digits."""
    checkpoint = load_state(path)
    with within(path):
        check_resumable(checkpoint, marks)
    differences = describe_differences(checkpoint, backend.describe_numerics())
    if differences is not None:
        print_message(f"warning: {path}: {differences}")
    return checkpoint.state


def _report(result: Result) -> int:
    if result.best_iteration is None:
        first = "validation" if result.is_validated else "record"
        of_it = " of this phase" if result.history else ""
        print_message(f"{result.message}, before the first {first}: nothing{of_it} is saved")
    else:
        print_results(result_lines(result))
    if result.stop_reason == "diverged":
        return fail(f"error: {result.message}; try a smaller --learning-rate", FAILED)
    if result.stop_reason == "interrupted":
        return INTERRUPTED
    return FAILED if result.best_iteration is None else DONE
