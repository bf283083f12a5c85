"""The state of a training run in a file, from which the run continues as if never stopped.

A checkpoint is an ``.npz`` file that ``numpy.load`` opens: one JSON member with the numbers of a
:class:`~dltutorials.training.state.TrainingState`, and one member for each array. It also records
the options and data of the run, and what computed it. Besides the zip checksum of each member, the
file ends with a SHA-256 of the whole, so that damage is always detected. It contains no pickles.

>>> import os, tempfile, numpy
>>> from dltutorials.training.early_stopping import EarlyStopping
>>> W = numpy.ones(2)
>>> state = TrainingState(EarlyStopping().start(83), 83, iteration=82, params=[W], best_params=[W])
>>> path = os.path.join(tempfile.mkdtemp(), "training.state")
>>> save_state(state, path, {"data": "abc"})
>>> checkpoint = load_state(path)
>>> checkpoint.state.iteration, checkpoint.state.params, checkpoint.fingerprint
(82, [array([1., 1.])], {'data': 'abc'})
"""

import hashlib
import io
import json
import zipfile
from typing import Any, NamedTuple

from dltutorials.exceptions import DataError, in_file
from dltutorials.io.files import durable_writer
from dltutorials.io.npz import open_npz, read_array
from dltutorials.io.reading import read_file
from dltutorials.training.state import TrainingState
from dltutorials.training.state_format import put_together, take_apart
from dltutorials.types import PathLike

import numpy

FORMAT = "dltutorials training state 3"
MAX_BYTES = 1 << 32
_JSON = "state.json"
_EARLIER = b"dltutorials training state "  # in the first bytes of older files, which were pickles
_DIGEST_SIZE = 2 * hashlib.sha256().digest_size  # in hexadecimal, as the comment of the zip file


class Checkpoint(NamedTuple):
    """The content of a checkpoint.

    Attributes
    ----------
    state : TrainingState
    fingerprint : dict
        What must be the same when the run is resumed.
    numerics : dict
        What affects the last digits.
    """

    state: TrainingState
    fingerprint: dict[str, Any]
    numerics: dict[str, Any]


def save_state(
    state: TrainingState,
    path: PathLike,
    fingerprint: dict[str, Any] | None = None,
    numerics: dict[str, Any] | None = None,
) -> None:
    """Write a checkpoint as a whole, or leave the previous file.

    Parameters
    ----------
    state : TrainingState
        As passed to a callback's ``on_checkpoint``.
    path : path
    fingerprint : dict, optional
        What must be the same when the run is resumed, such as options and data; anything that
        JSON can represent.
    numerics : dict, optional
        What affects the last digits, such as versions and the BLAS.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    state_numbers, arrays = take_apart(state)
    numbers = {
        "format": FORMAT,
        "state": state_numbers,
        "fingerprint": fingerprint or {},
        "numerics": numerics or {},
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo(_JSON), json.dumps(numbers))
        for name, value in arrays.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w") as member:
                numpy.lib.format.write_array(member, value, (1, 0), allow_pickle=False)
        archive.comment = bytes(_DIGEST_SIZE)
    content = file.getvalue()[:-_DIGEST_SIZE]
    with durable_writer(path) as target:
        target.write(content)
        target.write(hashlib.sha256(content).hexdigest().encode())


def load_state(path: PathLike) -> Checkpoint:
    """Read a checkpoint.

    Parameters
    ----------
    path : path

    Returns
    -------
    Checkpoint
        As passed to :func:`save_state`.

    Raises
    ------
    DataError
        If the file cannot be read, is damaged, or is not a checkpoint of this version; nothing
        in it is executed.
    """
    with in_file(path, "give a file that --checkpoint of this version wrote"):
        return _parse(_read(path))


def _read(path: PathLike) -> bytes:
    data = read_file(path, MAX_BYTES, "a training state")
    content, digest = data[:-_DIGEST_SIZE], data[-_DIGEST_SIZE:]
    if hashlib.sha256(content).hexdigest().encode() == digest:
        return data
    if data.startswith(b"\x80") and _EARLIER in data[:200]:
        raise DataError(
            "a training state of an earlier version, which this one cannot read; finish the run "
            "with the version that wrote it, or begin a new one"
        )
    what = "damaged or cut off" if data.startswith(b"PK") else "not a training state"
    raise DataError(f"{what}: its SHA-256 is not at its end" if data else "empty")


def _parse(data: bytes) -> Checkpoint:
    with open_npz(io.BytesIO(data)) as archive:
        names = _list_members(archive, len(data))
        numbers = _parse_json(archive.read(_JSON))
        arrays = {name: read_array(archive, name, kinds="fiub") for name in names}
    fingerprint, numerics = numbers.get("fingerprint"), numbers.get("numerics")
    if not isinstance(fingerprint, dict) or not isinstance(numerics, dict):
        raise DataError("it does not say what the run is about")
    return Checkpoint(put_together(numbers.get("state"), arrays), fingerprint, numerics)


def _list_members(archive: zipfile.ZipFile, n_bytes: int) -> list[str]:
    """Return the names of the arrays; refuse what :func:`save_state` does not write."""
    infos = archive.infolist()
    names = [info.filename for info in infos]
    if _JSON not in names:
        raise DataError(f"not a training state of this version ({FORMAT!r})")
    names.remove(_JSON)
    if (
        len(set(names)) < len(names)
        or not all(name.endswith(".npy") for name in names)
        or any(info.compress_type != zipfile.ZIP_STORED for info in infos)
        or sum(info.file_size for info in infos) > n_bytes
    ):
        raise DataError("its members are not those of a training state")
    return [name.removesuffix(".npy") for name in names]


def _parse_json(text: bytes) -> dict[str, Any]:
    """Read the numbers; nan and inf, which are not JSON, count as missing."""
    try:
        numbers = json.loads(text.decode("ascii"), parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        numbers = None
    if not isinstance(numbers, dict) or numbers.get("format") != FORMAT:
        raise DataError(f"not a training state of this version ({FORMAT!r})")
    return numbers
