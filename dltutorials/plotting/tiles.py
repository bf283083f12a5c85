"""Many small images side by side in one array, with NumPy alone.

Each row of a matrix is an image, flattened: examples as they are, the weights of
hidden units as ``W.T``. The array can be shown or saved by any image library:

>>> import numpy
>>> X = numpy.array([[0.0, 1.0], [2.0, 6.0], [5.0, 5.0]])
>>> tile_raster_images(X, img_shape=(1, 2), tile_shape=(2, 2), tile_spacing=(1, 1))
array([[  0, 255,   0,   0, 255],
       [  0,   0,   0,   0,   0],
       [  0,   0,   0,   0,   0]], dtype=uint8)
"""

from collections.abc import Sequence
from typing import Any

from dltutorials.exceptions import OptionError

import numpy

_OPAQUE = 255
N_CHANNELS = 4  # red, green, blue, alpha


def scale_to_unit_interval(values: numpy.ndarray) -> numpy.ndarray:
    """Return `values` shifted and scaled to [0, 1], in floats; where all are equal, zeros.

    Notes
    -----
    Source: the tutorial's ``utils.py``.
    Differs: its version divides by the largest value plus 1e-8, and so does not quite reach 1.
    """
    values = numpy.asarray(values, dtype="float64")
    lowest, highest = values.min(initial=numpy.inf), values.max(initial=-numpy.inf)
    if not highest > lowest:
        return numpy.zeros_like(values)
    return (values - lowest) / (highest - lowest)


def tile_raster_images(
    X: Any,
    img_shape: tuple[int, int],
    tile_shape: tuple[int, int],
    tile_spacing: tuple[int, int] = (0, 0),
    scale_rows_to_unit_interval: bool = True,
    output_pixel_vals: bool = True,
) -> numpy.ndarray:
    """Arrange images, each a row of a matrix, in a grid.

    Parameters
    ----------
    X : array ``(n_images, height * width)``, or 4 of them
        Four arrays are the channels red, green, blue and alpha of the same
        images; one that is None is 0, and alpha then opaque.
    img_shape : (int, int)
        Height and width of an image, in pixels.
    tile_shape : (int, int)
        Rows and columns of the grid. Excess images are left out; places without an image are 0, as
        is the space between.
    tile_spacing : (int, int)
        Pixels between two rows, and between two columns.
    scale_rows_to_unit_interval : bool
        Whether to scale each image to [0, 1] by itself; otherwise values are not scaled.
    output_pixel_vals : bool
        Whether to convert values from [0, 1] (others are clipped) to bytes, 0 to 255; otherwise
        values keep the type of `X`, or are floats if scaled.

    Returns
    -------
    array ``(rows, columns)``, for channels ``(rows, columns, 4)``
        ``rows = (height + spacing) * grid rows - spacing``, columns likewise.

    Raises
    ------
    OptionError
        If a row of `X` is not an image of that shape, or a size is not an integer, or
        too small.

    Notes
    -----
    Source: the tutorial's ``utils.py``, which Getting Started recommends for images of weights
    ("Plotting Intermediate Results").
    Differs: values outside [0, 1] are clipped, where the original's bytes overflow; missing
    channels have the type of the others.
    """
    for name, pair, least in (
        ("img_shape", img_shape, 1),
        ("tile_shape", tile_shape, 1),
        ("tile_spacing", tile_spacing, 0),
    ):
        _require_pair(name, pair, least)
    if isinstance(X, (tuple, list)):
        return _tile_channels(
            X, img_shape, tile_shape, tile_spacing, scale_rows_to_unit_interval, output_pixel_vals
        )
    images = numpy.asarray(X)
    height, width = img_shape
    if images.ndim != 2 or images.shape[1] != height * width:
        raise OptionError(
            f"X: got shape {images.shape}, expected one image of {height} x {width} = "
            f"{height * width} numbers per row"
        )
    row_step, column_step = height + tile_spacing[0], width + tile_spacing[1]
    shape = numpy.multiply(tile_shape, (row_step, column_step)) - tile_spacing
    dtype = numpy.result_type(images, "float16") if scale_rows_to_unit_interval else images.dtype
    raster = numpy.zeros(shape, "uint8" if output_pixel_vals else dtype)
    for number, image in enumerate(images[: tile_shape[0] * tile_shape[1]]):
        top, left = numpy.multiply(divmod(number, tile_shape[1]), (row_step, column_step))
        tile = image.reshape(height, width)
        if scale_rows_to_unit_interval:
            tile = scale_to_unit_interval(tile)
        if output_pixel_vals:
            tile = numpy.clip(tile, 0, 1) * 255
        raster[top : top + height, left : left + width] = tile
    return raster


def _tile_channels(channels: Sequence[Any | None], *arguments: Any) -> numpy.ndarray:
    present = [numpy.asarray(channel) for channel in channels if channel is not None]
    if len(channels) != N_CHANNELS or not present:
        raise OptionError(
            f"X: got {len(channels)} arrays with {len(present)} that are not None, "
            "expected red, green, blue and alpha, at least one not None"
        )
    if len({channel.shape for channel in present}) > 1:
        raise OptionError(f"X: got channels of shapes {[c.shape for c in present]}, expected one")
    tiled = [None if c is None else tile_raster_images(c, *arguments) for c in channels]
    first = next(raster for raster in tiled if raster is not None)
    output_pixel_vals = arguments[-1]
    opaque = numpy.full_like(first, _OPAQUE if output_pixel_vals else 1)
    defaults = [numpy.zeros_like(first)] * 3 + [opaque]
    return numpy.stack([d if t is None else t for t, d in zip(tiled, defaults)], axis=-1)


def _require_pair(name: str, pair: Any, least: int) -> None:
    is_pair = (
        isinstance(pair, (tuple, list))
        and len(pair) == 2
        and all(isinstance(n, (int, numpy.integer)) and n >= least for n in pair)
    )
    if not is_pair:
        raise OptionError(f"{name}: got {pair!r}, expected two integers of at least {least}")
