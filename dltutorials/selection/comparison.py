r"""The choice between configurations, by their validation errors alone.

The test set measures how good the chosen model is; choosing by it would make that figure too
optimistic. So a :class:`Comparison` has one test score, that of the best run of the chosen
configuration.

>>> from dltutorials.selection.grid import Run
>>> runs = [Run({"n_hidden": n}, seed, {}) for n in (10, 20) for seed in (1, 2)]
>>> records = [{"key": "abc", "failure": None, "best_validation_loss": value, "n_epochs": 5,
...             "test_score": 0.1} for value in (0.25, 0.5, 0.25, 0.125)]
>>> print(*compare(list(zip(runs, records))).lines(), sep="\n")
| n_hidden | validation error, % | runs | epochs | best seed |
|---|---|---|---|---|
| 20 | 18.75 ± 8.84 | 2 | 5 | 2 |
| 10 | 37.50 ± 17.68 | 2 | 5 | 1 |
Chosen for the lowest mean validation error: n_hidden=20
Its best run, seed 2: validation error 12.500000 %, test error 10.000000 %
"""

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from dltutorials.exceptions import RankingError
from dltutorials.loss import ERROR, Loss
from dltutorials.selection.grid import Run, as_text, phrase
from dltutorials.selection.records import RunRecord

Outcome = tuple[Run, RunRecord]


class Configuration(NamedTuple):
    """The runs of one configuration, which differ in their seeds.

    Attributes
    ----------
    settings : dict
        Its values in the grid.
    finished, failed : list of (Run, record)
    """

    settings: dict[str, Any]
    finished: list[Outcome]
    failed: list[Outcome]

    @property
    def losses(self) -> list[float]:
        """Return the best validation loss of each finished run."""
        return [record["best_validation_loss"] for _, record in self.finished]

    @property
    def mean(self) -> float:
        """Return the mean of the losses; nan if there are none."""
        return statistics.mean(self.losses) if self.finished else math.nan

    @property
    def spread(self) -> float | None:
        """Return the standard deviation of the losses; None if there are fewer than two."""
        return statistics.stdev(self.losses) if len(self.finished) > 1 else None

    def best(self, loss: Loss) -> Outcome | None:
        """Return the run with the best validation loss; the first one if several are equal."""
        return min(
            self.finished,
            key=lambda outcome: _rank(outcome[1]["best_validation_loss"], loss),
            default=None,
        )


class Comparison(NamedTuple):
    """Configurations, the best one first.

    Attributes
    ----------
    configurations : list of Configuration
        Sorted by mean validation loss; those with failed runs come last.
    loss : Loss
        The loss by which the runs are compared.
    """

    configurations: list[Configuration]
    loss: Loss

    @property
    def best(self) -> Outcome | None:
        """Return the best run of the first configuration; None if none of its runs has finished."""
        return self.configurations[0].best(self.loss)

    def lines(self) -> list[str]:
        """Return a table, the runs that failed with their reasons, and the choice."""
        lines = self._table()
        for configuration in self.configurations:
            for run, record in configuration.failed:
                lines.append(f"Failed: {run.name}: {record['failure']}")
        if self.best is None:
            return lines
        run, record = self.best
        name, extreme = self.loss.name, "highest" if self.loss.larger_is_better else "lowest"
        seed = "" if run.seed is None else f", seed {run.seed}"
        scores = f"validation {name} {self.loss.format(record['best_validation_loss'])}"
        if record["test_score"] is not None:
            scores += f", test {name} {self.loss.format(record['test_score'])}"
        return [
            *lines,
            f"Chosen for the {extreme} mean validation {name}: {phrase(run.settings)}",
            f"Its best run{seed}: {scores}",
        ]

    def _table(self) -> list[str]:
        names = list(self.configurations[0].settings)
        unit = ", %" if self.loss.is_fraction else ""
        header = [*names, f"validation {self.loss.name}{unit}", "runs", "epochs", "best seed"]
        rows = [header, *(self._row(configuration) for configuration in self.configurations)]
        if all(row[-1] == "" for row in rows[1:]):
            rows = [row[:-1] for row in rows]  # nothing is drawn at random
        lines = [f"| {' | '.join(row)} |" for row in rows]
        lines.insert(1, "|---" * len(rows[0]) + "|")
        return lines

    def _row(self, configuration: Configuration) -> list[str]:
        settings = [as_text(value) for value in configuration.settings.values()]
        n_finished, n_failed = len(configuration.finished), len(configuration.failed)
        runs = f"{n_finished} of {n_finished + n_failed}" if n_failed else str(n_finished)
        best = configuration.best(self.loss)
        if best is None:
            return [*settings, "failed", runs, "", ""]
        value = self._without_unit(configuration.mean)
        if configuration.spread is not None:
            value += f" ± {self._without_unit(configuration.spread)}"
        n_epochs = sorted({record["n_epochs"] for _, record in configuration.finished})
        epochs = f"{n_epochs[0]}" if len(n_epochs) == 1 else f"{n_epochs[0]} to {n_epochs[-1]}"
        seed = best[0].seed
        return [*settings, value, runs, epochs, "" if seed is None else str(seed)]

    def _without_unit(self, value: float) -> str:
        decimals = 2 if self.loss.is_fraction else 4
        return self.loss.format(value, decimals).removesuffix(" %")

    def as_json(self) -> dict[str, Any]:
        """Return the comparison in a form for JSON; errors are fractions, not percentages."""
        result: dict[str, Any] = {
            "loss": asdict(self.loss),
            "configurations": [_configuration_as_json(c) for c in self.configurations],
            "chosen": None,
        }
        if self.best is not None:
            run, record = self.best
            chosen = {"settings": run.settings, "seed": run.seed, "key": record["key"]}
            scores = {name: record[name] for name in ("best_validation_loss", "test_score")}
            result["chosen"] = {**chosen, **scores}
        return result


def compare(outcomes: Sequence[Outcome]) -> Comparison:
    """Gather the runs of each configuration, and rank the configurations.

    Parameters
    ----------
    outcomes : sequence of (Run, record)
        At least one; those of the same configuration are adjacent.

    Returns
    -------
    Comparison

    Raises
    ------
    RankingError
        If the runs do not have the same loss.

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
    loss = _common_loss([record for _, record in outcomes])
    configurations.sort(
        key=lambda c: (not c.finished, bool(c.failed), _rank(c.mean, loss) if c.finished else 0)
    )
    return Comparison(configurations, loss)


def _common_loss(records: Sequence[RunRecord]) -> Loss:
    finished = [record for record in records if record["failure"] is None]
    losses = {Loss(**record.get("loss", {})) for record in finished}
    if len(losses) > 1:
        names = ", ".join(sorted(loss.name for loss in losses))
        raise RankingError(f"the runs have different losses ({names}): they cannot be compared")
    return losses.pop() if losses else ERROR


def _rank(value: float, loss: Loss) -> float:
    """Return a number that is lower for a better loss."""
    return -value if loss.larger_is_better else value


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
