"""The runs of a training script for a grid of options.

A grid uses the names of the script's options, and the script's own parser reads the values, so
that both refuse the same mistakes:

>>> import argparse
>>> parser = argparse.ArgumentParser()
>>> _ = parser.add_argument("--learning-rate", type=float, default=0.1)
>>> _ = parser.add_argument("--seed", type=int, default=1234)
>>> for run in make_runs(parser, ["learning_rate=0.1,0.5"], n_seeds=2):
...     print(run.settings, run.seed)
{'learning_rate': 0.1} 1234
{'learning_rate': 0.1} 1235
{'learning_rate': 0.5} 1234
{'learning_rate': 0.5} 1235
>>> make_runs(parser, ["learning_rat=0.1"])
Traceback (most recent call last):
dltutorials.exceptions.OptionError: grid: got learning_rat, expected one of learning_rate
"""

import argparse
import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

from dltutorials.checks import require_integer
from dltutorials.cli.console import Parser
from dltutorials.cli.options import FILES
from dltutorials.exceptions import OptionError

# Options that do not change the model: where files are, how data are read and evaluated.
_NOT_OF_THE_MODEL = ("dataset", "offline", "quiet", "chunk_size", "exact_evaluation")
_NO_CHOICE = {*FILES, *_NOT_OF_THE_MODEL, "help", "version"}


class Run(NamedTuple):
    """One training run.

    Attributes
    ----------
    settings : dict
        Its values in the grid: its configuration.
    seed : int or None
        None if the script draws nothing at random.
    options : dict
        All options of the training script.
    """

    settings: dict[str, Any]
    seed: int | None
    options: dict[str, Any]

    @property
    def name(self) -> str:
        """Return the settings and the seed as a phrase."""
        return phrase(self.settings if self.seed is None else {**self.settings, "seed": self.seed})


def phrase(settings: dict[str, Any]) -> str:
    """Return settings as a user would write them.

    >>> phrase({"learning_rate": 0.010, "n_hidden": 20})
    'learning_rate=0.01, n_hidden=20'
    """
    return ", ".join(f"{name}={as_text(value)}" for name, value in settings.items()) or "defaults"


def as_text(value: Any) -> str:
    """Return a value as a user would write it."""
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def make_runs(
    parser: argparse.ArgumentParser,
    grid: Sequence[str],
    arguments: Sequence[str] = (),
    n_seeds: int | None = None,
) -> list[Run]:
    """Combine the values of a grid with each other, and with seeds.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        The parser of the training script's options.
    grid : sequence of str
        Each is ``NAME=VALUE,VALUE...``.
    arguments : sequence of str
        Options of the training script that all runs share.
    n_seeds : int, optional
        Number of seeds per configuration, counting up from that of the arguments or the script;
        by default only that one.

    Returns
    -------
    list of Run
        The seeds of a configuration are adjacent.

    Raises
    ------
    OptionError
        If a name is unknown or repeated, a value is missing, invalid or repeated, or the script
        has no seed to vary.
    """
    if not isinstance(parser, Parser):  # the same options, but errors are raised
        parser = Parser(parents=[parser], add_help=False)
    base = parser.parse_args(list(arguments))
    for name in FILES:
        if name in base and getattr(base, name) != parser.get_default(name):
            raise OptionError(
                f"{name}: got {getattr(base, name)!r}, expected none; "
                "the runs save everything in the results folder"
            )
    seeds = _seeds(base, n_seeds)
    axes = [_axis(parser, text) for text in grid]
    names = [name for name, _ in axes]
    for name in names:
        if names.count(name) > 1:
            raise OptionError(f"grid: got {name} twice, expected all of its values in one --grid")
    runs: list[Run] = []
    for values in itertools.product(*(values for _, values in axes)):
        options = parser.parse_args([*arguments, *values])
        settings = {name: getattr(options, name) for name in names}
        if any(run.settings == settings for run in runs):
            raise OptionError(f"grid: got {settings} twice, expected different values")
        for seed in seeds:
            chosen = {} if seed is None else {"seed": seed}
            runs.append(Run(settings, seed, {**vars(options), **chosen}))
    return runs


def _seeds(base: argparse.Namespace, n_seeds: int | None) -> Sequence[int | None]:
    if n_seeds is not None:
        require_integer("seeds", n_seeds, at_least=1)
    if "seed" not in base:
        if n_seeds is not None:
            raise OptionError(
                f"seeds: got {n_seeds}, but this run draws nothing at random and has no seed; "
                "leave --seeds out"
            )
        return [None]
    last = base.seed + (n_seeds or 1) - 1
    if last >= 2**32:
        raise OptionError(f"seeds: got {base.seed} to {last}, expected at most {2**32 - 1}")
    return range(base.seed, last + 1)


def _axis(parser: Parser, text: str) -> tuple[str, list[str]]:
    """Return the name of an option, and an argument for the parser for each of its values."""
    name, _, values = text.partition("=")
    name = name.strip().replace("-", "_")
    options = parser.options
    if name == "seed" and name in options:
        raise OptionError("grid: got seed, expected --seeds N; -- --seed sets the first of them")
    if name not in options or name in _NO_CHOICE:
        expected = ", ".join(sorted(set(options) - {*_NO_CHOICE, "seed"}))
        raise OptionError(f"grid: got {name or text}, expected one of {expected}")
    if not all(value.strip() for value in values.split(",")):
        raise OptionError(f"grid: got {text!r}, expected {name}=VALUE,VALUE...")
    return name, [f"{options[name]}={value.strip()}" for value in values.split(",")]
