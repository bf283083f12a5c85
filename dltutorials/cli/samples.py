"""The figure of samples that a training script draws at its end, if asked for.

>>> parser = argparse.ArgumentParser()
>>> add_samples_arguments(parser)
>>> plan_samples(parser.parse_args([])) is None
True
>>> plan_samples(parser.parse_args(["--n-chains", "5"]))
SamplesFigure(output='samples.png', n_chains=5, n_samples=10, plot_every=1000)
"""

import argparse
from typing import Any, NamedTuple

from dltutorials.checks import require_integer
from dltutorials.cli.arguments import add_option
from dltutorials.datasets.sources import FloatRows
from dltutorials.exceptions import DataError, OptionError
from dltutorials.extras import import_optional
from dltutorials.loading import SharedDatasets
from dltutorials.plotting.figures import format_of, save_figure
from dltutorials.plotting.samples import (
    N_CHAINS,
    N_SAMPLES,
    PLOT_EVERY,
    check_samples,
    plot_samples,
)
from dltutorials.prediction.saved_model import rebuild_model
from dltutorials.training.description import Description

_DEFAULTS = {"n_chains": N_CHAINS, "n_samples": N_SAMPLES, "plot_every": PLOT_EVERY}
_OUTPUT = "samples.png"


def add_samples_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of :func:`plan_samples`."""
    text = (
        "figure of samples from the best parameters, drawn after training; default: none, or "
        f"{_OUTPUT} if one of the next three options is given"
    )
    add_option(parser, "--samples", "FILE", None, text)
    for name, text in (
        ("n_chains", "chains of --samples, the columns"),
        ("n_samples", "samples of each chain, the rows"),
        ("plot_every", "Gibbs steps between two samples"),
    ):
        text += f"; default: {_DEFAULTS[name]}"
        add_option(parser, f"--{name.replace('_', '-')}", "N", None, text)


class SamplesFigure(NamedTuple):
    """What to draw after training, and where."""

    output: str
    n_chains: int
    n_samples: int
    plot_every: int

    def check(self, datasets: SharedDatasets) -> None:
        """Refuse, before training, what could not be drawn afterwards.

        Raises
        ------
        OptionError, DataError
            If the test set has fewer images than there are chains, or the samples are too many, or
            not images.
        """
        require_chains(self.n_chains, datasets[2].n_examples)
        try:
            check_samples(datasets.n_in, self.n_chains, self.n_samples)
        except DataError:
            got = f"got {datasets.n_in} numbers in an example, expected those of a square image"
            advice = "draw them with plot.py samples, which has --img-shape"
            raise DataError(f"samples: {got}; {advice}") from None

    def draw(self, model: Any, about: Description, datasets: SharedDatasets) -> None:
        """Draw the samples of a trained model as ``plot.py samples`` draws them from its file."""
        fresh = rebuild_model([param.get_value() for param in model.params], about=about).model
        rows, n = datasets[2].rows[0], self.n_chains
        x = rows.read(0, n) if isinstance(rows, FloatRows) else rows[:n]
        save_figure(plot_samples(fresh, x, self.n_samples, self.plot_every).figure, self.output)


def plan_samples(options: argparse.Namespace) -> SamplesFigure | None:
    """Return what to draw after training; complete and check the options.

    Raises
    ------
    OptionError, DLTutorialsError
        If a number or the file's ending is wrong, or matplotlib is missing.
    """
    given = {name: getattr(options, name) for name in _DEFAULTS}
    given = {name: value for name, value in given.items() if value is not None}
    for name, value in given.items():
        require_integer(name, value, at_least=1)
    if options.samples is None and not given:
        return None
    options.samples = options.samples or _OUTPUT
    format_of(options.samples, option="samples")
    import_optional("matplotlib", "plots need matplotlib")
    return SamplesFigure(options.samples, **{**_DEFAULTS, **given})


def require_chains(n_chains: int, n_images: int) -> None:
    """Refuse more chains than there are images for them to begin with."""
    require_integer("n_chains", n_chains, at_least=1)
    if n_chains > n_images:
        got = f"got {n_chains:,}, but the test set has {n_images:,} images"
        raise OptionError(f"n_chains: {got}; use fewer chains")
