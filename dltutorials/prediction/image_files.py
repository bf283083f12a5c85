"""Image files as grey values, whatever their format, transparency and depth.

>>> import os, tempfile, PIL.Image
>>> path = os.path.join(tempfile.mkdtemp(), "dot.png")
>>> PIL.Image.new("LA", (1, 1), (0, 255)).save(path)
>>> read_grey(path)
array([[0.]])
"""

import contextlib
import os
import warnings
from collections.abc import Iterator
from typing import Any

from dltutorials.exceptions import DataError, in_file, reason_of
from dltutorials.extras import import_optional
from dltutorials.types import PathLike

import numpy

MAX_PIXELS = 50_000_000
LEAST_CONTRAST = 8.0  # of 255 grey levels, between paper and ink
_WORKING_SIDE = 1_000  # pixels; a larger image is made smaller first


def read_grey(path: PathLike) -> numpy.ndarray:
    """Read an image file as grey values.

    Parameters
    ----------
    path : path

    Returns
    -------
    float array ``(height, width)``
        From 0, black, to 255, white. Turned as the camera was held, at most 1,000
        pixels a side, and without transparency: on white, or on black if it shows
        nothing on white.

    Raises
    ------
    DataError
        If the file cannot be read, is not an image, or has more than 50 million pixels.
    SetupError
        If Pillow is not installed.
    """
    pillow = import_optional("PIL.Image", "images need Pillow")
    with in_file(path), _reading(pillow), open(path, "rb") as file:
        if not file.seek(0, os.SEEK_END):
            raise DataError("empty; give an image")
        image = pillow.open(file, formats=_formats(pillow))
        n_pixels = image.size[0] * image.size[1]
        if n_pixels > MAX_PIXELS:
            raise DataError(
                f"has {image.size[0]:,} x {image.size[1]:,} pixels, expected at most "
                f"{MAX_PIXELS:,} in all; make it smaller"
            )
        image.draft("L", (_WORKING_SIDE, _WORKING_SIDE))  # a JPEG is made smaller as it is read
        image.load()
        image = import_optional("PIL.ImageOps", "images need Pillow").exif_transpose(image)
        return _to_grey(image, pillow)


@contextlib.contextmanager
def _reading(pillow: Any) -> Iterator[None]:
    """Turn what Pillow raises and warns of into a line; damage leads to errors of any kind."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", pillow.DecompressionBombWarning)
            yield
    except (DataError, MemoryError):
        raise
    except pillow.UnidentifiedImageError:
        raise DataError("not an image in a format that Pillow reads; give a PNG or JPEG") from None
    except (pillow.DecompressionBombWarning, pillow.DecompressionBombError):
        raise DataError(f"has more than {MAX_PIXELS:,} pixels; make it smaller") from None
    except OSError:
        raise  # a file that cannot be read
    except Exception as error:
        raise DataError(f"a damaged image: {reason_of(error)}") from None


def _formats(pillow: Any) -> list[str]:
    """Return the formats of pixels; EPS is a program, and another program would run it."""
    pillow.init()
    return sorted(set(pillow.OPEN) - {"EPS"})


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
    """Scale the values of an image of more than 8 bits to 0..255, by the range they fit into."""
    if not numpy.isfinite(values).all():
        raise DataError("some pixels are nan or inf")
    white = next((top for top in (1, 255, 65535) if values.max() <= top), values.max())
    return values * (255 / white)
