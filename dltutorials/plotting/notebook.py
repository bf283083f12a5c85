"""Figures and Axes that a notebook displays as the last line of a cell.

IPython calls an object's ``_repr_png_``. Figures made here have this method, and so do their Axes,
without ``pyplot``, a backend or a setting:

>>> figure = Picture(figsize=(1, 1))
>>> ax = figure.add_subplot(axes_class=PictureAxes)
>>> ax._repr_png_()[1:4], PictureList([ax])._repr_png_()[1:4]
(b'PNG', b'PNG')

This module imports matplotlib; the others of this package do when they draw.
"""

import io
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

_DPI = 100  # pixels per inch: figures are 600 pixels wide


class Picture(Figure):
    """A figure that a notebook displays."""

    def _repr_png_(self) -> bytes:
        return _png(self)


class PictureAxes(Axes):
    """Axes whose figure a notebook displays."""

    def _repr_png_(self) -> bytes:
        return _png(self.figure)


class PictureList(list[Any]):
    """The Axes of one figure, which a notebook shows."""

    def _repr_png_(self) -> bytes:
        return _png(self[0].figure)


def _png(figure: Any) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=_DPI)
    return file.getvalue()
