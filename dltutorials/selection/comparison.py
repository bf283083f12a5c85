r"""Choosing between configurations by their validation errors, and by nothing else.

The test set says how good the chosen model is; a choice that had looked at it
would make that figure too good. So a :class:`Comparison` has one test score, that
of the best run of the chosen configuration.

>>> from dltutorials.selection.grid import Run
>>> runs = [Run({"n_hidden": n}, seed, {}) for n in (10, 20) for seed in (1, 2)]
>>> records = [{"key": "abc", "failure": None, "best_validation_loss": loss, "n_epochs": 5,
...             "test_score": 0.1} for loss in (0.25, 0.5, 0.25, 0.125)]
>>> print(*compare(list(zip(runs, records))).lines(), sep="\n")
| n_hidden | validation error, % | runs | epochs | best seed |
|---|---|---|---|---|
| 20 | 18.75 ± 8.84 | 2 | 5 | 2 |
| 10 | 37.50 ± 17.68 | 2 | 5 | 1 |
Chosen for the lowest mean validation error: n_hidden=20
Its best run, seed 2: validation error 12.500000 %, test error 10.000000 %
"""

import itertools
import statistics
from collections.abc import Sequence
from typing import Any, NamedTuple

from dltutorials.selection.grid import Run, phrase, show
from dltutorials.selection.runs import RunRecord

Outcome = tuple[Run, RunRecord]


class Configuration(NamedTuple):
    """The runs of one configuration, which differ in their seeds.

    Attributes
    ----------
    settings : dict
        What the grid says of it.
    finished, failed : list of (Run, record)
    """

    settings: dict[str, Any]
    finished: list[Outcome]
    failed: list[Outcome]

    @property
    def losses(self) -> list[float]:
        """Return the best validation loss of each finished run, as shares."""
        return [record["best_validation_loss"] for _, record in self.finished]

    @property
    def mean(self) -> float:
        """Return their mean; inf where there are none."""
        return statistics.mean(self.losses) if self.finished else float("inf")

    @property
    def spread(self) -> float | None:
        """Return their standard deviation; None where there are less than two."""
        return statistics.stdev(self.losses) if len(self.finished) > 1 else None

    @property
    def best(self) -> Outcome | None:
        """Return the run with the lowest validation loss, the first of equal ones."""
        return min(self.finished, key=lambda o: o[1]["best_validation_loss"], default=None)


class Comparison(NamedTuple):
    """Configurations, the best one first.

    Attributes
    ----------
    configurations : list of Configuration
        By mean validation loss; one with failed runs comes after all without.
    """

    configurations: list[Configuration]

    @property
    def chosen(self) -> Configuration | None:
        """Return the first configuration; None if no run of any has finished."""
        first = self.configurations[0]
        return first if first.finished else None

    def lines(self) -> list[str]:
        """Return a table, the runs that failed with their reasons, and the choice."""
        names = list(self.configurations[0].settings)
        header = [*names, "validation error, %", "runs", "epochs", "best seed"]
        rows = [header, ["---"] * len(header), *map(_row, self.configurations)]
        if not any(row[-1] for row in rows[2:]):
            rows = [row[:-1] for row in rows]  # nothing is drawn at random
        lines = [f"| {' | '.join(row)} |".replace(" --- ", "---") for row in rows]
        for configuration in self.configurations:
            for run, record in configuration.failed:
                lines.append(f"Failed: {run.name}: {record['failure']}")
        if self.chosen is not None and self.chosen.best is not None:
            run, record = self.chosen.best
            lines.append(
                f"Chosen for the lowest mean validation error: {phrase(self.chosen.settings)}"
            )
            seed = "" if run.seed is None else f", seed {run.seed}"
            lines.append(
                f"Its best run{seed}: validation error {record['best_validation_loss'] * 100:f} %, "
                f"test error {record['test_score'] * 100:f} %"
            )
        return lines

    def as_json(self) -> dict[str, Any]:
        """Return all of it as JSON can hold it; errors are shares, not percentages."""
        result: dict[str, Any] = {
            "configurations": [_configuration_as_json(c) for c in self.configurations],
            "chosen": None,
        }
        if self.chosen is not None and self.chosen.best is not None:
            run, record = self.chosen.best
            chosen = {"settings": self.chosen.settings, "seed": run.seed, "key": record["key"]}
            scores = {name: record[name] for name in ("best_validation_loss", "test_score")}
            result["chosen"] = {**chosen, **scores}
        return result


def compare(outcomes: Sequence[Outcome]) -> Comparison:
    """Gather the runs of each configuration, and rank the configurations.

    Parameters
    ----------
    outcomes : sequence of (Run, record)
        At least one; those of a configuration follow one another.

    Returns
    -------
    Comparison

    Notes
    -----
    Source: Getting Started, "Early-Stopping" (the choice between models).
    """
    configurations = []
    for _, group in itertools.groupby(outcomes, lambda outcome: outcome[0].settings):
        members = list(group)
        finished = [outcome for outcome in members if outcome[1]["failure"] is None]
        failed = [outcome for outcome in members if outcome[1]["failure"] is not None]
        configurations.append(Configuration(members[0][0].settings, finished, failed))
    return Comparison(
        sorted(configurations, key=lambda c: (not c.finished, bool(c.failed), c.mean))
    )


def _row(configuration: Configuration) -> list[str]:
    settings = [show(value) for value in configuration.settings.values()]
    n_finished, n_failed = len(configuration.finished), len(configuration.failed)
    runs = f"{n_finished} of {n_finished + n_failed}" if n_failed else str(n_finished)
    if configuration.best is None:
        return [*settings, "failed", runs, "", ""]
    error = f"{configuration.mean:.2%}"[:-1]
    if configuration.spread is not None:
        error += f" ± {configuration.spread:.2%}"[:-1]
    n_epochs = sorted({record["n_epochs"] for _, record in configuration.finished})
    epochs = f"{n_epochs[0]}" if len(n_epochs) == 1 else f"{n_epochs[0]} to {n_epochs[-1]}"
    seed = configuration.best[0].seed
    return [*settings, error, runs, epochs, "" if seed is None else str(seed)]


def _configuration_as_json(configuration: Configuration) -> dict[str, Any]:
    names = ("key", "failure", "best_validation_loss", "n_epochs", "message", "seconds")
    outcomes = [*configuration.finished, *configuration.failed]
    return {
        "settings": configuration.settings,
        "mean": configuration.mean if configuration.finished else None,
        "spread": configuration.spread,
        "runs": [
            {"seed": run.seed, **{name: record.get(name) for name in names}}
            for run, record in outcomes
        ],
    }
