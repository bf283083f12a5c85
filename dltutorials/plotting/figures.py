"""Figures without a screen, and their files: the basis of all plots.

Figures are made without ``pyplot``, so that no backend is chosen for the calling program, no
window opens, and nothing stays in memory. A file is written whole or not at all, and the same
figure gives the same bytes: it contains no date or version.

>>> import os, tempfile
>>> path = os.path.join(tempfile.mkdtemp(), "line.svg")
>>> ax = new_axes(height=2)
>>> _ = ax.plot([1, 2])
>>> save_figure(ax.figure, path)
>>> sorted(os.listdir(os.path.dirname(path)))
['line.svg']
"""

import contextlib
import os
from collections.abc import Iterator, Sequence
from typing import Any

from dltutorials.exceptions import OptionError
from dltutorials.extras import import_optional
from dltutorials.io.files import durable_writer
from dltutorials.types import Axes, Figure, PathLike

import numpy

WIDTH = 6.0  # inches; at 100 dots per inch, the smallest text is 11 pixels high
DPI = 150
_DPI_RANGE = range(50, 601)
_MAX_HEIGHT = 40.0  # inches
# Okabe and Ito's colours, which people with any colour vision can tell apart.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
GREY = "#595959"
_METADATA = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
FORMATS = tuple(_METADATA)


def new_figure(height: float) -> Figure:
    """Return a figure of this height, in inches, that draws into memory."""
    agg = import_optional("matplotlib.backends.backend_agg", "plots need matplotlib")
    figure = _notebook().Picture(figsize=(WIDTH, min(height, _MAX_HEIGHT)), layout="constrained")
    agg.FigureCanvasAgg(figure)
    return figure


def new_axes(height: float) -> Axes:
    """Return the only Axes of a new figure of this height, in inches."""
    return new_column([height])[0]


def new_column(heights: Sequence[float], extra: float = 0.0, sharex: bool = False) -> list[Axes]:
    """Return Axes stacked in a new figure, which a notebook displays as a whole.

    Parameters
    ----------
    heights : sequence of float
        Heights of the Axes, in inches.
    extra : float
        Height to add for the space around them, in inches.
    sharex : bool
        Whether they share an x axis.
    """
    figure = new_figure(sum(heights) + extra)
    axes = figure.subplots(
        len(heights),
        sharex=sharex,
        squeeze=False,
        gridspec_kw={"height_ratios": heights},
        subplot_kw={"axes_class": _notebook().PictureAxes},
    )
    return _notebook().PictureList(axes[:, 0])


def _notebook() -> Any:
    return import_optional("dltutorials.plotting.notebook", "plots need matplotlib")


def format_of(path: PathLike, formats: Sequence[str] = FORMATS, option: str = "output") -> str:
    """Return the format given by the ending of a file name.

    Raises
    ------
    OptionError
        If it is none of `formats`.
    """
    ending = os.path.splitext(os.fspath(path))[1][1:].lower()
    if ending not in formats:
        expected = ", ".join(f".{name}" for name in formats)
        got = f"{option}: got {os.fspath(path)}"
        raise OptionError(f"{got}, expected a name that ends in {expected}")
    return ending


def require_dpi(dpi: int) -> None:
    """Refuse a resolution, in pixels per inch, that makes the figure useless or far too large."""
    if dpi not in _DPI_RANGE:
        raise OptionError(
            f"dpi: got {dpi}, expected an integer from {_DPI_RANGE[0]} to {_DPI_RANGE[-1]}"
        )


def save_figure(figure: Figure, path: PathLike, dpi: int | None = None) -> None:
    """Write a figure as PNG, SVG or PDF, by the ending of the file's name.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
    path : path
        Replaced if it exists, and untouched if anything fails.
    dpi : int, optional
        Pixels per inch of a PNG; 150 by default.

    Raises
    ------
    OptionError
        If the ending is unknown.
    OSError
        If the file cannot be written.
    """
    ending = format_of(path)
    with durable_writer(path) as file, _reproducible():
        figure.savefig(file, format=ending, dpi=dpi or DPI, metadata=_METADATA[ending])


@contextlib.contextmanager
def _reproducible() -> Iterator[None]:
    """Make the names inside an SVG reproducible, instead of random, while it is written."""
    matplotlib = import_optional("matplotlib", "plots need matplotlib")
    with matplotlib.rc_context({"svg.hashsalt": "dltutorials"}):
        yield


def plain(text: str) -> str:
    r"""Return text escaped so that matplotlib shows it unchanged.

    A dollar sign would start mathematics; a leading underscore would hide it from a legend; half a
    character, as JSON may hold, could not be drawn.

    >>> print(plain("_5 $"))
     _5 \$
    """
    text = text.encode("utf-8", "backslashreplace").decode("utf-8").replace("$", r"\$")
    return f" {text}" if text.startswith("_") else text


def show_raster(
    ax: Axes, raster: numpy.ndarray, colours: str, limits: "tuple[float, float]"
) -> Any:
    """Show an array of grey values or weights in Axes without ticks; nan is left white."""
    image = ax.imshow(raster, cmap=colours, vmin=limits[0], vmax=limits[1], interpolation="nearest")
    ax.set_axis_off()
    return image
