"""Plots of what a restricted Boltzmann machine has learned, as samples from it.

>>> import numpy, theano.tensor as T
>>> from dltutorials.models import RBM
>>> rng = numpy.random.RandomState(0)
>>> model = RBM(rng, T.matrix("x"), n_in=16, n_hidden=3)
>>> ax = plot_samples(model, rng.rand(5, 16), n_samples=2, plot_every=3)
>>> [text.get_text() for text in ax.texts][-2:]
['step 3', 'step 6']
"""

from typing import Any

from dltutorials.models.sampling import draw_samples
from dltutorials.plotting.images import plot_images
from dltutorials.types import Axes

N_CHAINS, N_SAMPLES, PLOT_EVERY = 20, 10, 1000


def plot_samples(
    model: Any,
    x: Any,
    n_samples: int = N_SAMPLES,
    plot_every: int = PLOT_EVERY,
    img_shape: tuple[int, int] | None = None,
    ax: Axes = None,
) -> Axes:
    """Draw samples of Markov chains: a chain is a column, and time runs downwards.

    Parameters
    ----------
    model, x, n_samples, plot_every
        See :func:`dltutorials.models.sampling.draw_samples`.
    img_shape : (int, int), optional
        Height and width of an image; by default they are square.
    ax : Axes, optional
        The axes to draw on; by default those of a new figure, which a notebook shows.

    Returns
    -------
    Axes

    Raises
    ------
    DataError, OptionError
        As :func:`dltutorials.models.sampling.draw_samples`.
    """
    samples = draw_samples(model, x, n_samples, plot_every)
    images = samples.reshape(-1, samples.shape[-1])
    ax = plot_images(images, img_shape=img_shape, ax=ax, n_columns=samples.shape[1])
    height, _ = ax.images[0].get_array().shape
    for number in range(n_samples):
        middle = (number + 0.5) * height / n_samples
        label = f"step {(number + 1) * plot_every:,}"
        ax.text(-2, middle, label, ha="right", va="center", fontsize=8)
    return ax
