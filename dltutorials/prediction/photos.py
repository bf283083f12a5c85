r"""Conversion of a photo of a digit to the form of MNIST's images.

MNIST's digits are light ink on black, scaled to fit a box of 20 x 20 pixels with their proportions
kept, and placed in 28 x 28 pixels so that the ink's centre of mass is in the middle. A model
trained on them expects just that. A photo is mostly dark ink on light paper, lit from one side,
with a digit of any size at any place; :func:`prepare_photo` prepares it as MNIST was prepared:

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

from dltutorials.exceptions import DataError, within
from dltutorials.extras import import_optional
from dltutorials.prediction.image_files import LEAST_CONTRAST, read_grey
from dltutorials.types import PathLike

import numpy
import scipy.ndimage

SIDE = 28  # pixels of an image
_BOX = 20  # pixels of the box that the ink must fit
_NOISE = 4.0  # standard deviations of the paper's grey that are not ink
_FAINT = 0.1  # ink too faint to count for the box
_LEAST_PART = 0.02  # of the largest part's ink; spots with less are dirt
_NOTHING = "shows nothing but one shade; give an image of a digit"
_GRID = 64  # points per side, enough to estimate the lighting of the paper


def load_photo(path: PathLike) -> numpy.ndarray:
    """Read an image file and convert it to the form of MNIST's images.

    Parameters
    ----------
    path : path
        In a common raster format; of several images, the first is read.

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
    grey = read_grey(path)
    with within(path):
        return prepare_photo(grey)


def prepare_photo(grey: numpy.ndarray) -> numpy.ndarray:
    """Convert grey values to the form of MNIST's images.

    Parameters
    ----------
    grey : array ``(height, width)``
        From 0, black, to 255, white. Dark or light ink is detected: the paper is the shade at the
        border.

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
    """Return the amount of ink in each pixel, 0 to 1."""
    difference = _estimate_paper(grey) - grey
    highest, lowest = numpy.percentile(difference, [99.9, 0.1])
    if -lowest > highest:  # light ink on dark paper
        difference, highest = -difference, -lowest
    noise = _NOISE * _spread(difference[abs(difference) < 0.5 * highest])
    if highest < max(LEAST_CONTRAST, 1.5 * noise):
        raise DataError(_NOTHING)
    full = numpy.percentile(difference[difference > 0.5 * highest], 90)
    none = min(max(noise, 0.02 * full), 0.5 * full)
    return numpy.clip((difference - none) / (full - none), 0, 1)


def _estimate_paper(grey: numpy.ndarray) -> numpy.ndarray:
    """Return the grey of the paper in each pixel: a smooth surface fitted to all but the ink."""
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
    """Return 1, y, x, y^2, yx and x^2 for each point of a grid, one per column."""
    y, x = (values.ravel() for values in numpy.meshgrid(y, x, indexing="ij"))
    return numpy.stack([numpy.ones_like(y), y, x, y * y, y * x, x * x], axis=1)


def _spread(values: numpy.ndarray) -> float:
    """Return a robust standard deviation, which a few large values do not change."""
    return 1.4826 * float(numpy.median(abs(values))) if len(values) else 0.0


def _remove_dirt(ink: numpy.ndarray) -> numpy.ndarray:
    """Remove spots that contain hardly any of the ink."""
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
    """Place ink in an image so that its centre of mass is in the middle, to the pixel."""
    image = numpy.zeros((SIDE, SIDE))
    centre = scipy.ndimage.center_of_mass(ink)
    top, left = (min(max(round(SIDE / 2 - c), 0), SIDE - n) for c, n in zip(centre, ink.shape))
    image[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return image
