"""Snapshots of a training run as frames: the weights of the first layer over time.

>>> import os, tempfile
>>> from dltutorials.training.snapshots import save_snapshot
>>> import numpy
>>> folder = tempfile.mkdtemp()
>>> for iteration in (82, 165):
...     _ = save_snapshot([numpy.eye(4), numpy.zeros(4)], folder, iteration)
>>> frames, units = read_frames(folder, n_frames=10, n_units=2)
>>> [frame.title for frame in frames], units
(['after 83 minibatches', 'after 166 minibatches'], [0, 1])
"""

from typing import NamedTuple

from dltutorials.checks import require_integer
from dltutorials.exceptions import DataError, OptionError, in_file
from dltutorials.plotting.filters import choose_units
from dltutorials.plotting.layout import MAX_TILES, as_columns
from dltutorials.training.parameters import read_params
from dltutorials.training.snapshots import find_snapshots
from dltutorials.types import PathLike

import numpy

N_FRAMES = 60
MAX_FRAMES = 300
N_UNITS = 25


class Frame(NamedTuple):
    """The weights of a layer at one moment of a training run.

    Attributes
    ----------
    iteration : int
        Minibatches before this one, counted over all epochs.
    W : array ``(n_in, n_units)``
        A filter of a convolutional layer is also a column.
    """

    iteration: int
    W: numpy.ndarray

    @property
    def title(self) -> str:
        """Return a title that says when the weights were saved."""
        n_minibatches = self.iteration + 1
        return f"after {n_minibatches:,} minibatch{'es' if n_minibatches > 1 else ''}"


def read_frames(
    folder: PathLike,
    n_frames: int = N_FRAMES,
    n_units: int = N_UNITS,
    choice: str = "first",
    early: bool = False,
) -> tuple[list[Frame], list[int]]:
    """Read the weights of the first layer from snapshots.

    Parameters
    ----------
    folder : path
        The folder given to ``--snapshots``.
    n_frames : int
        How many at most, including the first and the last.
    n_units : int
    choice : {"first", "strongest"}
        As for :func:`dltutorials.plotting.filters.choose_units`; the strongest units are those of
        the last snapshot.
    early : bool
        Whether most frames are early ones, when most happens: positions grow by a constant factor
        instead of a constant step.

    Returns
    -------
    (list of Frame, list of int)
        The frames, with the chosen units only, and the numbers of those units.

    Raises
    ------
    DataError
        If the folder has no snapshots, or one cannot be read or is of another model than the
        last.
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
            W, _ = as_columns(params[0])
            shape, expected = params[0].shape, last[0].shape
            if shape != expected:
                raise DataError(
                    f"the first parameter has shape {shape}, and {expected} in the last "
                    "snapshot; give a folder with those of one training run"
                )
        frames.append(Frame(iteration, W[:, units]))
    return frames, units.tolist()


def _choose_positions(n_present: int, n_wanted: int, early: bool) -> list[int]:
    if n_wanted >= n_present:
        return list(range(n_present))
    positions = numpy.linspace(0, n_present - 1, n_wanted)
    if early:  # the first ones are consecutive
        positions = numpy.geomspace(1, n_present, n_wanted) - 1
        positions = numpy.maximum(positions, numpy.arange(n_wanted))
    return [*positions.round().astype(int).tolist()[:-1], n_present - 1]
