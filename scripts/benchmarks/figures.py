"""The figures of benchmark.py: reported and kept as they come, and put into tables."""

import json
import statistics
import sys
from typing import Any

from dltutorials.exceptions import DLTutorialsError
from dltutorials.io.files import durable_writer

OURS = "dltutorials"
ALL_SIZES = "as in the chapter"
# Errors are the same, unless noted here: a cost is rounded; and where numbers tie for the largest
# in max pooling, Theano gives the gradient to all, other libraries to one.
TOLERANCES = {"da": 1e-3, "lenet": 3e-4}
Reports = dict[str, list[dict[str, Any]]]


class Figures:
    """The reports of all runs so far.

    Parameters
    ----------
    about : dict
        Date, commit, machine and settings.
    file : str or None
        JSON, rewritten after each run.
    is_growth : bool
        Whether sizes grow. Differing errors are then only marked in the table, since the time at
        another size is still of interest; otherwise they raise an exception.
    """

    def __init__(self, about: dict[str, Any], file: str | None, is_growth: bool = False) -> None:
        self.about, self.file, self.is_growth = about, file, is_growth
        self.reports: dict[str, Reports] = {}

    def add(self, sizes: str, peer: str, report: dict[str, Any]) -> None:
        """Print and keep the report of a peer's run.

        Raises
        ------
        DLTutorialsError
            If its validation errors or costs differ from ours.
        """
        runs = self.reports.setdefault(sizes, {}).setdefault(peer, [])
        runs.append(report)
        train, validate = report["seconds"][-1]
        print(
            f"{sizes}, {peer}, run {len(runs)}: {report['first_epoch']:.2f} s to the first epoch, "
            f"last epoch {train * 1e3:.1f} ms, {(train + validate) * 1e3:.1f} ms with validation",
            file=sys.stderr,
            flush=True,
        )
        if self.file is not None:
            with durable_writer(self.file) as file:
                file.write(json.dumps(self.result(), indent=1, default=str).encode() + b"\n")
        if not self.is_growth:
            model = self.about.get("settings", {}).get("model")
            require_same_errors(self.reports[sizes], TOLERANCES.get(model, 1e-9))

    def result(self) -> dict[str, Any]:
        """Return the contents of the file, which include the figures of the tables."""
        return {**self.about, **self._figures(), "reports": self.reports}

    def _figures(self) -> dict[str, Any]:
        if self.is_growth:
            return {
                "growth": {sizes: _each(runs, _epoch) for sizes, runs in self.reports.items()},
                "errors": {sizes: _each(runs, _error) for sizes, runs in self.reports.items()},
            }
        runs = self.reports.get(ALL_SIZES, {})
        ready = [name for name in reversed(runs) if runs[name][1:]]  # the first peer began last
        return {"peers": {name: summarise(*runs[name]) for name in ready}}

    def table(self) -> list[str]:
        """Return the lines of a title and of a table of the figures so far."""
        result = self.result()
        if not self.reports or (not self.is_growth and OURS not in result["peers"]):
            return []
        lines = growth_table(result) if self.is_growth else peer_table(result)
        return [f"{self.about['settings']['model']}: {self.about['machine']}", "", *lines]


def _each(runs: Reports, figure: Any) -> dict[str, Any]:
    return {peer: figure(reports) for peer, reports in runs.items()}


def _epoch(reports: list[dict]) -> float:
    return statistics.median(report["seconds"][-1][0] for report in reports)


def _error(reports: list[dict]) -> float | None:
    errors = reports[-1]["errors"]
    return errors and errors[-1]


def require_same_errors(reports: dict[str, list[dict]], tolerance: float) -> None:
    """Refuse to compare speeds when results differ."""
    if OURS not in reports:
        return
    expected = reports[OURS][0]["errors"]
    for name, runs in reports.items():
        for run in runs:
            if run["errors"] is None:  # the matrix products alone have no result
                continue
            for epoch, (ours, theirs) in enumerate(zip(expected, run["errors"]), 1):
                if abs(ours - theirs) > tolerance:
                    raise DLTutorialsError(
                        f"peer {name}: {describe_loss(theirs)} after epoch {epoch}, "
                        f"expected {describe_loss(ours).split()[-1]} as {OURS} has"
                    )


def describe_loss(loss: float) -> str:
    """Return a percentage of misclassified examples, or a cost.

    >>> describe_loss(0.0861), describe_loss(63.289)
    ('validation error 8.610000%', 'validation cost 63.2890')
    """
    if loss > 1:
        return f"validation cost {loss:.4f}"
    return f"validation error {loss:.6%}"


def summarise(cold: dict[str, Any], *runs: dict[str, Any]) -> dict[str, Any]:
    """Return the medians over the runs, without the first epoch of each, which may compile."""
    steady = [run["seconds"][1:] or run["seconds"] for run in runs]
    return {
        "cold_start": cold["first_epoch"],
        "warm_start": statistics.median(run["first_epoch"] for run in runs),
        "training": statistics.median(
            statistics.median(train for train, _ in epochs) for epochs in steady
        ),
        "training_and_validation": statistics.median(
            statistics.median(map(sum, epochs)) for epochs in steady
        ),
        "peak_memory": statistics.median(run["peak_memory"] for run in runs),
        "errors": cold["errors"],
        "versions": cold["versions"],
    }


def peer_table(result: dict[str, Any]) -> list[str]:
    """Return the lines of a Markdown table: figures, and ratios of times to ours."""
    ours = result["peers"][OURS]
    lines = [
        "| peer | to first epoch, cold | and warm | training epoch | with validation | memory |",
        "|---|---|---|---|---|---|",
    ]
    for name, peer in result["peers"].items():
        cells = [f"{peer['cold_start']:.1f} s", f"{peer['warm_start']:.2f} s"]
        cells += [f"{peer[key] * 1e3:.1f} ms" for key in ("training", "training_and_validation")]
        keys = ("cold_start", "warm_start", "training", "training_and_validation")
        cells = [f"{cell} ({peer[key] / ours[key]:.2f} x)" for cell, key in zip(cells, keys)]
        if peer["errors"] is None:
            cells[:2] = ["", ""]
        versions = ", ".join(f"{name} {version}" for name, version in peer["versions"].items())
        memory = f"{peer['peak_memory'] / 2**20:.0f} MiB"
        lines.append(" | ".join([f"| {name} ({versions})", *cells, memory]) + " |")
    errors = ours["errors"]
    what, _, loss = describe_loss(errors[-1]).rpartition(" ")
    lines += ["", f"{what.capitalize()} of all after epoch {len(errors)}: {loss}"]
    return lines


def growth_table(result: dict[str, Any]) -> list[str]:
    """Return the lines of a Markdown table: milliseconds of a training epoch."""
    names = list(next(iter(result["growth"].values())))
    lines = ["| ms a training epoch | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for sizes, seconds in result["growth"].items():
        errors = result.get("errors", {}).get(sizes, {})
        cells = [
            _growth_cell(seconds.get(name), errors.get(name), errors.get(OURS)) for name in names
        ]
        lines.append(" | ".join([f"| {sizes.replace('_', ' ')}", *cells]) + " |")
    return lines


def _growth_cell(seconds: float | None, error: float | None, ours: float | None) -> str:
    """Return milliseconds, with the error where it differs from ours."""
    if seconds is None:
        return ""
    if error is None or ours is None or abs(error - ours) <= 1e-9:
        return f"{seconds * 1e3:.1f}"
    return f"{seconds * 1e3:.1f} (error {error:.4%}, ours {ours:.4%})"
