"""Plots of examples as images: dark ink on white, with captions.

>>> import numpy
>>> ax = plot_images(numpy.eye(4), captions=[5, 0, 4, 1])
>>> [text.get_text() for text in ax.texts]
['5', '0', '4', '1']
"""

from collections.abc import Sequence
from typing import Any

from dltutorials.checks import require_integer
from dltutorials.exceptions import DataError, OptionError
from dltutorials.plotting.figures import new_axes, show_raster
from dltutorials.plotting.layout import MAX_TILES, image_shape, lay_out, raster_of, write_labels
from dltutorials.types import Axes

import numpy

N_COLUMNS = 8
_LEAST_GREY = 0.07  # behind the ink, to show how far an image extends
_LINE_HEIGHT = 0.0375  # a caption's, as a fraction of an image's height, per column


def plot_images(
    x: numpy.ndarray,
    captions: Sequence[Any] | None = None,
    img_shape: tuple[int, int] | None = None,
    ax: Axes = None,
    n_columns: int = N_COLUMNS,
) -> Axes:
    """Draw examples as images, row by row.

    Parameters
    ----------
    x : array ``(n_examples, n_in)``
        Images, one per row, from 0 for white to 1 for black.
    captions : sequence, optional
        Text under each image, for example its label.
    img_shape : (int, int), optional
        Height and width of an image; by default they are square.
    ax : Axes, optional
        The axes to draw on; by default those of a new figure, which a notebook shows.

    n_columns : int
        Number of images in a row.

    Returns
    -------
    Axes

    Raises
    ------
    DataError
        If `x` is not a matrix of 1 to 10,000 rows, or its rows do not make images.
    OptionError
        If there are not as many captions as images, or `n_columns` is not a positive integer.
    """
    require_integer("n_columns", n_columns, at_least=1)
    x = numpy.asarray(x)
    if x.ndim != 2 or not 1 <= len(x) <= MAX_TILES:
        raise DataError(
            f"x: got shape {x.shape}, expected (n_examples, n_in), 1 to {MAX_TILES:,} images"
        )
    shape = image_shape(x.shape[1], img_shape)
    texts = [""] * len(x) if captions is None else [str(caption) for caption in captions]
    if len(texts) != len(x):
        raise OptionError(f"captions: got {len(texts)}, expected {len(x)}, one per image")
    n_lines = max(0 if not text else text.count("\n") + 1 for text in texts)
    layout = lay_out(shape, len(x), n_columns)
    gap = round(shape[1] * 0.2)
    space = max(gap, round(shape[0] * (0.15 + _LINE_HEIGHT * n_columns * n_lines)))
    layout = layout._replace(tile_spacing=(space, gap))
    ax = ax or new_axes(height=0.1 + 5.8 * layout.aspect)
    raster = raster_of(x.T, layout) * (1 - _LEAST_GREY) + _LEAST_GREY
    show_raster(ax, raster, "gray_r", (0, 1))
    write_labels(ax, layout, texts)
    return ax
