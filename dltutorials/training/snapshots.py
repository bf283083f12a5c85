r"""Intermediate parameters of a training run, for other programs to read.

A folder contains one parameter file per snapshot, named after the iteration: the number of
minibatches before it, over all epochs. Plots and animations are made from these files
(``scripts/plot.py``), never during the run. A note in the folder, :data:`NOTE`, says what
identifies the run.

>>> import tempfile, numpy
>>> folder = tempfile.mkdtemp()
>>> for iteration in 165, 82:
...     path = save_snapshot([numpy.ones(2)], folder, iteration)
>>> [(iteration, path.name) for iteration, path in find_snapshots(folder)]
[(82, 'iteration-0000000082.pkl'), (165, 'iteration-0000000165.pkl')]
"""

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dltutorials.exceptions import DataError, in_file
from dltutorials.io.files import durable_writer, make_folder, prepare_output
from dltutorials.io.reading import read_file
from dltutorials.training.description import Description
from dltutorials.training.parameters import save_params
from dltutorials.types import PathLike

NOTE = ".run.json"
_MAX_NOTE = 1 << 20  # bytes
_NAME = re.compile(r"iteration-(\d{10})(?:-[\w-]+)?\.pkl")


def save_snapshot(
    params: Sequence[Any],
    folder: PathLike,
    iteration: int,
    phase: str = "",
    about: Description | None = None,
) -> Path:
    """Save the parameters of an iteration; return the file.

    Parameters
    ----------
    params : sequence of shared variables or arrays
    folder : path
    iteration : int
        From 0.
    phase : str
        The name of the phase, if there are several; becomes part of the file name.
    about : Description, optional
        The description of the model.

    Raises
    ------
    OSError
        If the file cannot be written.

    Notes
    -----
    Source: Getting Started, "Plotting Intermediate Results".
    """
    suffix = re.sub(r"\W+", "-", f"-{phase}") if phase else ""
    path = Path(folder, f"iteration-{iteration:010d}{suffix}.pkl")
    save_params(params, path, about)
    return path


def find_snapshots(folder: PathLike) -> list[tuple[int, Path]]:
    """Return the iteration and the file of each snapshot, in order.

    Raises
    ------
    DataError
        If the folder cannot be read, or has no snapshots.
    """
    with in_file(folder, "give a folder that --snapshots filled"):
        found = _list_snapshots(folder)
        if not found:
            raise DataError("no snapshot in it")
    return found


def prepare_snapshot_folder(folder: PathLike, is_resumed: bool = False) -> None:
    """Make a folder for the snapshots of a training run, and check that it is writable.

    Parameters
    ----------
    folder : path
    is_resumed : bool
        Whether it may already contain snapshots of the same run.

    Raises
    ------
    DataError
        If it cannot be created or written, or contains snapshots of another training run.
    """
    make_folder(folder)
    prepare_output(Path(folder, "iteration-0000000000.pkl"))
    with in_file(folder, "choose another folder"):
        found = _list_snapshots(folder)
    if found and not is_resumed:
        raise DataError(
            f"{os.fspath(folder)} holds {len(found)} snapshots of another training run; "
            "remove them, or choose another folder"
        )


def mark_snapshot_folder(folder: PathLike, marks: dict[str, Any]) -> None:
    """Write into a folder which training run its snapshots are of.

    Parameters
    ----------
    folder : path
    marks : dict
        The fingerprint of the run, as JSON can represent it.

    Raises
    ------
    OSError
        If the note cannot be written.
    """
    with durable_writer(Path(folder, NOTE)) as file:
        file.write(json.dumps(marks).encode() + b"\n")


def check_own_snapshots(folder: PathLike, marks: dict[str, Any]) -> None:
    """Refuse snapshots of another training run than the one that is resumed.

    Parameters
    ----------
    folder : path
    marks : dict
        The fingerprint of the run.

    Raises
    ------
    DataError
        If there are snapshots, and no note that has the same fingerprint.
    """
    found = _list_snapshots(folder)
    if found and _read_note(folder) != json.loads(json.dumps(marks)):
        raise DataError(
            f"{os.fspath(folder)} holds {len(found)} snapshots of another training run than the "
            "one that is resumed; remove them, or choose another folder"
        )


def _read_note(folder: PathLike) -> Any:
    """Return what a note says; None if there is none, or a damaged one."""
    try:
        return json.loads(read_file(Path(folder, NOTE), _MAX_NOTE, "a note"))
    except (DataError, OSError, ValueError, RecursionError):
        return None


def _list_snapshots(folder: PathLike) -> list[tuple[int, Path]]:
    named = [(_NAME.fullmatch(path.name), path) for path in sorted(Path(folder).iterdir())]
    return [(int(match.group(1)), path) for match, path in named if match]
