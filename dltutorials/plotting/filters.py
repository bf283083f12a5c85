r"""Plots of what a model looks for: the weights of each class or hidden unit as images.

A column of ``W`` has one weight per input, so if inputs are images, it is an image too. All images
of a figure share one scale, symmetric around 0, so that they can be compared and show which pixels
excite or inhibit a unit:

>>> import numpy
>>> ax = plot_filters(numpy.random.RandomState(0).randn(784, 10))
>>> [text.get_text() for text in ax.texts][:3]
['0', '1', '2']
"""

from collections.abc import Sequence
from typing import Any

from dltutorials.checks import require_choice, require_integer
from dltutorials.plotting.figures import new_axes, show_raster
from dltutorials.plotting.layout import (
    Layout,
    as_columns,
    image_shape,
    lay_out,
    raster_of,
    write_labels,
)
from dltutorials.types import Axes

import numpy

COLOURS = {"diverging": "RdBu_r", "grey": "gray"}
CHOICES = ("first", "strongest")
N_UNITS = 100


def plot_filters(
    W: numpy.ndarray,
    img_shape: tuple[int, int] | None = None,
    labels: Sequence[Any] | None = None,
    colours: str = "diverging",
    limit: float | None = None,
    ax: Axes = None,
) -> Axes:
    """Draw the weights of each unit as an image, on one scale with a colour bar.

    Parameters
    ----------
    W : array ``(n_in, n_units)`` or ``(n_filters, n_maps, n_rows, n_columns)``
        Filters are drawn as a convolution applies them to an image, turned by 180 degrees.
    img_shape : (int, int), optional
        Height and width of the input images; by default they are square.
    labels : sequence, optional
        Text under each unit; by default its number.
    colours : {"diverging", "grey"}
        Red for positive and blue for negative weights, or shades from black for the most negative
        to white.
    limit : float, optional
        The weight with the strongest colour; by default the largest one.
    ax : Axes, optional
        The axes to draw on; by default those of a new figure, which a notebook shows.

    Returns
    -------
    Axes

    Raises
    ------
    DataError
        If `W` is not an array of finite numbers of one of these forms, has more than
        10,000 units, or its rows do not make an image.
    OptionError
        If `colours` is unknown.

    Notes
    -----
    Source: Getting Started, "Plotting Intermediate Results".
    """
    require_choice("colours", colours, COLOURS)
    W, img_shape = as_columns(W, img_shape)
    img_shape = image_shape(len(W), img_shape)
    layout = lay_out(img_shape, W.shape[1])
    ax = ax or new_axes(height=0.4 + 5.05 * layout.aspect)
    limit = limit or largest(W)
    image = show_raster(ax, raster_of(W, layout), COLOURS[colours], (-limit, limit))
    write_labels(ax, layout, range(W.shape[1]) if labels is None else labels)
    add_scale(image, layout)
    return ax


def choose_units(params: Sequence[numpy.ndarray], n_units: int, choice: str) -> numpy.ndarray:
    """Return the numbers of the first layer's units to draw.

    Parameters
    ----------
    params : list of array
        The parameters of a model: the weights and biases of the first layer, those of the next
        layer, ...
    n_units : int
        How many at most.
    choice : {"first", "strongest"}
        The first ones, or those with the largest norm of their weights to the next layer, largest
        first; in a model of one layer, of their own weights.

    Returns
    -------
    integer array

    Raises
    ------
    DataError
        If the first parameter does not hold the weights of a layer or of filters.
    OptionError
        If `n_units` is not a positive integer, or `choice` is unknown.
    """
    require_integer("units", n_units, at_least=1)
    require_choice("choose", choice, CHOICES)
    W, _ = as_columns(params[0])
    n_present = W.shape[1]
    if choice == "first":
        return numpy.arange(min(n_units, n_present))
    outgoing = W.T
    if len(params) > 2 and params[2].ndim in (2, 4):
        to_next = numpy.moveaxis(params[2], 1, 0) if params[2].ndim == 4 else params[2]
        if len(to_next) and len(to_next) % n_present == 0:  # a map feeds several inputs of a layer
            outgoing = to_next.reshape(n_present, -1)
    strength = numpy.linalg.norm(outgoing.astype("float64"), axis=1)
    return numpy.argsort(-strength, kind="stable")[:n_units]


def largest(W: numpy.ndarray) -> float:
    """Return the largest absolute value, or 1 if all are 0."""
    return float(abs(W).max()) or 1.0


def add_scale(image: Any, layout: Layout) -> None:
    """Draw a colour bar beside the tiles, about as high as the tiles."""
    ax = image.axes
    bar = ax.figure.colorbar(image, ax=ax, shrink=min(1.0, 0.75 / layout.aspect), pad=0.02)
    bar.set_label("weight")
