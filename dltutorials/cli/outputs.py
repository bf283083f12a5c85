"""The files of a training under way: best parameters, state, history, snapshots.

A write that fails, on a full disk for example, is reported on stderr, ends no
training, and is tried again with the next value and at the end.
"""

import argparse
from collections.abc import Callable, Sequence
from typing import Any

from dltutorials.cli.console import print_message
from dltutorials.training.checkpoint import save_state
from dltutorials.training.history import HistoryWriter
from dltutorials.training.parameters import save_params
from dltutorials.training.snapshots import save_snapshot
from dltutorials.training.task import Record, State

Facts = dict[str, Any]


class TrainingFiles:
    """Writes the files that the options ask for; its methods are callbacks of the trainer.

    Parameters
    ----------
    options : argparse.Namespace
    get_params : callable() -> list
        The parameters of the model, for snapshots.
    facts : dict
        What a state says of the training it is of.
    header : dict
        Of the history.
    records : sequence of dict
        The history so far, of a training that is resumed.
    """

    def __init__(
        self,
        options: argparse.Namespace,
        get_params: Callable[[], list[Any]],
        facts: Facts,
        header: Facts,
        records: Sequence[Record] = (),
    ) -> None:
        self.records, self.get_params = list(records), get_params
        self.snapshot_every = options.snapshot_every
        self.best = _File(options.save, "the best parameters are", save_params)
        self.state = self.history = self.snapshots = None
        if options.checkpoint is not None:
            self.state = _File(
                options.checkpoint,
                "the last state is",
                lambda state, path: save_state(state, facts, path),
            )
        if options.history is not None:
            writer = HistoryWriter(options.history, header, records)
            self.history = _File(
                options.history, "the last records are", lambda records, _: writer.update(records)
            )
        if options.snapshots is not None:
            self.snapshots = _File(
                options.snapshots,
                "the last snapshot is",
                lambda snapshot, folder: save_snapshot(snapshot[0], folder, snapshot[1]),
            )

    @property
    def on_checkpoint(self) -> Callable[[State], None] | None:
        """Return what to call with each state, or None where none is wanted."""
        return None if self.state is None else self.state.keep

    def on_validation(self, record: Record) -> None:
        """Write a record of the history, and a snapshot when it is time for one."""
        self.records.append(record)
        if self.history is not None:
            self.history.keep(self.records)
        if self.snapshots is not None and len(self.records) % self.snapshot_every == 0:
            self.snapshots.keep((self.get_params(), record["iteration"]))

    def finish(self) -> list[str]:
        """Try once more what failed last; return a sentence on each that fails again."""
        files = (self.best, self.state, self.history, self.snapshots)
        return [sentence for file in files if file for sentence in file.finish()]


class _File:
    """Writes the newest value, and remembers it until it is on the disk."""

    def __init__(self, path: str, what: str, write: Callable[[Any, str], Any]) -> None:
        self.path, self.what, self.write = path, what, write
        self.pending: Any = None

    def keep(self, value: Any) -> None:
        self.pending = value
        try:
            self.write(value, self.path)
            self.pending = None
        except OSError as error:
            print_message(f"warning: {self.path} could not be written: {error.strerror or error}")

    def finish(self) -> list[str]:
        if self.pending is not None:
            self.keep(self.pending)
        return [] if self.pending is None else [f"{self.what} not in {self.path}"]
