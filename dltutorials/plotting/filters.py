r"""What a model looks for: the weights of each class or hidden unit, as an image.

A column of ``W`` has one weight an input, so for images it is an image itself.
All of a picture share one scale, symmetric around 0, so that one can compare
them, and see which pixels speak for a unit and which against it:

>>> import numpy
>>> ax = plot_filters(numpy.random.RandomState(0).randn(784, 10))
>>> [text.get_text() for text in ax.texts][:3]
['0', '1', '2']
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from dltutorials.checks import require_integer
from dltutorials.exceptions import DataError, OptionError
from dltutorials.plotting.figures import new_axes, show_raster
from dltutorials.plotting.tiles import tile_raster_images

import numpy

COLOURS = {"diverging": "RdBu_r", "grey": "gray"}
CHOICES = ("first", "strongest")
N_UNITS = 100
_MOST_LABELLED = 12  # columns beyond which a label would be too small to read
MAX_TILES = 10_000


class Layout(NamedTuple):
    """How many tiles, of which size, and how far apart."""

    img_shape: tuple[int, int]
    tile_shape: tuple[int, int]
    tile_spacing: tuple[int, int]

    @property
    def aspect(self) -> float:
        """Height of the whole, as a share of its width."""
        height, width = (
            n * (pixels + space)
            for n, pixels, space in zip(self.tile_shape, self.img_shape, self.tile_spacing)
        )
        return height / width

    def corner(self, number: int) -> tuple[float, float]:
        """Return where the lower left corner of a tile is, as x and y."""
        row, column = divmod(number, self.tile_shape[1])
        height, width = numpy.add(self.img_shape, self.tile_spacing)
        return column * width - 0.5, row * height - 0.5 + self.img_shape[0]


def plot_filters(
    W: numpy.ndarray,
    img_shape: tuple[int, int] | None = None,
    labels: Sequence[Any] | None = None,
    colours: str = "diverging",
    limit: float | None = None,
    ax: Any = None,
) -> Any:
    """Draw the weights of each unit as an image, on one scale with a colour bar.

    Parameters
    ----------
    W : array ``(n_in, n_units)``
    img_shape : (int, int), optional
        Height and width of the input images; by default they are square.
    labels : sequence, optional
        What is written under each unit; by default its number.
    colours : {"diverging", "grey"}
        Red for positive and blue for negative weights, or shades from black,
        the most negative, to white.
    limit : float, optional
        The weight with the strongest colour; by default the largest one.
    ax : Axes, optional
        Into which to draw; by default those of a new figure.

    Returns
    -------
    Axes

    Raises
    ------
    DataError
        If `W` is no matrix of finite numbers, has more than 10,000 columns, or
        its rows do not make an image.
    OptionError
        If `colours` is unknown.

    Notes
    -----
    Source: Getting Started, "Plotting Intermediate Results".
    """
    if colours not in COLOURS:
        raise OptionError(f"colours: got {colours!r}, expected one of {', '.join(COLOURS)}")
    img_shape = image_shape(W, img_shape)
    layout = lay_out(img_shape, W.shape[1])
    ax = ax or new_axes(height=0.4 + 5.05 * layout.aspect)
    limit = limit or largest(W)
    image = show_raster(ax, raster_of(W, layout), COLOURS[colours], (-limit, limit))
    write_labels(ax, layout, range(W.shape[1]) if labels is None else labels)
    add_scale(image, layout)
    return ax


def choose_units(params: Sequence[numpy.ndarray], n_units: int, choice: str) -> numpy.ndarray:
    """Return the numbers of the units of the first layer that are to be drawn.

    Parameters
    ----------
    params : list of array
        The parameters of a model: the weights of the first layer, its biases, those
        of the next layer.
    n_units : int
        At most so many.
    choice : {"first", "strongest"}
        The first ones, or those with the largest weights to the next layer (as
        the root of their sum of squares), largest first; in a model of one layer, with
        the largest weights themselves.

    Returns
    -------
    integer array

    Raises
    ------
    DataError
        If the first parameter is no matrix.
    OptionError
        If `n_units` is no positive integer, or `choice` is unknown.
    """
    require_integer("units", n_units, at_least=1)
    if choice not in CHOICES:
        raise OptionError(f"choose: got {choice!r}, expected one of {', '.join(CHOICES)}")
    n_present = require_matrix(params[0]).shape[1]
    if choice == "first":
        return numpy.arange(min(n_units, n_present))
    has_next = len(params) > 2 and params[2].ndim == 2 and len(params[2]) == n_present
    outgoing = params[2] if has_next else params[0].T
    strength = numpy.linalg.norm(outgoing.astype("float64"), axis=1)
    return numpy.argsort(-strength, kind="stable")[:n_units]


def require_matrix(W: numpy.ndarray) -> numpy.ndarray:
    """Return `W` if it can be drawn; raise a DataError if it is no matrix of finite numbers."""
    if W.ndim != 2 or 0 in W.shape:
        raise DataError(
            f"the first parameter has shape {W.shape}, expected (n_in, n_units), "
            "the weights of a layer"
        )
    if not numpy.isfinite(W).all():
        raise DataError("some weights are nan or inf: the training has diverged")
    return W


def image_shape(W: numpy.ndarray, img_shape: tuple[int, int] | None) -> tuple[int, int]:
    """Return the height and width of the images of a layer's inputs."""
    n_in, n_units = require_matrix(W).shape
    side = math.isqrt(n_in)
    height, width = img_shape or (side, side)
    if height * width != n_in:
        expected = f"{height} x {width} = {height * width}" if img_shape else "a square number"
        raise DataError(
            f"got {n_in} numbers for an image, expected {expected}; "
            "give height and width of the images (--img-shape HEIGHT WIDTH)"
        )
    if n_units > MAX_TILES:
        raise DataError(f"the layer has {n_units:,} units, expected at most {MAX_TILES:,}")
    return height, width


def lay_out(img_shape: tuple[int, int], n_tiles: int, n_columns: int | None = None) -> Layout:
    """Return a layout about as high as wide, with room for a label under each tile."""
    if n_columns is None:
        n_columns = min(n_tiles, max(5, math.ceil(math.sqrt(n_tiles))))
    n_rows = math.ceil(n_tiles / n_columns)
    gap = max(1, min(img_shape) // 12)
    # A label is 8 points high; the tiles share about 5 inches.
    labelled = n_columns <= _MOST_LABELLED
    label = math.ceil(11 / 72 / 5 * n_columns * (img_shape[1] + gap)) if labelled else gap
    return Layout(img_shape, (n_rows, n_columns), (label, gap))


def raster_of(W: numpy.ndarray, layout: Layout) -> numpy.ndarray:
    """Return the columns of `W` as tiles, with nan between them."""
    options = (*layout, False, False)
    raster = tile_raster_images(W.T.astype("float64"), *options)
    is_tile = tile_raster_images(numpy.ones(W.T.shape), *options) == 1
    return numpy.where(is_tile, raster, numpy.nan)


def largest(W: numpy.ndarray) -> float:
    """Return the largest absolute value, or 1 where all are 0."""
    return float(abs(W).max()) or 1.0


def add_scale(image: Any, layout: Layout) -> None:
    """Draw a colour bar beside the tiles, about as high as they are."""
    ax = image.axes
    bar = ax.figure.colorbar(image, ax=ax, shrink=min(1.0, 0.75 / layout.aspect), pad=0.02)
    bar.set_label("weight")


def write_labels(ax: Any, layout: Layout, labels: Sequence[Any]) -> None:
    """Write a label under each tile, where it is large enough to be read."""
    height, width = numpy.multiply(layout.tile_shape, numpy.add(layout[0], layout[2]))
    ax.set_xlim(-0.5, width - layout.tile_spacing[1] - 0.5)
    ax.set_ylim(height - 0.5, -0.5)  # with room under the last row
    if layout.tile_shape[1] > _MOST_LABELLED:
        return
    for number, label in enumerate(labels):
        x, y = layout.corner(number)
        ax.text(x + layout.img_shape[1] / 2, y, str(label), ha="center", va="top", fontsize=8)
