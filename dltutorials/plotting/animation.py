"""Animations and filmstrips of how a model's weights develop, from its snapshots.

All frames (:mod:`.frames`) share one scale, that of the largest weight in any of them, so that the
growth of the weights is visible:

>>> import numpy
>>> frames = [Frame(82, numpy.eye(4)), Frame(165, 2 * numpy.eye(4))]
>>> ax = plot_filmstrip(frames)
>>> [text.get_text() for text in ax.texts][:4]
['0', '1', '2', '3']
>>> make_gif(frames)[:6]
b'GIF89a'
"""

import base64
import io
import math
from collections.abc import Sequence
from typing import Any

from dltutorials.checks import require_choice, require_positive
from dltutorials.extras import import_optional
from dltutorials.plotting.figures import new_axes, show_raster
from dltutorials.plotting.filters import COLOURS, add_scale, largest, plot_filters
from dltutorials.plotting.frames import Frame
from dltutorials.plotting.layout import image_shape, lay_out, raster_of
from dltutorials.types import Axes

import numpy

GIF_DPI = 100
STRIP_ROWS = 6
FRAMES_PER_SECOND = 10.0
_N_GREYS = 32  # for text, of the 256 colours of a GIF
_SHORTEST, _LAST, _WHOLE = 20, 2_000, 3_000  # milliseconds: a frame, the last one, all


class Animation(bytes):
    """The content of a GIF file, which a notebook shows."""

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"image/gif": base64.b64encode(self).decode()}


def plot_filmstrip(
    frames: Sequence[Frame],
    img_shape: tuple[int, int] | None = None,
    labels: Sequence[Any] | None = None,
    colours: str = "diverging",
    ax: Axes = None,
) -> Axes:
    """Draw the weights of each unit, one row per frame.

    Parameters
    ----------
    frames : sequence of Frame
        All with the same units.
    img_shape, labels, colours, ax
        As for :func:`dltutorials.plotting.filters.plot_filters`; labels are for the columns.

    Returns
    -------
    Axes

    Raises
    ------
    DataError, OptionError
        As :func:`dltutorials.plotting.filters.plot_filters`.
    """
    require_choice("colours", colours, COLOURS)
    W = numpy.concatenate([frame.W for frame in frames], axis=1)
    n_units = frames[0].W.shape[1]
    layout = lay_out(image_shape(len(W), img_shape), W.shape[1], n_units)
    gap = layout.tile_spacing[1]
    layout = layout._replace(tile_spacing=(gap, gap))
    height, width = numpy.add(layout.img_shape, layout.tile_spacing)
    if ax is None:
        ax = new_axes(height=0.5 + 4.2 * layout.aspect)
    limit = largest(W)
    image = show_raster(ax, raster_of(W, layout), COLOURS[colours], (-limit, limit))
    for column, label in enumerate(range(n_units) if labels is None else labels):
        x = column * width + layout.img_shape[1] / 2
        ax.text(x, len(frames) * height, str(label), ha="center", va="top", fontsize=8)
    for row, frame in enumerate(frames):
        text = f"{frame.iteration + 1:,}"
        ax.text(-gap - 0.5, (row + 0.45) * height, text, ha="right", va="center", fontsize=8)
    ax.text(-gap - 0.5, -gap, "minibatches", ha="right", va="bottom", fontsize=8)
    add_scale(image, layout)
    return ax


def make_gif(
    frames: Sequence[Frame],
    img_shape: tuple[int, int] | None = None,
    labels: Sequence[Any] | None = None,
    colours: str = "diverging",
    frames_per_second: float | None = None,
    dpi: int = GIF_DPI,
) -> Animation:
    """Make an endless animation of the weights of each unit.

    Parameters
    ----------
    frames : sequence of Frame
    img_shape, labels, colours
        As for :func:`dltutorials.plotting.filters.plot_filters`.
    frames_per_second : float, optional
        By default 10, or fewer if the frames before the last would take less than a second. The
        last frame stays for two seconds, or longer to make the whole last three.
    dpi : int
        Pixels per inch; the images are 6 inches wide.

    Returns
    -------
    Animation
        The bytes of a GIF file, which a notebook shows.

    Raises
    ------
    DataError, OptionError
        As :func:`dltutorials.plotting.filters.plot_filters`; if `frames_per_second`
        is not a positive number.
    """
    milliseconds = _durations(len(frames), frames_per_second)
    pictures = _draw_all(frames, img_shape, labels, colours, dpi)
    file = io.BytesIO()
    pictures[0].save(
        file, "GIF", save_all=True, append_images=pictures[1:], duration=milliseconds, loop=0
    )
    return Animation(file.getvalue())


def _durations(n_frames: int, frames_per_second: float | None) -> list[int]:
    """Return how long each frame is shown, in milliseconds; a GIF's unit is ten."""
    n_before = n_frames - 1
    if frames_per_second is None:
        each = max(1000 / FRAMES_PER_SECOND, (_WHOLE - _LAST) / max(n_before, 1))
    else:
        require_positive("frames_per_second", frames_per_second)
        each = max(_SHORTEST, 1000 / frames_per_second)
    each = 10 * math.ceil(each / 10)
    return [each] * n_before + [max(_LAST, _WHOLE - each * n_before)]


def _palette(colours: str) -> Any:
    """Return an image with the palette of all frames: the weights' colours, and greys."""
    colour_map = import_optional("matplotlib", "plots need matplotlib").colormaps[COLOURS[colours]]
    shades = colour_map(numpy.linspace(0, 1, 256 - _N_GREYS), bytes=True)[:, :3]
    greys = numpy.linspace(0, 255, _N_GREYS).round()
    palette = numpy.concatenate([shades, numpy.stack([greys] * 3, axis=1)]).astype("uint8")
    picture = import_optional("PIL.Image", "animations need Pillow").new("P", (1, 1))
    picture.putpalette(palette.ravel().tolist())
    return picture


def _draw_all(
    frames: Sequence[Frame],
    img_shape: tuple[int, int] | None,
    labels: Sequence[Any] | None,
    colours: str,
    dpi: int,
) -> list[Any]:
    """Return an image of each frame: everything is drawn once, then only the weights change."""
    pillow = import_optional("PIL.Image", "animations need Pillow")
    limit = max(largest(frame.W) for frame in frames)
    ax = plot_filters(frames[-1].W, img_shape, labels, colours, limit=limit)
    title = ax.set_title(frames[-1].title, fontsize=10)
    figure = ax.figure
    figure.set_dpi(dpi)
    figure.canvas.draw()
    figure.set_layout_engine("none")  # so that the layout found now stays fixed
    layout = lay_out(image_shape(len(frames[-1].W), img_shape), frames[-1].W.shape[1])
    palette = _palette(colours)  # one for all, so that colours do not flicker
    pictures = []
    for frame in frames:
        ax.images[0].set_data(raster_of(frame.W, layout))
        title.set_text(frame.title)
        figure.canvas.draw()
        rgba = numpy.asarray(figure.canvas.buffer_rgba())
        picture = pillow.fromarray(rgba).convert("RGB")
        pictures.append(picture.quantize(palette=palette, dither=0))
    return pictures
