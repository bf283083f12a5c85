"""The state of a training run in a file, from which it continues as if never stopped.

A checkpoint is an ``.npz`` file: a member of JSON with the numbers of a
:class:`~dltutorials.training.state.TrainingState`, and one for each array, so that
``numpy.load`` opens it. It says, too, what the run is about (options, data) and on what
it was computed. Each member has the checksum that zip files give it, and a SHA-256 of all of
it ends the file, so that a damaged one is never taken for good. No pickle is in it.

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

import dataclasses
import hashlib
import io
import json
import math
import os
import types
import typing
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from dltutorials.exceptions import DataError, OptionError, ResumeError
from dltutorials.io.files import durable_writer
from dltutorials.io.npz import open_npz, read_array
from dltutorials.training.early_stopping import PatienceState
from dltutorials.training.history import require_record
from dltutorials.training.state import Array, TrainingState
from dltutorials.types import PathLike

import numpy

FORMAT = "dltutorials training state 3"
MAX_BYTES = 1 << 32
_JSON = "state.json"
_EARLIER = b"dltutorials training state "  # in the first bytes of files that were pickles
_DIGEST_SIZE = 2 * hashlib.sha256().digest_size  # in hexadecimal, the comment of the zip file


class Checkpoint(NamedTuple):
    """What a checkpoint holds.

    Attributes
    ----------
    state : TrainingState
    fingerprint : dict
        What must be the same when the run goes on.
    numerics : dict
        What decides the last digits.
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
    """Write a checkpoint; the file is whole, or the previous one.

    Parameters
    ----------
    state : TrainingState
        As a callback's ``on_checkpoint`` is given it.
    path : path
    fingerprint : dict, optional
        What must be the same when the run goes on, as options and data; anything
        that JSON can hold.
    numerics : dict, optional
        What decides the last digits, as versions and the BLAS.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    arrays = _Arrays()
    numbers = {
        "format": FORMAT,
        "state": arrays.take_out(state, TrainingState),
        "fingerprint": fingerprint or {},
        "numerics": numerics or {},
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo(_JSON), json.dumps(numbers))
        for name, value in arrays.by_name.items():
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
        As :func:`save_state` was given it.

    Raises
    ------
    DataError
        If the file cannot be read, is damaged, or is not a checkpoint of this
        version; nothing in it is run.
    """
    try:
        return _parse(_read(path))
    except DataError as error:
        raise DataError(
            f"{os.fspath(path)}: {error}; give a file that --checkpoint of this version wrote"
        ) from None


def _read(path: PathLike) -> bytes:
    try:
        if Path(path).stat().st_size > MAX_BYTES:
            raise DataError(f"larger than {MAX_BYTES:,} bytes, not a training state")
        data = Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}") from None
    content, digest = data[:-_DIGEST_SIZE], data[-_DIGEST_SIZE:]
    if hashlib.sha256(content).hexdigest().encode() == digest:
        return data
    if data.startswith(b"\x80") and _EARLIER in data[:200]:
        raise DataError(
            "a training state of an earlier version, which this one does not read; let the "
            "version that wrote it end the run, or begin a new one"
        )
    what = "damaged or cut off" if data.startswith(b"PK") else "not a training state"
    raise DataError(f"{what}: its SHA-256 is not at its end" if data else "empty")


def _parse(data: bytes) -> Checkpoint:
    with open_npz(io.BytesIO(data)) as archive:
        names = _list_members(archive, len(data))
        numbers = _parse_json(archive.read(_JSON))
        arrays = {name: read_array(archive, name, kinds="fiub") for name in names}
    reader = _Reader(arrays)
    state = reader.read("state", numbers.get("state"), TrainingState)
    fingerprint, numerics = numbers.get("fingerprint"), numbers.get("numerics")
    if not isinstance(fingerprint, dict) or not isinstance(numerics, dict):
        raise DataError("it does not say what the run is about")
    if reader.unused:
        raise DataError(f"holds more arrays than it announces: {', '.join(sorted(reader.unused))}")
    _check(state)
    return Checkpoint(state, fingerprint, numerics)


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
    """Read the numbers; what JSON does not have (nan, inf) counts as missing."""
    try:
        numbers = json.loads(text.decode("ascii"), parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        numbers = None
    if not isinstance(numbers, dict) or numbers.get("format") != FORMAT:
        raise DataError(f"not a training state of this version ({FORMAT!r})")
    return numbers


def _check(state: TrainingState) -> None:
    """Refuse numbers that are right by themselves and do not go together."""
    patience = state.early_stopping
    best = patience.best_iteration
    if not (
        state.iteration >= -1
        and min(state.n_train_batches, patience.validation_frequency) >= 1
        and min(state.n_iterations_before, state.n_epochs_before, state.seconds) >= 0
        and (best is None or 0 <= best <= state.iteration)
    ):
        raise DataError("its numbers are not those of a training run")
    misclassified = patience.best_misclassified
    if misclassified is not None and (misclassified.dtype != bool or misclassified.ndim != 1):
        raise DataError("the mistakes of its best parameters are not a vector of bools")
    for record in state.history:
        require_record(record)


class _Arrays:
    """Takes the arrays out of a state, so that JSON can hold what is left of it."""

    def __init__(self) -> None:
        self.by_name: dict[str, numpy.ndarray] = {}
        self._names: dict[int, str] = {}

    def take_out(self, value: Any, kind: Any, name: str = "") -> Any:
        """Return a value with names in place of arrays; these have no type of their own."""
        if dataclasses.is_dataclass(kind):
            hints = typing.get_type_hints(kind)
            return {key: self.take_out(getattr(value, key), hints[key], key) for key in hints}
        if kind == list[Array]:
            return [self._keep(array, f"{name}_{number}") for number, array in enumerate(value)]
        if kind == Array | None and value is not None:
            return self._keep(value, name)
        return value

    def _keep(self, array: Any, name: str) -> str:
        """Keep an array, once if it comes twice; return its name."""
        known = self._names.setdefault(id(array), name)
        if known == name:
            self.by_name[name] = numpy.asarray(array)
        return known


class _Reader:
    """Makes a state again of what JSON holds of it, and of its arrays.

    Each value has to be of the type that its dataclass says.
    """

    def __init__(self, arrays: dict[str, numpy.ndarray]) -> None:
        self.arrays, self.unused = arrays, set(arrays)

    def read(self, name: str, value: Any, kind: Any) -> Any:
        """Return the value of that type; refuse anything else."""
        origin, parts = typing.get_origin(kind), typing.get_args(kind)
        if dataclasses.is_dataclass(kind):
            return self._read_dataclass(name, value, typing.cast(Callable, kind))
        if origin in (typing.Union, types.UnionType):
            return None if value is None else self.read(name, value, parts[0])
        if origin is list and isinstance(value, list):
            return [self.read(name, each, parts[0]) for each in value]
        if origin is dict and isinstance(value, dict):
            return {key: _require_plain(key, each) for key, each in value.items()}
        if kind is Array and isinstance(value, str) and value in self.arrays:
            self.unused.discard(value)
            return self.arrays[value].copy(order="K")
        if type(value) is kind or (kind is float and type(value) is int):
            return _require_plain(name, value)
        raise DataError(f"{name}: got {_short(value)}, expected {getattr(kind, '__name__', kind)}")

    def _read_dataclass(self, name: str, value: Any, kind: Callable) -> Any:
        hints = typing.get_type_hints(kind)
        if not isinstance(value, dict) or set(value) != set(hints):
            raise DataError(f"{name}: its numbers are not those of a training run")
        values = {
            key: self.read(key, value[key], hints[key])
            for key in hints
            if (key, value[key]) != ("best_validation_loss", None)
        }
        if kind is PatienceState and "best_validation_loss" not in values:
            values["best_validation_loss"] = values["loss"].worst
        try:
            return kind(**values)
        except OptionError as error:
            raise DataError(str(error)) from None


def _require_plain(name: str, value: Any) -> Any:
    """Refuse what no run has as a number: inf, integers that 64 bits cannot hold."""
    is_plain = (
        value is None
        or type(value) in (bool, str)
        or (type(value) is int and abs(value) < 1 << 63)
        or (type(value) is float and math.isfinite(value))
    )
    if not is_plain:
        raise DataError(f"{name}: got {_short(value)}, expected a finite number or a text")
    return value


def _short(value: Any) -> str:
    text = repr(value) if type(value) in (int, float, str, bool) else type(value).__name__
    return text if len(text) <= 40 else f"{text[:37]}..."


def check_resumable(checkpoint: Checkpoint, fingerprint: dict[str, Any]) -> None:
    """Refuse to resume a training run of another model, data set or option.

    Parameters
    ----------
    checkpoint : Checkpoint
    fingerprint : dict
        Of this run; compared name by name.

    Raises
    ------
    ResumeError
        Naming the first difference.
    """
    for name, before, now in _differences(checkpoint.fingerprint, fingerprint):
        raise ResumeError(
            f"cannot resume: {name} was {before!r} and is now {now!r}; "
            "resume with what the run began with, or begin a new one"
        )


def describe_differences(checkpoint: Checkpoint, numerics: dict[str, Any]) -> str | None:
    """Say what is other than when a run began and may change the last digits of its results.

    Parameters
    ----------
    checkpoint : Checkpoint
    numerics : dict
        Of this run: :func:`dltutorials.backend.describe_numerics`.

    Returns
    -------
    str or None
        One sentence, if anything is.
    """
    differences = list(_differences(checkpoint.numerics, numerics))
    if not differences:
        return None
    before, now = checkpoint.numerics.get("backend"), numerics.get("backend")
    if str(before).split()[0] != str(now).split()[0]:
        return f"begun on {before}, goes on with {now}; the last digits may differ"
    phrases = [f"{name} was {before} and is now {now}" for name, before, now in differences]
    return f"{'; '.join(phrases)}: the last digits may differ"


def _differences(before: dict[str, Any], now: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for name in {**before, **now}:
        if before.get(name) != now.get(name):
            yield name, before.get(name), now.get(name)
