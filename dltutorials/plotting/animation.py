"""How the weights of a model came about: its snapshots as an animation, or a strip.

A snapshot (:mod:`dltutorials.training.snapshots`) has the parameters at one iteration.
All frames share one scale, that of the largest weight in any of them, so that
one sees the weights grow:

>>> import numpy
>>> frames = [Frame(82, numpy.eye(4)), Frame(165, 2 * numpy.eye(4))]
>>> ax = plot_filmstrip(frames)
>>> [text.get_text() for text in ax.texts][:4]
['0', '1', '2', '3']
>>> make_gif(frames)[:6]
b'GIF89a'
"""

import io
from collections.abc import Sequence
from typing import Any, NamedTuple

from dltutorials.checks import require_integer, require_positive
from dltutorials.exceptions import DataError, OptionError, in_file
from dltutorials.extras import import_optional
from dltutorials.plotting.figures import new_axes, show_raster
from dltutorials.plotting.filters import (
    COLOURS,
    MAX_TILES,
    add_scale,
    choose_units,
    image_shape,
    largest,
    lay_out,
    plot_filters,
    raster_of,
    require_matrix,
)
from dltutorials.training.parameters import read_params
from dltutorials.training.snapshots import find_snapshots
from dltutorials.types import PathLike

import numpy

GIF_DPI = 100
N_FRAMES = 60
MAX_FRAMES = 300
_N_GREYS = 32  # for text, of the 256 colours of a GIF
STRIP_ROWS = 6
FRAMES_PER_SECOND = 10.0
_LAST_MILLISECONDS = 2_000  # the end is shown longer


class Frame(NamedTuple):
    """What is to be seen at one moment of a training.

    Attributes
    ----------
    iteration : int
        Minibatches before this one, over all epochs.
    W : array ``(n_in, n_units)``
    """

    iteration: int
    W: numpy.ndarray

    @property
    def title(self) -> str:
        """Return when this was."""
        n_minibatches = self.iteration + 1
        return f"after {n_minibatches:,} minibatch{'es' if n_minibatches > 1 else ''}"


def read_frames(
    folder: PathLike, n_frames: int, n_units: int, choice: str = "first", early: bool = False
) -> tuple[list[Frame], list[int]]:
    """Read the weights of the first layer from snapshots.

    Parameters
    ----------
    folder : path
        What ``--snapshots`` filled.
    n_frames : int
        At most so many, the first and the last among them.
    n_units : int
    choice : {"first", "strongest"}
        As for :func:`dltutorials.plotting.filters.choose_units`; the strongest ones of the
        last snapshot.
    early : bool
        Whether most frames are early ones, where most happens: the number of the
        next one grows by the same factor, instead of by the same number.

    Returns
    -------
    (list of Frame, list of int)
        The frames, with the chosen units only, and the numbers of those units.

    Raises
    ------
    DataError
        If there are no snapshots, or one cannot be read, or is of another model
        than the last.
    OptionError
        If `n_frames` or `n_units` is out of range, or `choice` is unknown.
    """
    require_integer("frames", n_frames, at_least=1)
    if n_frames > MAX_FRAMES:
        raise OptionError(f"frames: got {n_frames:,}, expected at most {MAX_FRAMES:,}")
    found = find_snapshots(folder)
    chosen = [found[position] for position in _choose_positions(len(found), n_frames, early)]
    last = read_params(chosen[-1][1])
    with in_file(chosen[-1][1]):
        units = choose_units(last, n_units, choice)
    if len(chosen) * len(units) > MAX_TILES:
        raise OptionError(
            f"frames: got {len(chosen):,} of {len(units):,} units, expected at most "
            f"{MAX_TILES:,} images in all"
        )
    frames = []
    for iteration, path in chosen:
        params = read_params(path)
        with in_file(path):
            W = require_matrix(params[0])
            if W.shape != last[0].shape:
                raise DataError(
                    f"the first parameter has shape {W.shape}, and {last[0].shape} in the last "
                    "snapshot; give a folder with those of one training"
                )
        frames.append(Frame(iteration, W[:, units]))
    return frames, units.tolist()


def _choose_positions(n_present: int, n_wanted: int, early: bool) -> list[int]:
    if n_wanted >= n_present:
        return list(range(n_present))
    positions = numpy.linspace(0, n_present - 1, n_wanted)
    if early:  # the first ones follow each other
        positions = numpy.geomspace(1, n_present, n_wanted) - 1
        positions = numpy.maximum(positions, numpy.arange(n_wanted))
    return [*positions.round().astype(int).tolist()[:-1], n_present - 1]


def plot_filmstrip(
    frames: Sequence[Frame],
    img_shape: tuple[int, int] | None = None,
    labels: Sequence[Any] | None = None,
    colours: str = "diverging",
    ax: Any = None,
) -> Any:
    """Draw the weights of each unit, a row for each frame.

    Parameters
    ----------
    frames : sequence of Frame
        All with the same units.
    img_shape, labels, colours, ax
        As for :func:`dltutorials.plotting.filters.plot_filters`; the labels are
        those of the columns.

    Returns
    -------
    Axes

    Raises
    ------
    DataError, OptionError
        As :func:`dltutorials.plotting.filters.plot_filters`.
    """
    if colours not in COLOURS:
        raise OptionError(f"colours: got {colours!r}, expected one of {', '.join(COLOURS)}")
    W = numpy.concatenate([frame.W for frame in frames], axis=1)
    n_units = frames[0].W.shape[1]
    layout = lay_out(image_shape(W, img_shape), W.shape[1], n_units)
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
    frames_per_second: float = FRAMES_PER_SECOND,
    dpi: int = GIF_DPI,
) -> bytes:
    """Draw an animation of the weights of each unit, which repeats for ever.

    Parameters
    ----------
    frames : sequence of Frame
    img_shape, labels, colours
        As for :func:`dltutorials.plotting.filters.plot_filters`.
    frames_per_second : float
        The last frame stays for two seconds.
    dpi : int
        Pixels an inch; the pictures are 6 inches wide.

    Returns
    -------
    bytes
        What a GIF file holds; ``IPython.display.Image`` shows it in a notebook.

    Raises
    ------
    DataError, OptionError
        As :func:`dltutorials.plotting.filters.plot_filters`; if `frames_per_second`
        is no positive number.
    """
    require_positive("frames_per_second", frames_per_second)
    pictures = _draw_all(frames, img_shape, labels, colours, dpi)
    milliseconds = [max(20, round(1000 / frames_per_second))] * len(frames)
    milliseconds[-1] += _LAST_MILLISECONDS
    file = io.BytesIO()
    pictures[0].save(
        file, "GIF", save_all=True, append_images=pictures[1:], duration=milliseconds, loop=0
    )
    return file.getvalue()


def _palette(colours: str) -> Any:
    """Return a picture with the colours of all frames: those of the weights, and greys."""
    colour_map = import_optional("matplotlib", "pictures need matplotlib").colormaps[
        COLOURS[colours]
    ]
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
    """Return a picture of each frame: everything is drawn once, then only the weights change."""
    pillow = import_optional("PIL.Image", "animations need Pillow")
    limit = max(largest(frame.W) for frame in frames)
    ax = plot_filters(frames[-1].W, img_shape, labels, colours, limit=limit)
    title = ax.set_title(frames[-1].title, fontsize=10)
    figure = ax.figure
    figure.set_dpi(dpi)
    figure.canvas.draw()
    figure.set_layout_engine("none")  # what is found now stays where it is
    layout = lay_out(image_shape(frames[-1].W, img_shape), frames[-1].W.shape[1])
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
