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

from dltutorials.checks import require_integer
from dltutorials.exceptions import OptionError
from dltutorials.models.sampling import draw_samples, start_chains
from dltutorials.plotting.images import plot_images
from dltutorials.plotting.layout import MAX_TILES, image_shape, write_row_names
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
        As :func:`dltutorials.models.sampling.draw_samples`; or if the samples are not images, or
        more than 10,000.
    """
    chains = start_chains(model, x)
    check_samples(model.n_in, len(chains), n_samples, img_shape)
    samples = draw_samples(model, chains, n_samples, plot_every)
    images = samples.reshape(-1, model.n_in)
    ax = plot_images(images, img_shape=img_shape, ax=ax, n_columns=len(chains))
    write_row_names(ax, [f"step {number * plot_every:,}" for number in range(1, n_samples + 1)])
    return ax


def check_samples(
    n_in: int, n_chains: int, n_samples: int, img_shape: tuple[int, int] | None = None
) -> None:
    """Refuse what could not be drawn, before the chains run.

    Raises
    ------
    DataError, OptionError
        As :func:`plot_samples`.
    """
    require_integer("n_samples", n_samples, at_least=1)
    if n_samples * n_chains > MAX_TILES:
        got = f"got {n_samples:,} of each of {n_chains:,} chains"
        raise OptionError(f"n_samples: {got}, expected at most {MAX_TILES:,} images in all")
    image_shape(n_in, img_shape)
