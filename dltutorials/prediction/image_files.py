"""Reading image files as grey values, whatever their format, transparency and depth.

>>> import os, tempfile, PIL.Image
>>> path = os.path.join(tempfile.mkdtemp(), "dot.png")
>>> PIL.Image.new("LA", (1, 1), (0, 255)).save(path)
>>> read_grey(path)
array([[0.]])
"""

from typing import Any

from dltutorials.exceptions import DataError, in_file
from dltutorials.extras import import_optional
from dltutorials.io.images import open_image
from dltutorials.types import PathLike

import numpy

LEAST_CONTRAST = 8.0  # between paper and ink, of 255 grey levels
_WORKING_SIDE = 1_000  # pixels; larger images are scaled down first


def read_grey(path: PathLike) -> numpy.ndarray:
    """Read an image file as grey values.

    Parameters
    ----------
    path : path

    Returns
    -------
    float array ``(height, width)``
        From 0, black, to 255, white. Rotated as its EXIF data say, at most 1,000 pixels a side,
        and without transparency: on white, or on black if nothing shows on white.

    Raises
    ------
    DataError
        If the file cannot be read, is not an image, or has more than 50 million pixels.
    SetupError
        If Pillow is not installed.
    """
    with in_file(path), open_image(path) as image:
        image.draft("L", (_WORKING_SIDE, _WORKING_SIDE))  # a JPEG is scaled down while it is read
        image.load()
        image = import_optional("PIL.ImageOps", "images need Pillow").exif_transpose(image)
        return _to_grey(image, import_optional("PIL.Image", "images need Pillow"))


def _to_grey(image: Any, pillow: Any) -> numpy.ndarray:
    size = (_WORKING_SIDE, _WORKING_SIDE)
    if image.mode in ("I", "F") or image.mode.startswith("I;"):  # 16 bits or more
        image = image.convert("I").convert("F") if image.mode != "F" else image
        image.thumbnail(size)
        return _to_bytes_range(numpy.asarray(image, "float64"))
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        image = image.convert("RGBA")
        image.thumbnail(size)
        on_white, on_black = (
            numpy.asarray(
                pillow.alpha_composite(pillow.new("RGBA", image.size, colour), image).convert("L"),
                "float64",
            )
            for colour in ("white", "black")
        )
        return on_black if numpy.ptp(on_white) < LEAST_CONTRAST else on_white
    image = image.convert("L")
    image.thumbnail(size)
    return numpy.asarray(image, "float64")


def _to_bytes_range(values: numpy.ndarray) -> numpy.ndarray:
    """Scale the values of an image with more than 8 bits to 0..255, by the range they fit."""
    if not numpy.isfinite(values).all():
        raise DataError("some pixels are nan or inf")
    white = next((top for top in (1, 255, 65535) if values.max() <= top), values.max())
    return values * (255 / white)
