"""Plots of a convolutional network's feature maps for an image, layer by layer.

>>> import numpy, theano.tensor as T
>>> from dltutorials.models import LeNet
>>> rng = numpy.random.RandomState(0)
>>> model = LeNet(rng, T.matrix("x"), n_out=2, image_shape=(16, 16), nkerns=(3, 4), n_hidden=5)
>>> axes = plot_maps(model, rng.rand(256))
>>> [ax.get_title() for ax in axes]
['the image', 'layer 1: 3 maps of 6 x 6', 'layer 2: 4 maps of 1 x 1']
"""

from collections.abc import Sequence
from typing import Any

from dltutorials.datasets.examples import as_examples
from dltutorials.exceptions import DataError, OptionError
from dltutorials.models.classifier import compile_examples
from dltutorials.plotting.figures import new_column, show_raster
from dltutorials.plotting.layout import Layout, lay_out, raster_of
from dltutorials.types import Axes

import numpy

_N_COLUMNS = 10
_TITLE = 0.3  # height of a title and of the space below, in inches
_WIDTHS = (1.5, 5.0)  # of the image, and of a layer's maps


def plot_maps(model: Any, x: Any, axes: Sequence[Axes] | None = None) -> list[Axes]:
    """Draw an image, and below it the maps of each convolutional layer.

    Parameters
    ----------
    model : LeNet
        Or another model with ``conv_layers``, each with an `output` from -1 to 1.
    x : array-like ``(n_in,)``
        The image, from 0 to 1; for colours, their mean is drawn.
    axes : sequence of Axes, optional
        The axes to draw on, one more than there are layers; by default those of a new figure,
        which a notebook shows.

    Returns
    -------
    list of Axes

    Raises
    ------
    DataError
        If the model has no convolutional layers, or `x` does not fit its input.
    OptionError
        If the number of axes is wrong.
    """
    if not hasattr(model, "conv_layers"):
        raise DataError(f"a model of the class {type(model).__name__} has no convolutional layers")
    example = as_examples(x, model.n_in, model.input.dtype)
    if not example.is_single:
        raise DataError(f"x: got {len(example.values)} examples, expected one (n_in,)")
    outputs = [layer.output for layer in model.conv_layers]
    maps = [output[0] for output in compile_examples(model.input, outputs)(example.values)]
    height, width, n_channels = (*model.options["image_shape"], 1)[:3]
    image = example.values.reshape(1, height, width, n_channels).mean(axis=3)
    layouts = [_lay_out(each) for each in (image, *maps)]
    if axes is None:
        inches = [_WIDTHS[number > 0] * each.aspect + _TITLE for number, each in enumerate(layouts)]
        axes = new_column(inches)
    if len(axes) != len(layouts):
        raise OptionError(f"axes: got {len(axes)}, expected {len(layouts)}, the image and layers")
    show_raster(axes[0], _raster(image, layouts[0]), "gray_r", (0, 1))
    axes[0].set_title("the image", fontsize=10)
    for number, (ax, layout, each) in enumerate(zip(axes[1:], layouts[1:], maps), start=1):
        show_raster(ax, _raster(each, layout), "RdBu_r", (-1, 1))
        size = " x ".join(map(str, each.shape[1:]))
        ax.set_title(f"layer {number}: {len(each)} maps of {size}", fontsize=10)
    return axes if isinstance(axes, list) else list(axes)


def _lay_out(maps: numpy.ndarray) -> Layout:
    n_maps, height, width = maps.shape
    layout = lay_out((height, width), n_maps, min(n_maps, _N_COLUMNS))
    gap = layout.tile_spacing[1]
    return layout._replace(tile_spacing=(gap, gap))


def _raster(maps: numpy.ndarray, layout: Layout) -> numpy.ndarray:
    return raster_of(maps.reshape(len(maps), -1).T, layout)
