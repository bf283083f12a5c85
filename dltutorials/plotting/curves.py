r"""Learning curves: errors, cost and patience of training runs by epoch.

A run is the result of :func:`dltutorials.train`, a history file
(:mod:`dltutorials.training.history`), which may still be growing, or the content of one:

>>> from dltutorials.training.history import History
>>> records = [dict(epoch=e, iteration=83 * e - 1, cost=1 / e, validation_loss=0.1 / e,
...                 test_score=0.11 / e, patience=5000) for e in (1, 2, 3)]
>>> errors, cost, patience = plot_history(History({"n_train_batches": 83}, records))
>>> errors.get_ylabel(), cost.get_ylabel()
('error, %', 'training cost')
"""

from collections.abc import Sequence
from typing import Any

from dltutorials.exceptions import OptionError
from dltutorials.extras import import_optional
from dltutorials.plotting.figures import COLOURS, GREY, new_column
from dltutorials.plotting.runs import Run, read_runs
from dltutorials.types import Axes

import numpy

_HEIGHTS = (2.6, 1.5, 1.5)  # inches
_LINE_HEIGHT = 0.2  # of a line in the legend
_STAR: dict[str, Any] = {"markersize": 13, "markeredgecolor": "white", "zorder": 3}


def plot_history(
    runs: Any,
    labels: Sequence[str] | None = None,
    axes: Sequence[Axes] | None = None,
    log: bool = False,
) -> list[Axes]:
    """Draw validation and test error, training cost and patience of one or more runs.

    Parameters
    ----------
    runs : Result, path, History, or sequence of these
        The result of :func:`dltutorials.train`, a file written with ``--history``, or the result
        of ``read_history``. Each run has its own colour.
    labels : sequence of str, optional
        Legend labels for several runs; by default their file names and the options in which they
        differ.
    axes : three Axes, optional
        The axes to draw on; by default those of a new figure, which a notebook shows.
    log : bool
        Whether errors and cost are on logarithmic scales.

    Returns
    -------
    list of three Axes
        Errors in %, or another loss, with a star at the best validation loss; mean training cost
        since the last validation; minibatches until the patience ends. The test error is that of
        the best model so far. The x axis counts the epochs of all phases; each phase has its own
        cost curve, on a logarithmic scale. For runs without validation, only the Axes of the cost,
        unless `axes` are given.

    Raises
    ------
    DataError
        If a file cannot be read, a run has no validation yet, or its header does not
        say how many minibatches an epoch has.
    OptionError
        Unless there are 1 to 50 runs, with one label each, and three `axes`.

    Notes
    -----
    Source: Getting Started, "Early-Stopping" and "Plotting Intermediate Results".
    """
    drawn = read_runs(runs, labels)
    if axes is None and not any(run.is_validated for run in drawn):
        return _plot_cost_alone(drawn, log)
    if axes is None:
        axes = new_column(_HEIGHTS, (len(drawn) + 2) * _LINE_HEIGHT, sharex=True)
    if len(axes) != 3:
        raise OptionError(f"axes: got {len(axes)}, expected three")
    _plot_errors(drawn, axes[0], log)
    _plot_cost(drawn, axes[1], log)
    _plot_patience(drawn, axes[2])
    for ax in axes:
        _finish(ax)
    axes[2].set_xlabel("epochs")
    return axes if isinstance(axes, list) else list(axes)


def _plot_cost_alone(runs: Sequence[Run], log: bool) -> list[Axes]:
    """Draw the cost of runs without validation."""
    axes = new_column(_HEIGHTS[:1], (len(runs) + 1) * _LINE_HEIGHT)
    [ax] = axes
    _plot_cost(runs, ax, log)
    if len(runs) > 1:
        for line, run in zip(ax.lines, runs):
            line.set_label(run.label)
        _add_legend(ax)
    ax.set_xlabel("epochs")
    _finish(ax)
    return axes


def _name_losses(runs: Sequence[Run]) -> str:
    """Return the names of the losses with their units: "error, %"."""
    names = [f"{run.loss.name}, %" if run.loss.is_fraction else run.loss.name for run in runs]
    return " or ".join(dict.fromkeys(names))


def _plot_errors(runs: Sequence[Run], ax: Axes, log: bool) -> None:
    alone = len(runs) == 1
    validated = [run for run in runs if run.is_validated] or runs
    for run in runs:
        label = "validation" if alone else run.label
        ax.plot(run.epochs, run.validation, color=run.colour, label=label)
        _plot_test(run, ax, COLOURS[1] if alone else run.colour, "test" if alone else None)
        if run.best is not None:
            best = run.epochs[run.best], run.validation[run.best]
            text = _describe_best(run) if alone else None
            ax.plot(*best, "*", color=run.colour, label=text, **_STAR)
    if not alone:
        name = " or ".join(dict.fromkeys(run.loss.name for run in validated))
        ax.plot([], [], "-", color=GREY, label=f"validation {name}, best one marked")
        label = f"test {name} of the best model so far"
        ax.plot([], [], "--", linewidth=1, color=GREY, label=label)
    ax.set_ylabel(_name_losses(validated))
    _set_scale(ax, log)
    _add_legend(ax)


def _add_legend(ax: Axes) -> None:
    ax.legend(
        loc="lower left",
        bbox_to_anchor=(-0.01, 1.0),
        frameon=False,
        fontsize="small",
        labelspacing=0.25,
        borderaxespad=0.2,
    )


def _plot_test(run: Run, ax: Axes, colour: Any, label: str | None) -> None:
    """Draw the test error: that of the best model, until there is a better one."""
    known = ~numpy.isnan(run.test)
    if not known.any():
        return
    epochs = numpy.append(run.epochs[known], run.epochs[-1])
    test = numpy.append(run.test[known], run.test[known][-1])
    if label is not None:
        label = "test, of the best model so far"
    ax.plot(epochs, test, "--", drawstyle="steps-post", linewidth=1, color=colour, label=label)


def _describe_best(run: Run) -> str:
    best, unit = run.best, " %" if run.loss.is_fraction else ""
    text = f"best: validation {run.validation[best]:.3f}{unit}"
    if not numpy.isnan(run.test[best]):
        text += f", test {run.test[best]:.3f}{unit}"
    return f"{text}, after {run.epochs[best]:.4g} epochs"


def _plot_cost(runs: Sequence[Run], ax: Axes, log: bool) -> None:
    for run in runs:
        epochs, cost = run.by_phase(run.epochs), run.by_phase(run.cost)
        ax.plot(epochs, cost, color=run.colour, marker=run.marker)
    if len(runs) == 1:
        _name_phases(runs[0], ax)
    names = dict.fromkeys("cost" if run.is_validated else run.loss.name for run in runs)
    ax.set_ylabel(f"training {' or '.join(names)}")
    _set_scale(ax, log or any(run.phases for run in runs))  # each phase has its own cost


def _name_phases(run: Run, ax: Axes) -> None:
    """Write the name of each phase at a thin line where it begins."""
    for start, name in run.phases:
        epoch = run.epochs[start - 1] if start else 0
        ax.vlines(epoch, 0, 1, GREY, "dotted", linewidth=1, transform=ax.get_xaxis_transform())
        ax.text(epoch, 1, f" {name}", transform=ax.get_xaxis_transform(), va="bottom", fontsize=8)


def _plot_patience(runs: Sequence[Run], ax: Axes) -> None:
    """Draw how many minibatches were left: one less each time, more at improvements."""
    for run in runs:
        before = numpy.append(run.patience[:1], run.patience[:-1]) - run.iterations
        left = numpy.stack([before, run.patience - run.iterations], axis=1)
        ax.plot(numpy.repeat(run.epochs, 2), numpy.maximum(left, 0).ravel(), color=run.colour)
    ax.set_ylabel("patience left,\nminibatches")
    ax.set_ylim(bottom=0)
    ticker = import_optional("matplotlib.ticker", "plots need matplotlib")
    ax.yaxis.set_major_formatter(ticker.StrMethodFormatter("{x:,.0f}"))


def _set_scale(ax: Axes, log: bool) -> None:
    values = numpy.concatenate([line.get_ydata() for line in ax.lines] or [numpy.empty(0)])
    values = values[values > 0]
    if not log or not len(values):
        return
    ticker = import_optional("matplotlib.ticker", "plots need matplotlib")
    is_narrow = values.max() < 100 * values.min()
    ax.set_yscale("log", nonpositive="mask")
    ax.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5) if is_narrow else (1,)))
    ax.yaxis.set_major_formatter(ticker.FormatStrFormatter("%g"))
    ax.yaxis.set_minor_formatter(ticker.NullFormatter())


def _finish(ax: Axes) -> None:
    ticker = import_optional("matplotlib.ticker", "plots need matplotlib")
    if all(numpy.isnan(line.get_ydata()).all() for line in ax.lines if len(line.get_ydata())):
        ax.text(0.5, 0.5, "not in the history", ha="center", color=GREY, transform=ax.transAxes)
        ax.set_yticks([])
    ax.xaxis.set_major_locator(ticker.MaxNLocator(integer=True))
    ax.set_xlim(left=0)
    ax.grid(color="0.9")
    ax.set_axisbelow(True)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
