r"""A photo of a digit brought to the form of MNIST's images.

MNIST's digits are light ink on black, scaled to fit a box of 20 x 20 pixels
without a change of proportion, and put into 28 x 28 so that the centre of mass
of the ink is in the middle. A model trained on them expects just that. A photo is
mostly dark ink on light paper, lit from one side, of any size and anywhere in the
picture; :func:`prepare_photo` does for it what was done for MNIST:

>>> import numpy
>>> photo = numpy.full((120, 200), 230.0)
>>> photo[30:90, 150:162] = 40  # a thick stroke, right of the middle
>>> image = prepare_photo(photo)
>>> image.shape, float(image.max())
((28, 28), 0.99609375)
>>> rows, columns = numpy.nonzero(image)
>>> print(rows.min(), rows.max(), columns.min(), columns.max())
4 23 12 15
"""

import contextlib
import os
import warnings
from collections.abc import Iterator
from typing import Any

from dltutorials.exceptions import DataError, in_file
from dltutorials.extras import import_optional
from dltutorials.types import PathLike

import numpy
import scipy.ndimage

SIDE = 28  # pixels of an image
_BOX = 20  # pixels of the box that the ink fits into
MAX_PIXELS = 50_000_000
_WORKING_SIDE = 1_000  # pixels; a larger photo is made smaller first
_LEAST_CONTRAST = 8.0  # of 255 grey levels, between paper and ink
_NOISE = 4.0  # standard deviations of the paper's grey that do not count as ink
_FAINT = 0.1  # ink that does not count for the box
_LEAST_PART = 0.02  # of the ink of the largest part; smaller spots are dirt
_NOTHING = "shows nothing but one shade; give an image of a digit"
_GRID = 64  # points a side that are enough to see how the paper is lit


def load_photo(path: PathLike) -> numpy.ndarray:
    """Read an image file and bring it to the form of MNIST's images.

    Parameters
    ----------
    path : path
        In any format of pixels that Pillow reads; of several images, the first.

    Returns
    -------
    float32 array ``(28, 28)``
        As :func:`prepare_photo`.

    Raises
    ------
    DataError
        If the file cannot be read, is not an image, has more than 50 million pixels,
        or shows nothing.
    SetupError
        If Pillow is not installed.
    """
    with in_file(path):
        return prepare_photo(read_grey(path))


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
    with _reading(pillow), open(path, "rb") as file:
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
        raise DataError("no image in a format that Pillow knows; give a PNG or JPEG") from None
    except (pillow.DecompressionBombWarning, pillow.DecompressionBombError):
        raise DataError(f"has more than {MAX_PIXELS:,} pixels; make it smaller") from None
    except OSError as error:
        reason = error.strerror or " ".join(str(error).split()) or "damaged"
        raise DataError(f"cannot be read: {reason}") from None
    except Exception as error:
        reason = " ".join(str(error).split())[:100] or type(error).__name__
        raise DataError(f"a damaged image: {reason}") from None


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
        return on_black if numpy.ptp(on_white) < _LEAST_CONTRAST else on_white
    image = image.convert("L")
    image.thumbnail(size)
    return numpy.asarray(image, "float64")


def _to_bytes_range(values: numpy.ndarray) -> numpy.ndarray:
    """Scale the values of an image of more than 8 bits to 0..255, by the range they fit into."""
    if not numpy.isfinite(values).all():
        raise DataError("some pixels are nan or inf")
    white = next((top for top in (1, 255, 65535) if values.max() <= top), values.max())
    return values * (255 / white)


def prepare_photo(grey: numpy.ndarray) -> numpy.ndarray:
    """Bring grey values to the form of MNIST's images.

    Parameters
    ----------
    grey : array ``(height, width)``
        From 0, black, to 255, white. Whether the ink is dark or light is found
        out: the paper is what is at the border.

    Returns
    -------
    float32 array ``(28, 28)``
        From 0 (paper) to 0.99609375 (ink).

    Raises
    ------
    DataError
        If there is nothing but paper.
    """
    ink = _remove_dirt(_find_ink(numpy.asarray(grey, "float64")))
    rows, columns = (numpy.flatnonzero((ink > _FAINT).any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        raise DataError(_NOTHING)
    ink = _scale_to_box(ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    return _centre(numpy.floor(ink * 255.999) / 256).astype("float32")


def _find_ink(grey: numpy.ndarray) -> numpy.ndarray:
    """Return how much ink there is in each pixel, 0 to 1."""
    difference = _estimate_paper(grey) - grey
    highest, lowest = numpy.percentile(difference, [99.9, 0.1])
    if -lowest > highest:  # light ink on dark paper
        difference, highest = -difference, -lowest
    noise = _NOISE * _spread(difference[abs(difference) < 0.5 * highest])
    if highest < max(_LEAST_CONTRAST, 1.5 * noise):
        raise DataError(_NOTHING)
    full = numpy.percentile(difference[difference > 0.5 * highest], 90)
    none = min(max(noise, 0.02 * full), 0.5 * full)
    return numpy.clip((difference - none) / (full - none), 0, 1)


def _estimate_paper(grey: numpy.ndarray) -> numpy.ndarray:
    """Return the grey of the paper in each pixel: a smooth surface through all but the ink."""
    y, x = (numpy.linspace(-1, 1, n) for n in grey.shape)
    rows, columns = (
        numpy.linspace(0, n - 1, min(n, _GRID)).round().astype(int) for n in grey.shape
    )
    points = grey[numpy.ix_(rows, columns)].ravel()
    basis = _quadratic(y[rows], x[columns])
    border = numpy.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    paper = numpy.full_like(points, numpy.median(border))
    coefficients = numpy.zeros(basis.shape[1])
    coefficients[0] = paper[0]
    for _ in range(5):
        difference = abs(points - paper)
        is_paper = difference <= 0.3 * difference.max()
        if is_paper.sum() < 0.2 * len(points):
            break
        coefficients = numpy.linalg.lstsq(basis[is_paper], points[is_paper], rcond=None)[0]
        paper = basis @ coefficients
    return (_quadratic(y, x) @ coefficients).reshape(grey.shape)


def _quadratic(y: numpy.ndarray, x: numpy.ndarray) -> numpy.ndarray:
    """Return 1, y, x, y^2, yx and x^2 of each point of a grid, a column each."""
    y, x = (values.ravel() for values in numpy.meshgrid(y, x, indexing="ij"))
    return numpy.stack([numpy.ones_like(y), y, x, y * y, y * x, x * x], axis=1)


def _spread(values: numpy.ndarray) -> float:
    """Return a standard deviation that a few large values do not change."""
    return 1.4826 * float(numpy.median(abs(values))) if len(values) else 0.0


def _remove_dirt(ink: numpy.ndarray) -> numpy.ndarray:
    """Remove spots that hold hardly any of the ink."""
    parts, n_parts = scipy.ndimage.label(ink > 0, structure=numpy.ones((3, 3)))
    amounts = scipy.ndimage.sum(ink, parts, numpy.arange(n_parts + 1))
    is_kept = amounts >= _LEAST_PART * amounts.max()
    return numpy.where(is_kept[parts], ink, 0)


def _scale_to_box(ink: numpy.ndarray) -> numpy.ndarray:
    """Scale ink so that its longer side has 20 pixels, without jagged edges."""
    pillow = import_optional("PIL.Image", "images need Pillow")
    height, width = (max(1, round(n * _BOX / max(ink.shape))) for n in ink.shape)
    image = pillow.fromarray(ink.astype("float32"))
    return numpy.clip(numpy.asarray(image.resize((width, height), pillow.HAMMING)), 0, 1)


def _centre(ink: numpy.ndarray) -> numpy.ndarray:
    """Put ink into an image so that its centre of mass is in the middle, to a pixel."""
    image = numpy.zeros((SIDE, SIDE))
    centre = scipy.ndimage.center_of_mass(ink)
    top, left = (min(max(round(SIDE / 2 - c), 0), SIDE - n) for c, n in zip(centre, ink.shape))
    image[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return image
