r"""How trainings went: errors, cost and patience over the epochs, from their histories.

A history (:mod:`dltutorials.training.history`) is read from a file, also while the
training runs, or made of a result in a notebook:

>>> from dltutorials.training.history import History
>>> records = [dict(epoch=e, iteration=83 * e - 1, cost=1 / e, validation_loss=0.1 / e,
...                 test_score=0.11 / e, patience=5000) for e in (1, 2, 3)]
>>> errors, cost, patience = plot_history([History({"n_train_batches": 83}, records)])
>>> errors.get_ylabel(), cost.get_ylabel()
('error, %', 'training cost')
"""

import json
import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from dltutorials.exceptions import DataError, OptionError, in_file
from dltutorials.extras import import_optional
from dltutorials.plotting.figures import COLOURS, GREY, new_figure, plain
from dltutorials.training.history import History

import numpy

MAX_RUNS = 50
_LINE_HEIGHT = 0.2  # inches of a line in the legend
_LONGEST_LABEL = 70  # characters: what fits into the width of a figure
_LONGEST_VALUE = 20
_LARGEST = 1e100  # what matplotlib can put on an axis, with a margin
# Options that say where to and how, and nothing of what is learned.
_FILES = {"save", "checkpoint", "checkpoint_every", "resume", "history", "snapshots", "quiet"}
_FILES |= {"snapshot_every", "offline"}


class _Run(NamedTuple):
    """A history as columns, with nan for what is missing."""

    label: str
    colour: Any
    epochs: numpy.ndarray  # that are done, with fractions
    iterations: numpy.ndarray
    cost: numpy.ndarray
    validation: numpy.ndarray  # %
    test: numpy.ndarray  # %
    patience: numpy.ndarray

    @property
    def marker(self) -> str | None:
        """A point where there is only one, which makes no line."""
        return "." if len(self.epochs) == 1 else None

    @property
    def best(self) -> int | None:
        """The position of the lowest validation error, the first of equal ones."""
        return None if numpy.isnan(self.validation).all() else int(numpy.nanargmin(self.validation))


def plot_history(
    histories: Sequence[History],
    names: Sequence[str] | None = None,
    axes: Sequence[Any] | None = None,
    log: bool = False,
) -> list[Any]:
    """Draw validation and test error, training cost and patience of one or more trainings.

    Parameters
    ----------
    histories : sequence of History
        Several get a colour each, and a label of what differs in their options.
    names : sequence of str, optional
        Names or files of the histories, for errors, and for the labels of those
        that do not differ in their options.
    axes : three Axes, optional
        Into which to draw; by default those of a new figure.
    log : bool
        Whether errors and cost are on logarithmic scales.

    Returns
    -------
    list of three Axes
        Errors in %, with a star at the best validation error; mean training cost
        since the last validation; minibatches until the patience ends. The test
        error is that of the best model so far. All over the epochs done.

    Raises
    ------
    DataError
        If a history has no validation yet, or its header does not say how many
        minibatches an epoch has.
    OptionError
        If there are no histories, more than 50, or not three `axes`.

    Notes
    -----
    Source: Getting Started, "Early-Stopping" and "Plotting Intermediate Results".
    """
    if not 1 <= len(histories) <= MAX_RUNS:
        raise OptionError(f"histories: got {len(histories)}, expected 1 to {MAX_RUNS}")
    names = names or [f"run {number}" for number in range(1, len(histories) + 1)]
    labels = label_runs([history.header for history in histories], _shorten_paths(names))
    runs = []
    for history, name, label, colour in zip(histories, names, labels, _colours(len(histories))):
        with in_file(name):
            runs.append(_columns(history, label, colour))
    if axes is None:
        axes = _new_axes(n_legend_lines=len(runs) + 2)
    if len(axes) != 3:
        raise OptionError(f"axes: got {len(axes)}, expected three")
    _plot_errors(runs, axes[0], log)
    _plot_cost(runs, axes[1], log)
    _plot_patience(runs, axes[2])
    for ax in axes:
        _finish(ax)
    axes[2].set_xlabel("epochs")
    return list(axes)


def label_runs(headers: Sequence[dict[str, Any]], names: Sequence[str]) -> list[str]:
    """Return a label for each training: what differs between their options, or a name.

    Parameters
    ----------
    headers : sequence of dict
        Of their histories.
    names : sequence of str
        To be used where nothing else differs.

    Returns
    -------
    list of str

    Examples
    --------
    >>> headers = [{"options": {"learning_rate": rate, "batch_size": 20}} for rate in (0.1, 0.2)]
    >>> label_runs(headers, ["a", "b"])
    ['learning_rate=0.1', 'learning_rate=0.2']
    >>> label_runs(headers + headers[:1], ["a", "b", "c"])
    ['learning_rate=0.1 (a)', 'learning_rate=0.2', 'learning_rate=0.1 (c)']
    """
    facts = [_facts(header) for header in headers]
    keys = list(dict.fromkeys(key for fact in facts for key in fact))
    differing = [key for key in keys if len({fact.get(key, "") for fact in facts}) > 1]
    labels = [", ".join(f"{key}={fact.get(key, 'none')}" for key in differing) for fact in facts]
    labels = [_shorten(label, _LONGEST_LABEL) for label in labels]
    return [
        name if not label else f"{label} ({name})" if labels.count(label) > 1 else label
        for label, name in zip(labels, names)
    ]


def _facts(header: dict[str, Any]) -> dict[str, str]:
    """Return what a header says of a training, each value as a short text."""
    options = header.get("options")
    facts = {"program": header.get("program"), **(options if isinstance(options, dict) else {})}
    facts["floatX"] = header.get("floatX")  # what it was, also where the option was not given
    return {
        name: _shorten(value if isinstance(value, str) else json.dumps(value), _LONGEST_VALUE)
        for name, value in facts.items()
        if name not in _FILES
    }


def _shorten(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _shorten_paths(names: Sequence[str]) -> Sequence[str]:
    """Leave folders and endings out, if the names still differ."""
    short = [os.path.splitext(os.path.basename(name))[0] for name in names]
    return short if len(set(short)) == len(set(names)) else names


def _columns(history: History, label: str, colour: Any) -> _Run:
    n_train_batches = history.header.get("n_train_batches")
    if type(n_train_batches) is not int or n_train_batches < 1:
        raise DataError(
            f"n_train_batches: got {_shorten(json.dumps(n_train_batches), 40)} in the "
            "header, expected a positive integer; give a file that --history wrote"
        )
    if not history.records:
        raise DataError("no validation in it yet; wait for the first one")

    def column(key: str) -> numpy.ndarray:
        values = [record.get(key) for record in history.records]
        numbers = numpy.array([numpy.nan if value is None else value for value in values], float)
        return numpy.where(abs(numbers) < _LARGEST, numbers, numpy.nan)

    iterations = column("iteration")
    return _Run(
        label=plain(label),
        colour=colour,
        epochs=(iterations + 1) / n_train_batches,
        iterations=iterations,
        cost=column("cost"),
        validation=column("validation_loss") * 100,
        test=column("test_score") * 100,
        patience=column("patience"),
    )


def _colours(n_runs: int) -> Sequence[Any]:
    if n_runs <= len(COLOURS):
        return COLOURS[:n_runs]
    matplotlib = import_optional("matplotlib", "pictures need matplotlib")
    return list(matplotlib.colormaps["viridis"](numpy.linspace(0, 0.9, n_runs)))


def _new_axes(n_legend_lines: int) -> Sequence[Any]:
    heights = [2.6, 1.5, 1.5]
    figure = new_figure(sum(heights) + n_legend_lines * _LINE_HEIGHT)
    return figure.subplots(3, sharex=True, gridspec_kw={"height_ratios": heights})


def _plot_errors(runs: Sequence[_Run], ax: Any, log: bool) -> None:
    alone = len(runs) == 1
    for run in runs:
        ax.plot(
            run.epochs, run.validation, color=run.colour, label="validation" if alone else run.label
        )
        _plot_test(run, ax, COLOURS[1] if alone else run.colour, "test" if alone else None)
        if run.best is not None:
            ax.plot(
                run.epochs[run.best],
                run.validation[run.best],
                "*",
                markersize=13,
                color=run.colour,
                markeredgecolor="white",
                label=_describe_best(run) if alone else None,
                zorder=3,
            )
    if not alone:
        ax.plot([], [], "-", color=GREY, label="validation error, best one marked")
        ax.plot([], [], "--", linewidth=1, color=GREY, label="test error of the best model so far")
    ax.set_ylabel("error, %")
    _set_scale(ax, log)
    ax.legend(
        loc="lower left",
        bbox_to_anchor=(-0.01, 1.0),
        frameon=False,
        fontsize="small",
        labelspacing=0.25,
        borderaxespad=0.2,
    )


def _plot_test(run: _Run, ax: Any, colour: Any, label: str | None) -> None:
    """Draw the test error: that of the best model, until there is a better one."""
    known = ~numpy.isnan(run.test)
    if not known.any():
        return
    epochs = numpy.append(run.epochs[known], run.epochs[-1])
    test = numpy.append(run.test[known], run.test[known][-1])
    if label is not None:
        label = "test, of the best model so far"
    ax.plot(epochs, test, "--", drawstyle="steps-post", linewidth=1, color=colour, label=label)


def _describe_best(run: _Run) -> str:
    best = run.best
    text = f"best: validation {run.validation[best]:.3f} %"
    if not numpy.isnan(run.test[best]):
        text += f", test {run.test[best]:.3f} %"
    return f"{text}, after {run.epochs[best]:.4g} epochs"


def _plot_cost(runs: Sequence[_Run], ax: Any, log: bool) -> None:
    for run in runs:
        ax.plot(run.epochs, run.cost, color=run.colour, marker=run.marker)
    ax.set_ylabel("training cost")
    _set_scale(ax, log)


def _plot_patience(runs: Sequence[_Run], ax: Any) -> None:
    """Draw how many minibatches were left: they go down one by one, and up at improvements."""
    for run in runs:
        before = numpy.append(run.patience[:1], run.patience[:-1]) - run.iterations
        left = numpy.stack([before, run.patience - run.iterations], axis=1)
        ax.plot(numpy.repeat(run.epochs, 2), numpy.maximum(left, 0).ravel(), color=run.colour)
    ax.set_ylabel("patience left,\nminibatches")
    ax.set_ylim(bottom=0)
    ticker = import_optional("matplotlib.ticker", "pictures need matplotlib")
    ax.yaxis.set_major_formatter(ticker.StrMethodFormatter("{x:,.0f}"))


def _set_scale(ax: Any, log: bool) -> None:
    if not log or not any((line.get_ydata() > 0).any() for line in ax.lines):
        return
    ticker = import_optional("matplotlib.ticker", "pictures need matplotlib")
    ax.set_yscale("log", nonpositive="mask")
    ax.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    ax.yaxis.set_major_formatter(ticker.FormatStrFormatter("%g"))
    ax.yaxis.set_minor_formatter(ticker.NullFormatter())


def _finish(ax: Any) -> None:
    ticker = import_optional("matplotlib.ticker", "pictures need matplotlib")
    if all(numpy.isnan(line.get_ydata()).all() for line in ax.lines if len(line.get_ydata())):
        ax.text(0.5, 0.5, "not in the history", ha="center", color=GREY, transform=ax.transAxes)
        ax.set_yticks([])
    ax.xaxis.set_major_locator(ticker.MaxNLocator(integer=True))
    ax.set_xlim(left=0)
    ax.grid(color="0.9")
    ax.set_axisbelow(True)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
