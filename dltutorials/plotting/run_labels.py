"""Labels that tell training runs apart in the legend of a figure.

>>> label_runs([{"options": {"n_hidden": n}} for n in (100, 500)], ["a", "b"])
['a: n_hidden=100', 'b: n_hidden=500']
"""

import json
import os
from collections.abc import Sequence
from typing import Any

_LONGEST_LABEL = 70  # characters: what fits the width of a figure
LONGEST_NAME = 40
_LONGEST_VALUE = 20
# Options that say where and how often to write, and do not affect what is learned.
_FILES = {"save", "checkpoint", "checkpoint_every", "resume", "history", "snapshots", "quiet"}
_FILES |= {"snapshot_every", "offline", "samples", "n_chains", "n_samples", "plot_every"}


def label_runs(headers: Sequence[dict[str, Any]], names: Sequence[str]) -> list[str]:
    """Return a label for each run: its name, and the options in which the runs differ.

    Parameters
    ----------
    headers : sequence of dict
        Headers of their histories.
    names : sequence of str
        Names of their files; empty if there is none.

    Returns
    -------
    list of str
        At most 70 characters each.

    Examples
    --------
    >>> headers = [{"options": {"learning_rate": rate, "batch_size": 20}} for rate in (0.1, 0.2)]
    >>> label_runs(headers, ["a", "b"])
    ['a: learning_rate=0.1', 'b: learning_rate=0.2']
    >>> label_runs(headers + headers[:1], ["", "", ""])
    ['run 1: learning_rate=0.1', 'learning_rate=0.2', 'run 3: learning_rate=0.1']
    """
    of_runs = [_hyperparameters(header) for header in headers]
    names_of_all = list(dict.fromkeys(name for values in of_runs for name in values))
    differing = [name for name in names_of_all if len({run.get(name, "") for run in of_runs}) > 1]
    settings = [
        ", ".join(f"{name}={run.get(name, 'none')}" for name in differing) for run in of_runs
    ]
    settings = [shorten(setting, _LONGEST_LABEL) for setting in settings]
    labels = []
    for number, (name, setting) in enumerate(zip(names, settings), start=1):
        if not name and (not setting or settings.count(setting) > 1):
            name = f"run {number}"
        labels.append(": ".join(filter(None, (shorten(name, LONGEST_NAME), setting))))
    return [shorten(label, _LONGEST_LABEL) for label in labels]


def _hyperparameters(header: dict[str, Any]) -> dict[str, str]:
    """Return the hyperparameters in a header, each value as a short string."""
    options = header.get("options")
    values = {"program": header.get("program"), **(options if isinstance(options, dict) else {})}
    values["floatX"] = header.get("floatX")  # the actual type, even if the option was not given
    return {
        name: shorten(value if isinstance(value, str) else json.dumps(value), _LONGEST_VALUE)
        for name, value in values.items()
        if name not in _FILES
    }


def shorten(text: str, longest: int) -> str:
    """Truncate a string that is too long."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def shorten_paths(names: Sequence[str]) -> Sequence[str]:
    """Leave out folders and endings, if the names still differ."""
    short = [os.path.splitext(os.path.basename(name))[0] for name in names]
    return short if len(set(short)) == len(set(names)) else names
