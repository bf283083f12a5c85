"""Training runs as columns of numbers, each run with a label, for :mod:`.curves`.

>>> from dltutorials.training.history import History
>>> record = dict(epoch=1, iteration=82, validation_loss=0.125)
>>> [run] = read_runs(History({"n_train_batches": 83}, [record]))
>>> run.label, run.epochs.tolist(), run.validation.tolist()
('run 1', [1.0], [12.5])
"""

import json
import operator
import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from dltutorials.exceptions import DataError, OptionError, in_file
from dltutorials.extras import import_optional
from dltutorials.loss import ERROR, Loss
from dltutorials.plotting.figures import COLOURS, plain
from dltutorials.plotting.run_labels import LONGEST_NAME, label_runs, shorten, shorten_paths
from dltutorials.training.history import History, read_history
from dltutorials.training.result import Result

import numpy

MAX_RUNS = 50
_LARGEST = 1e100  # the largest number matplotlib can put on an axis, with a margin


class Run(NamedTuple):
    """A training run as columns, with nan for what is missing.

    Attributes
    ----------
    label : str
        For a legend.
    colour : colour of matplotlib
    epochs : array
        How many were done at each validation, as a fraction.
    iterations : array
    cost : array
        Mean training cost since the last validation.
    validation, test : array
        Errors in %, or other losses unchanged.
    patience : array
        In minibatches.
    loss : Loss
        The kind of the losses, or of the cost if nothing was validated.
    phases : list of (int, str)
        The first record and the name of each phase, if the run has phases.
    """

    label: str
    colour: Any
    epochs: numpy.ndarray
    iterations: numpy.ndarray
    cost: numpy.ndarray
    validation: numpy.ndarray
    test: numpy.ndarray
    patience: numpy.ndarray
    loss: Loss
    phases: Sequence[tuple[int, str]] = ()

    @property
    def marker(self) -> str | None:
        """A point if some phase has a single record, which makes no line."""
        starts = [*(start for start, _ in self.phases or [(0, "")]), len(self.epochs)]
        return "." if min(map(operator.sub, starts[1:], starts)) == 1 else None

    def by_phase(self, values: numpy.ndarray) -> numpy.ndarray:
        """Return a column with nan between phases, to break the line there."""
        return numpy.insert(values, [start for start, _ in self.phases[1:]], numpy.nan)

    @property
    def best(self) -> int | None:
        """The position of the best validation loss, the first if several are equal."""
        find = numpy.nanargmax if self.loss.larger_is_better else numpy.nanargmin
        return int(find(self.validation)) if self.is_validated else None

    @property
    def is_validated(self) -> bool:
        """Whether there is a validation loss."""
        return not numpy.isnan(self.validation).all()


def read_runs(runs: Any, labels: Sequence[str] | None = None) -> list[Run]:
    """Read training runs from histories or results.

    Parameters
    ----------
    runs : path, History, Result, or sequence of these
        History files, which may still be growing, or results of ``read_history`` or of ``train``.
    labels : sequence of str, optional
        One per run; by default its file name and the options in which the runs differ.

    Returns
    -------
    list of Run

    Raises
    ------
    DataError
        If a file cannot be read, a run has no validation yet, or its header does not say
        how many minibatches an epoch has.
    OptionError
        Unless there are 1 to 50 runs, with one label each.
    """
    if isinstance(runs, (str, os.PathLike, History, Result)):
        runs = [runs]
    if not 1 <= len(runs) <= MAX_RUNS:
        raise OptionError(f"runs: got {len(runs)}, expected 1 to {MAX_RUNS}")
    if labels is not None and len(labels) != len(runs):
        raise OptionError(f"labels: got {len(labels)}, expected {len(runs)}, one per run")
    files = [os.fspath(run) if isinstance(run, (str, os.PathLike)) else "" for run in runs]
    histories = [_history_of(run) for run in runs]
    names = labels or [file or f"run {number}" for number, file in enumerate(files, start=1)]
    if labels is None:
        labels = label_runs([history.header for history in histories], shorten_paths(files))
    columns = []
    for history, name, label, colour in zip(histories, names, labels, _colours(len(histories))):
        with in_file(name):
            columns.append(_columns(history, label, colour))
    return columns


def _history_of(run: Any) -> History:
    if isinstance(run, History):
        return run
    if isinstance(run, Result):
        header = {"n_train_batches": _batches_of(run), "loss": asdict(run.loss)}
        return History(header, run.history)
    if isinstance(run, (str, os.PathLike)):
        return read_history(run)
    raise OptionError(
        f"runs: got {type(run).__name__}, expected the result of train, a History, or the path "
        "of a file that --history wrote"
    )


def _batches_of(result: Result) -> int:
    """Return how many minibatches an epoch has."""
    first = result.history[0].get("phase") if result.history else None
    for record in reversed([each for each in result.history if each.get("phase") == first]):
        if record["epoch"] > 1:
            before: int = record["iteration"] + 1 - record["minibatch"]
            return before // (record["epoch"] - 1)
    return 1 + max((record["iteration"] for record in result.history), default=0)


def _columns(history: History, label: str, colour: Any) -> Run:
    n_train_batches = history.header.get("n_train_batches")
    if type(n_train_batches) is not int or not 1 <= n_train_batches < 1 << 63:
        raise DataError(
            f"n_train_batches: got {shorten(json.dumps(n_train_batches), 40)} in the "
            "header, expected a positive integer that 64 bits hold; give a file that --history "
            "wrote"
        )
    if not history.records:
        raise DataError("no validation in it yet; wait for the first one")

    def column(key: str) -> numpy.ndarray:
        values = [record.get(key) for record in history.records]
        numbers = numpy.array([numpy.nan if value is None else value for value in values], float)
        return numpy.where(abs(numbers) < _LARGEST, numbers, numpy.nan)

    iterations, loss = column("iteration"), _loss_of(history.header)
    scale = 100 if loss.is_fraction else 1
    return Run(
        label=plain(label),
        colour=colour,
        epochs=(iterations + 1) / n_train_batches,
        iterations=iterations,
        cost=column("cost"),
        validation=column("validation_loss") * scale,
        test=column("test_score") * scale,
        patience=column("patience"),
        loss=loss,
        phases=_phases_of(history.records),
    )


def _phases_of(records: Sequence[dict[str, Any]]) -> list[tuple[int, str]]:
    names = [record.get("phase") for record in records]
    starts = [n for n, name in enumerate(names) if name and (n == 0 or name != names[n - 1])]
    return [(start, plain(shorten(str(names[start]), LONGEST_NAME))) for start in starts]


def _loss_of(header: dict[str, Any]) -> Loss:
    """Return the kind of a history's losses: errors, if its header does not say."""
    fields, expected = header.get("loss"), asdict(ERROR)
    if not isinstance(fields, dict) or set(fields) != set(expected):
        return ERROR
    if any(type(fields[name]) is not type(value) for name, value in expected.items()):
        return ERROR
    return Loss(**{**fields, "name": plain(shorten(fields["name"], LONGEST_NAME))})


def _colours(n_runs: int) -> Sequence[Any]:
    if n_runs <= len(COLOURS):
        return COLOURS[:n_runs]
    matplotlib = import_optional("matplotlib", "plots need matplotlib")
    return list(matplotlib.colormaps["viridis"](numpy.linspace(0, 0.9, n_runs)))
