"""The state of a training in a file, from which it goes on as if never stopped.

A state file holds what :func:`dltutorials.training.trainer.train` hands to
``on_checkpoint``, and what the training was about: its options, its data, the
versions of the libraries. The numbers are JSON in a pickled text, the arrays
follow as in a file of parameters, and a SHA-256 of all of it ends the file, so
that a damaged one is never taken for good. It is read as safely as any other.

>>> import os, tempfile, numpy
>>> path = os.path.join(tempfile.mkdtemp(), "training.state")
>>> numbers = dict(iteration=82, patience=5000, best_validation_loss=0.125, best_iteration=82,
...                test_score=0.12, costs=[], history=[], seconds=1.5, random_state=None)
>>> arrays = dict(params=[numpy.ones(2)], best_params=[numpy.zeros(2)], best_misclassified=None)
>>> save_state({**numbers, **arrays}, {"data": "abc"}, path)
>>> state, about = load_state(path)
>>> state["best_validation_loss"], state["params"], about
(0.125, [array([1., 1.])], {'data': 'abc'})
"""

import hashlib
import io
import json
import os
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dltutorials.backend import pytensor_compat
from dltutorials.exceptions import DataError
from dltutorials.io.files import durable_writer
from dltutorials.io.safe_pickle import load_pickle
from dltutorials.training.task import State
from dltutorials.types import PathLike

import numpy

FORMAT = "dltutorials training state 2"
MAX_BYTES = 1 << 32
_DIGEST_SIZE = hashlib.sha256().digest_size
_ENGINES = ("Theano", pytensor_compat.NAME)
_NUMBERS = {
    "iteration": int,
    "patience": (int, float),
    "best_validation_loss": (int, float),
    "best_iteration": (int, type(None)),
    "test_score": (int, float, type(None)),
    "costs": list,
    "history": list,
    "seconds": (int, float),
    "random_state": object,
}


def save_state(state: State, about: dict[str, Any], path: PathLike) -> None:
    """Write a training state; the file is whole, or the previous one.

    Parameters
    ----------
    state : dict
        As :func:`dltutorials.training.trainer.train` hands it to ``on_checkpoint``.
    about : dict
        What must be the same when the training goes on; anything that JSON can hold.
    path : path

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    is_best = state["best_iteration"] == state["iteration"]
    header = {
        "format": FORMAT,
        "n_params": len(state["params"]),
        "is_best": is_best,  # the parameters are the best ones: once is enough
        "has_mistakes": state["best_misclassified"] is not None,
        "state": {name: state[name] for name in _NUMBERS},
        "about": about,
    }
    file = io.BytesIO()
    pickle.dump(json.dumps(header), file, pickle.HIGHEST_PROTOCOL)
    for value in state["params"] if is_best else [*state["params"], *state["best_params"]]:
        pickle.dump(numpy.asarray(value), file, pickle.HIGHEST_PROTOCOL)
    if state["best_misclassified"] is not None:
        pickle.dump(numpy.asarray(state["best_misclassified"]), file, pickle.HIGHEST_PROTOCOL)
    content = file.getvalue()
    with durable_writer(path) as target:
        target.write(content + hashlib.sha256(content).digest())


def load_state(path: PathLike) -> tuple[State, dict[str, Any]]:
    """Read a training state.

    Parameters
    ----------
    path : path

    Returns
    -------
    (state, about)
        As :func:`save_state` was given them.

    Raises
    ------
    DataError
        If the file cannot be read, is damaged, or is no training state of this
        version; nothing in it is run.
    """
    try:
        return _parse(_read(path))
    except DataError as error:
        raise type(error)(
            f"{os.fspath(path)}: {error}; give a file that --checkpoint of this version wrote"
        ) from None


def _read(path: PathLike) -> bytes:
    try:
        if Path(path).stat().st_size > MAX_BYTES:
            raise DataError(f"larger than {MAX_BYTES:,} bytes, no training state")
        data = Path(path).read_bytes()
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}") from None
    content, digest = data[:-_DIGEST_SIZE], data[-_DIGEST_SIZE:]
    if hashlib.sha256(content).digest() != digest:
        _explain_foreign(data)
        raise DataError("damaged or cut off, or no training state: its SHA-256 differs")
    return content


def _explain_foreign(data: bytes) -> None:
    """Raise what reading the file as a pickle says, where that says more."""
    load_pickle(io.BytesIO(data), MAX_BYTES)


def _parse(content: bytes) -> tuple[State, dict[str, Any]]:
    file = io.BytesIO(content)
    header = _parse_header(load_pickle(file, MAX_BYTES))
    state = dict(header["state"])
    state["params"] = [_read_array(file) for _ in range(header["n_params"])]
    state["best_params"] = (
        [value.copy() for value in state["params"]]
        if header["is_best"]
        else [_read_array(file) for _ in range(header["n_params"])]
    )
    state["best_misclassified"] = _read_misclassified(file) if header["has_mistakes"] else None
    if file.read(1):
        raise DataError("holds more arrays than it announces")
    params, best_params = state["params"], state["best_params"]
    if [value.shape for value in params] != [value.shape for value in best_params]:
        raise DataError("its parameters and best parameters differ in shape")
    return state, header["about"]


def _read_misclassified(file: io.BytesIO) -> numpy.ndarray:
    mistakes = _read_array(file)
    if mistakes.dtype != bool or mistakes.ndim != 1:
        raise DataError("the mistakes of its best parameters are no vector of bools")
    return mistakes


def _read_array(file: io.BytesIO) -> numpy.ndarray:
    value = load_pickle(file, MAX_BYTES)
    if not isinstance(value, numpy.ndarray):
        raise DataError("holds something else in the place of an array")
    return value


def _parse_header(text: Any) -> dict[str, Any]:
    try:
        header = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise DataError(f"no training state of this version ({FORMAT!r})")
    state, n_params = header.get("state"), header.get("n_params")
    is_sound = (
        isinstance(state, dict)
        and set(state) == set(_NUMBERS)
        and all(isinstance(state[name], kinds) for name, kinds in _NUMBERS.items())  # type: ignore[arg-type]
        and isinstance(header.get("about"), dict)
        and isinstance(header.get("is_best"), bool)
        and isinstance(header.get("has_mistakes"), bool)
        and type(n_params) is int
        and 0 <= n_params <= 10_000
        and state["iteration"] >= 0
        and all(isinstance(cost, (int, float)) for cost in state["costs"])
        and all(isinstance(record, dict) for record in state["history"])
    )
    if not is_sound:
        raise DataError("its numbers are not those of a training")
    return header


def check_resumable(about: dict[str, Any], now: dict[str, Any]) -> str | None:
    """Refuse to go on with a training that was about something else.

    Another version of the same engine is something else, too: the training
    would not end in the same bytes. A state from the other engine is taken over.

    Parameters
    ----------
    about, now : dict
        What the state says, and what this run says; the values are compared
        name by name.

    Returns
    -------
    str or None
        A sentence on it, if it was begun on the other engine.

    Raises
    ------
    DataError
        Naming the first difference.
    """
    before, here = _engine(about), _engine(now)
    is_other = bool(before and here and before[0] != here[0])
    for name in {**about, **now}:
        if is_other and name in (*_ENGINES, "NumPy"):
            continue
        if about.get(name) != now.get(name):
            raise DataError(
                f"cannot resume: {name} was {about.get(name)!r} and is now {now.get(name)!r}; "
                "resume with what the training began with, or begin a new one"
            )
    if not is_other:
        return None
    return f"begun on {' '.join(before)}, goes on with {' '.join(here)}; the last digits may differ"


def _engine(facts: dict[str, Any]) -> Sequence[str]:
    return next(((name, facts[name]) for name in _ENGINES if name in facts), ())


def require_shapes(state: State, params: list[numpy.ndarray]) -> None:
    """Refuse the state of another model.

    Raises
    ------
    DataError
        If the number, shapes or dtypes of the parameters differ.
    """
    there = [(value.shape, str(value.dtype)) for value in state["params"]]
    here = [(value.shape, str(value.dtype)) for value in params]
    if there != here:
        raise DataError(f"cannot resume: the state has parameters {there}, the model {here}")
