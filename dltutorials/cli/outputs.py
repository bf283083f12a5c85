"""What a training script prints and writes during training, as callbacks of the loop.

A write that fails, for example on a full disk, is reported on stderr, does not end the run, and
is retried with the next value and at the end.
"""

import argparse
import os
from collections.abc import Callable
from typing import Any

from dltutorials.cli.console import print_message, print_results
from dltutorials.exceptions import reason_of
from dltutorials.training.callbacks import Callback
from dltutorials.training.checkpoint import save_state
from dltutorials.training.description import Description
from dltutorials.training.history import HistoryWriter
from dltutorials.training.parameters import save_params
from dltutorials.training.result import record_lines
from dltutorials.training.snapshots import mark_snapshot_folder, save_snapshot
from dltutorials.training.state import Record, TrainingState
from dltutorials.training.task import Task


class LinePrinter(Callback):
    """Prints the tutorial's lines for each record."""

    def on_begin(self, task: Task, state: TrainingState, n_epochs: int) -> None:
        """Remember the task that the records belong to."""
        self.task = task

    def on_record(self, record: Record) -> None:
        """Print one line, or two."""
        print_results(record_lines(record, self.task.n_train_batches, self.task.reported_loss))


class OutputFile(Callback):
    """Writes the newest value, and keeps it until it is on disk.

    Parameters
    ----------
    path : str
    what : str
        The value, in a sentence: "the last state is".
    """

    def __init__(self, path: str, what: str) -> None:
        self.path, self.what = path, what
        self._pending: Callable[[], Any] | None = None

    def keep(self, write: Callable[[], Any]) -> None:
        """Write a value by calling `write`, now, or later if that fails."""
        self._pending = write
        try:
            write()
            self._pending = None
        except OSError as error:
            print_message(f"warning: {self.path} could not be written: {reason_of(error)}")

    def finish(self) -> list[str]:
        """Retry the last write if it failed; return a sentence if it fails again."""
        if self._pending is not None:
            self.keep(self._pending)
        return [] if self._pending is None else [f"{self.what} not in {self.path}"]


class BestParamsFile(OutputFile):
    """The best parameters, with a description of their model."""

    def __init__(self, path: str, about: Description | None = None) -> None:
        super().__init__(path, "the best parameters are")
        self.about = about

    def on_improvement(self, params: list[Any]) -> None:
        """Write better parameters."""
        self.keep(lambda: save_params(params, self.path, self.about))


class CheckpointFile(OutputFile):
    """The state, written at the beginning, after every `every` records, and at the end.

    So what else a killed run left belongs to a state. That of an earlier run in the same file is
    replaced only by the first one after a record.

    Parameters
    ----------
    path : str
    every : int
        Records between two states.
    fingerprint, numerics : dict
        See :func:`dltutorials.training.checkpoint.save_state`.
    """

    def __init__(
        self, path: str, every: int, fingerprint: dict[str, Any], numerics: dict[str, Any]
    ) -> None:
        super().__init__(path, "the last state is")
        self.every, self.fingerprint, self.numerics = every, fingerprint, numerics

    def on_checkpoint(self, state: TrainingState) -> None:
        """Write a state if one is due."""
        if state.iteration < 0:  # the beginning of a phase
            is_due = bool(state.history) or not os.path.exists(self.path)  # keep an earlier run's
        else:
            is_due = bool(state.stop_reason) or len(state.history) % self.every == 0
        if is_due:
            self.keep(lambda: save_state(state, self.path, self.fingerprint, self.numerics))


class HistoryFile(OutputFile):
    """The records, one line each.

    Parameters
    ----------
    path : str
    describe : callable(Task) -> dict
        Returns the header.
    """

    def __init__(self, path: str, describe: Callable[[Task], dict[str, Any]]) -> None:
        super().__init__(path, "the last records are")
        self.describe = describe
        self.writer: HistoryWriter | None = None

    def on_begin(self, task: Task, state: TrainingState, n_epochs: int) -> None:
        """Start the file with the header of this phase and the records so far."""
        self.records, header = state.history, self.describe(task)

        def begin() -> None:
            self.writer, self.is_begun = HistoryWriter(self.path, header, self.records), True

        self.begin, self.is_begun = begin, False
        if self.writer is None:
            begin()
        else:
            self.keep(begin)

    def on_record(self, record: Record) -> None:
        """Add a record."""
        assert self.writer is not None
        if self.is_begun:
            writer, records = self.writer, self.records
            self.keep(lambda: writer.update(records))
        else:
            self.keep(self.begin)


class SnapshotFolder(OutputFile):
    """The parameters, written after every `every` records.

    Parameters
    ----------
    folder : str
    every : int
    marks : dict
        The fingerprint of the run.
    about : Description, optional
        Of the model.
    """

    def __init__(
        self,
        folder: str,
        every: int,
        marks: dict[str, Any],
        about: Description | None = None,
    ) -> None:
        super().__init__(folder, "the last snapshot is")
        self.every, self.about = every, about
        mark_snapshot_folder(folder, marks)

    def on_begin(self, task: Task, state: TrainingState, n_epochs: int) -> None:
        """Remember the task and its state."""
        self.task, self.state = task, state

    def on_record(self, record: Record) -> None:
        """Write a snapshot if one is due."""
        if len(self.state.history) % self.every == 0:
            params, iteration = self.task.get_params(), record["iteration"]
            phase = self.state.phase
            self.keep(lambda: save_snapshot(params, self.path, iteration, phase, self.about))


def open_outputs(
    options: argparse.Namespace,
    describe: Callable[[Task], dict[str, Any]],
    fingerprint: dict[str, Any],
    numerics: dict[str, Any],
    about: Description | None = None,
) -> list[OutputFile]:
    """Return the callbacks for the files that the options ask for.

    Parameters
    ----------
    options : argparse.Namespace
    describe : callable(Task) -> dict
        Returns the header of the history.
    fingerprint, numerics : dict
        What a checkpoint says about its run.
    about : Description, optional
        Of the model.
    """
    files: list[OutputFile] = [BestParamsFile(options.save, about)]
    if options.history is not None:
        files.append(HistoryFile(options.history, describe))
    if options.snapshots is not None:
        every = options.snapshot_every
        files.append(SnapshotFolder(options.snapshots, every, fingerprint, about))
    if options.checkpoint is not None:
        every = options.checkpoint_every
        files.append(CheckpointFile(options.checkpoint, every, fingerprint, numerics))
    return files
