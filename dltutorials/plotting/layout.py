"""The layout of images in a figure: columns of a matrix as tiles with labels.

>>> import numpy
>>> layout = lay_out((28, 28), n_tiles=10)
>>> layout.tile_shape, raster_of(numpy.zeros((784, 10)), layout).shape
((2, 5), (61, 148))
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from dltutorials.exceptions import DataError
from dltutorials.plotting.tiles import tile_raster_images
from dltutorials.types import Axes

import numpy

MAX_TILES = 10_000
_MOST_LABELLED = 12  # columns; with more, labels would be too small to read


class Layout(NamedTuple):
    """The number of tiles, their size and their spacing."""

    img_shape: tuple[int, int]
    tile_shape: tuple[int, int]
    tile_spacing: tuple[int, int]

    @property
    def aspect(self) -> float:
        """Height of the whole grid, as a fraction of its width."""
        height, width = (
            n * (pixels + space)
            for n, pixels, space in zip(self.tile_shape, self.img_shape, self.tile_spacing)
        )
        return height / width

    def corner(self, number: int) -> tuple[float, float]:
        """Return x and y of a tile's lower left corner."""
        row, column = divmod(number, self.tile_shape[1])
        height, width = numpy.add(self.img_shape, self.tile_spacing)
        return column * width - 0.5, row * height - 0.5 + self.img_shape[0]


def require_matrix(W: numpy.ndarray) -> numpy.ndarray:
    """Return `W` if it can be drawn; raise a DataError if it is not a matrix of finite numbers."""
    if W.ndim != 2 or 0 in W.shape:
        raise DataError(
            f"the first parameter has shape {W.shape}, expected (n_in, n_units), "
            "the weights of a layer, or of filters"
        )
    if not numpy.isfinite(W).all():
        raise DataError("some weights are nan or inf: the training run has diverged")
    if W.shape[1] > MAX_TILES:
        raise DataError(f"the layer has {W.shape[1]:,} units, expected at most {MAX_TILES:,}")
    return W


def as_columns(
    W: numpy.ndarray, img_shape: tuple[int, int] | None = None
) -> tuple[numpy.ndarray, tuple[int, int] | None]:
    """Return the weights of a first layer as a matrix, and the shape of its columns as images.

    Parameters
    ----------
    W : array ``(n_in, n_units)`` or ``(n_filters, n_maps, n_rows, n_columns)``
        A filter is turned by 180 degrees, as a convolution applies it; its maps are stacked.
    img_shape : (int, int), optional
        If given, returned unchanged.

    Raises
    ------
    DataError
        If `W` cannot be drawn.
    """
    if W.ndim == 4 and W.size:
        n_filters, n_maps, n_rows, n_columns = W.shape
        columns = W[:, :, ::-1, ::-1].reshape(n_filters, -1).T
        return require_matrix(columns), img_shape or (n_maps * n_rows, n_columns)
    return require_matrix(W), img_shape


def image_shape(n_in: int, img_shape: tuple[int, int] | None) -> tuple[int, int]:
    """Return the height and width of images with this many pixels; by default square."""
    side = math.isqrt(n_in)
    height, width = img_shape or (side, side)
    if height * width != n_in:
        expected = f"{height} x {width} = {height * width}" if img_shape else "a square number"
        raise DataError(
            f"got {n_in} numbers for an image, expected {expected}; "
            "give height and width of the images (--img-shape HEIGHT WIDTH)"
        )
    return height, width


def lay_out(img_shape: tuple[int, int], n_tiles: int, n_columns: int | None = None) -> Layout:
    """Return a roughly square layout, with room for a label under each tile."""
    if n_columns is None:
        n_columns = min(n_tiles, max(5, math.ceil(math.sqrt(n_tiles))))
    n_rows = math.ceil(n_tiles / n_columns)
    gap = max(1, min(img_shape) // 12)
    # A label is 8 points high; all tiles together are about 5 inches wide.
    labelled = n_columns <= _MOST_LABELLED
    label = math.ceil(11 / 72 / 5 * n_columns * (img_shape[1] + gap)) if labelled else gap
    return Layout(img_shape, (n_rows, n_columns), (label, gap))


def raster_of(W: numpy.ndarray, layout: Layout) -> numpy.ndarray:
    """Return the columns of `W` as tiles, with nan between them."""
    options = (*layout, False, False)
    raster = tile_raster_images(W.T.astype("float64"), *options)
    is_tile = tile_raster_images(numpy.ones(W.T.shape), *options) == 1
    return numpy.where(is_tile, raster, numpy.nan)


def write_labels(ax: Axes, layout: Layout, labels: Sequence[Any]) -> None:
    """Write a label under each tile, if tiles are large enough."""
    height, width = numpy.multiply(layout.tile_shape, numpy.add(layout[0], layout[2]))
    ax.set_xlim(-0.5, width - layout.tile_spacing[1] - 0.5)
    ax.set_ylim(height - 0.5, -0.5)  # leaves room under the last row
    if layout.tile_shape[1] > _MOST_LABELLED:
        return
    for number, label in enumerate(labels):
        x, y = layout.corner(number)
        ax.text(x + layout.img_shape[1] / 2, y, str(label), ha="center", va="top", fontsize=8)


def write_row_names(ax: Axes, names: Sequence[str]) -> None:
    """Write the name of each row of images to the left of it."""
    height, _ = ax.images[0].get_array().shape
    for number, name in enumerate(names):
        middle = (number + 0.5) * height / len(names)
        ax.text(-2, middle, name, ha="right", va="center", fontsize=8)
