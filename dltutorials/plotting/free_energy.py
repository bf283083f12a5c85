"""Plots of overfitting, for a model that gives no probabilities: the free energy in training.

>>> import tempfile, numpy, theano.tensor as T
>>> from dltutorials.models import RBM
>>> from dltutorials.training.snapshots import save_snapshot
>>> rng, folder = numpy.random.RandomState(0), tempfile.mkdtemp()
>>> model = RBM(rng, T.matrix("x"), n_in=4, n_hidden=3)
>>> paths = [save_snapshot(model.params, folder, iteration) for iteration in (49, 99)]
>>> energy, gap = plot_free_energy(model, folder, rng.rand(5, 4), rng.rand(2, 4))
>>> [line.get_label() for line in energy.lines], energy.lines[0].get_xdata().tolist()
(['training', 'validation'], [50, 100])
"""

from typing import Any

from dltutorials.datasets.examples import as_examples
from dltutorials.exceptions import DataError
from dltutorials.extras import import_optional
from dltutorials.models.classifier import compile_examples
from dltutorials.plotting.figures import COLOURS, GREY, new_column
from dltutorials.training.parameters import load_params
from dltutorials.training.snapshots import find_snapshots
from dltutorials.types import Axes, PathLike

import numpy

_HEIGHTS = (2.4, 1.6)  # inches


def plot_free_energy(model: Any, folder: PathLike, train_x: Any, valid_x: Any) -> list[Axes]:
    """Draw the mean free energy of training and of validation examples at each snapshot.

    The constant that separates a free energy from a log-likelihood is unknown, but the same for
    both sets. While the model describes both equally well, they fall together; a growing gap is
    overfitting.

    Parameters
    ----------
    model : RBM
        Of the sizes and options of the snapshots; it keeps its own parameters.
    folder : path
        The folder given to ``--snapshots``.
    train_x, valid_x : array-like ``(n_examples, n_in)``
        A part of the training set is enough. From 0 to 1.

    Returns
    -------
    list of two Axes
        The free energies, and the gap: validation minus training.

    Raises
    ------
    DataError
        If the model is not an RBM, examples do not fit it, or a snapshot cannot be read or is of
        another model.
    """
    if not hasattr(model, "free_energy"):
        name = type(model).__name__
        raise DataError(f"a model of the class {name} has no free energy; give an RBM")
    sets = [as_examples(x, model.n_in, model.input.dtype).values for x in (train_x, valid_x)]
    found = find_snapshots(folder)
    free_energy = compile_examples(model.input, model.free_energy(model.input))
    own, means = [param.get_value() for param in model.params], []
    try:
        for _, path in found:
            load_params(model, path)
            means.append([numpy.mean(free_energy(x), dtype="float64") for x in sets])
    finally:
        for param, value in zip(model.params, own):
            param.set_value(value)
    return _draw([iteration + 1 for iteration, _ in found], numpy.array(means).T)


def _draw(n_minibatches: list[int], means: numpy.ndarray) -> list[Axes]:
    ticker = import_optional("matplotlib.ticker", "plots need matplotlib")
    axes = new_column(_HEIGHTS, sharex=True)
    for values, name, colour in zip(means, ("training", "validation"), COLOURS):
        axes[0].plot(n_minibatches, values, ".-", color=colour, label=name)
    axes[0].set_ylabel("mean free energy")
    axes[0].legend(frameon=False, fontsize="small")
    axes[1].axhline(0, color=GREY, linewidth=0.8)
    axes[1].plot(n_minibatches, means[1] - means[0], ".-", color=COLOURS[2])
    axes[1].set_ylabel("validation\nminus training")
    axes[1].set_xlabel("minibatches")
    axes[1].xaxis.set_major_formatter(ticker.StrMethodFormatter("{x:,.0f}"))
    for ax in axes:
        ax.grid(color="0.9")
        ax.set_axisbelow(True)
        for side in ("top", "right"):
            ax.spines[side].set_visible(False)
    return axes
