"""What the trials of torture.py found: added up over several calls, and stored as JSON."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dltutorials.exceptions import DataError
from dltutorials.io.files import durable_writer
from dltutorials.io.targets import check_output

from machine import describe_machine
from stored_results import describe_run

# What is tried, and what has to come out.
LABELS = {
    "files": "damaged, forged and made-up files, refused by name or read as NumPy reads them, "
    "without executing code, within a second and 64 MiB beyond their size (images: 256 MiB)",
    "kills": "training runs of all chapters, with all options, killed with SIGKILL at random "
    "moments and resumed, with the same files as if left alone",
    "storms": "training programs that got up to three Ctrl-C or SIGTERM, ended with one line and "
    "status 130 or 143",
    "doubles": "pairs of programs on the same files, of which one was refused and named the other",
    "fills": "training runs on a disk of 1 MiB, full at some stage, which named the file and lost "
    "nothing",
}
MAX_STORED = 20  # failures


@dataclass
class Outcome:
    """What some trials have found."""

    n_tried: int = 0
    n_signals: int = 0  # that programs got
    n_refused: int = 0  # files
    slowest: float = 0.0  # seconds for a file
    mebibytes: float = 0.0  # that a file took beyond what was in use
    n_failed: int = 0
    failures: tuple[str, ...] = ()

    def __add__(self, other: "Outcome") -> "Outcome":
        return Outcome(
            self.n_tried + other.n_tried,
            self.n_signals + other.n_signals,
            self.n_refused + other.n_refused,
            max(self.slowest, other.slowest),
            max(self.mebibytes, other.mebibytes),
            self.n_failed + other.n_failed,
            (*self.failures, *other.failures)[:MAX_STORED],
        )

    def __str__(self) -> str:
        text = f"{self.n_tried - self.n_failed:,} of {self.n_tried:,}"
        if self.n_signals:
            text += f", {self.n_signals:,} signals"
        if self.n_refused:
            text += f"; {self.n_refused:,} refused; at most {self.slowest:.2f} s"
            text += f" and {self.mebibytes:.0f} MiB"
        return text


class Results:
    """The outcomes of each kind of trial at each commit, in a file or only in memory.

    Parameters
    ----------
    path : path, optional
        A file that an earlier call wrote, or a new one.
    """

    def __init__(self, path: str | None = None) -> None:
        self.path = path
        self.content: dict[str, Any] = {"trials": []}
        if path is not None:
            check_output(path)
            if Path(path).exists():
                self.content = _read(Path(path))
        self.run = describe_run()

    def count(self, name: str) -> int:
        """Return how many trials of a kind were made, at all commits."""
        return total(self.content["trials"], name).n_tried

    def add(self, name: str, outcome: Outcome) -> None:
        """Add what trials at the present commit have found, if any were possible."""
        if outcome == Outcome():
            return
        trials = self.content["trials"]
        place = {"trial": name, **self.run}
        own = [each for each in trials if place.items() <= each.items()]
        for each in own:
            trials.remove(each)
        trials.append({**place, **asdict(total(own, name) + outcome)})
        commits = dict.fromkeys(each["commit"] for each in trials)
        self.content.update(self.run, commit=", ".join(commits), machine=describe_machine())
        if self.path is not None:
            with durable_writer(self.path) as file:
                file.write(json.dumps(self.content, indent=1).encode() + b"\n")

    def rows(self) -> list[list[str]]:
        """Return the rows of the table."""
        return trial_rows(self.content["trials"])


def total(trials: list[dict[str, Any]], name: str) -> Outcome:
    """Return the sum of all outcomes of a kind of trial."""
    names = Outcome.__dataclass_fields__
    own = [each for each in trials if each["trial"] == name]
    outcomes = [Outcome(**{key: each[key] for key in names}) for each in own]
    return sum(outcomes, Outcome())


def trial_rows(trials: list[dict[str, Any]]) -> list[list[str]]:
    """Return the rows of the table: what was tried, and how many came out right."""
    sums = {name: total(trials, name) for name in LABELS}
    return [[LABELS[name], str(found)] for name, found in sums.items() if found.n_tried]


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        trial_rows(content["trials"])
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path}: got {type(error).__name__}: {error}, expected results of torture.py"
        ) from None
    return dict(content)
