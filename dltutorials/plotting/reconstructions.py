"""Plots of images, with part of their pixels removed, and an autoencoder's reconstructions.

>>> import numpy, theano.tensor as T
>>> from dltutorials.models import Autoencoder
>>> rng = numpy.random.RandomState(0)
>>> model = Autoencoder(rng, T.matrix("x"), n_in=16, n_hidden=3, corruption_level=0.3)
>>> ax = plot_reconstructions(model, rng.rand(5, 16))
>>> [text.get_text() for text in ax.texts][-3:]
['example', 'with noise', 'reconstruction']
"""

from typing import Any

from dltutorials.checks import require_probability
from dltutorials.datasets.examples import as_examples
from dltutorials.exceptions import DataError
from dltutorials.plotting.images import plot_images
from dltutorials.plotting.layout import write_row_names
from dltutorials.types import Axes

import numpy

N_IMAGES = 10


def plot_reconstructions(
    model: Any,
    x: Any,
    corruption_level: float | None = None,
    img_shape: tuple[int, int] | None = None,
    seed: int = 0,
    ax: Axes = None,
) -> Axes:
    """Draw examples, below them the same with noise, and below that the reconstructions.

    Parameters
    ----------
    model : Autoencoder
        Or another model with `reconstruct`.
    x : array-like ``(n_examples, n_in)``
        Each is a column of the figure.
    corruption_level : float, optional
        The fraction of the numbers that are set to 0; by default that of the model. If it is 0,
        the noisy row is left out.
    img_shape : (int, int), optional
        Height and width of an image; by default they are square.
    seed : int
        Seed of the noise.
    ax : Axes, optional
        The axes to draw on; by default those of a new figure, which a notebook shows.

    Returns
    -------
    Axes

    Raises
    ------
    DataError
        If the model has no `reconstruct`, or `x` does not fit its input.
    OptionError
        If the level is not from 0 to 1.
    """
    if not hasattr(model, "reconstruct"):
        name = type(model).__name__
        raise DataError(f"a model of the class {name} reconstructs nothing; give an autoencoder")
    if corruption_level is None:
        corruption_level = model.options.get("corruption_level", 0.0)
    require_probability("corruption_level", corruption_level)
    examples = as_examples(x, model.n_in, model.input.dtype).values
    is_left = numpy.random.RandomState(seed).uniform(size=examples.shape) >= corruption_level
    corrupted = examples * is_left
    rows = {"example": examples, "with noise": corrupted}
    if not corruption_level:
        del rows["with noise"]
    rows["reconstruction"] = model.reconstruct(corrupted)
    images = numpy.concatenate(list(rows.values()))
    ax = plot_images(images, img_shape=img_shape, ax=ax, n_columns=len(examples))
    write_row_names(ax, list(rows))
    return ax
