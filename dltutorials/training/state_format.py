"""Conversion of a training state into JSON and arrays, and back.

Both directions follow the types that the dataclasses declare: a new attribute of
:class:`~dltutorials.training.state.TrainingState` needs no change here.

>>> import numpy
>>> from dltutorials.training.early_stopping import EarlyStopping
>>> W, patience = numpy.ones(2), EarlyStopping().start(83)
>>> patience.observe(82, 0.125)
True
>>> state = TrainingState(patience, 83, iteration=82, params=[W], best_params=[W])
>>> numbers, arrays = take_apart(state)
>>> numbers["n_train_batches"], numbers["params"], numbers["best_params"], list(arrays)
(83, ['params_0'], ['params_0'], ['params_0'])
>>> put_together(numbers, arrays).params
[array([1., 1.])]
"""

import dataclasses
import math
import types
import typing
from collections.abc import Callable
from typing import Any

from dltutorials.exceptions import DataError, OptionError
from dltutorials.training.early_stopping import PatienceState
from dltutorials.training.history import require_record
from dltutorials.training.state import Array, TrainingState

import numpy


def take_apart(state: TrainingState) -> tuple[dict[str, Any], dict[str, numpy.ndarray]]:
    """Return the numbers of a state, with names instead of arrays, and the arrays by name."""
    arrays = _Arrays()
    return arrays.take_out(state, TrainingState), arrays.by_name


def put_together(numbers: Any, arrays: dict[str, numpy.ndarray]) -> TrainingState:
    """Rebuild the state from what :func:`take_apart` returned.

    Raises
    ------
    DataError
        If a value has the wrong type, the numbers are not those of a training run, or an array
        is left over.
    """
    reader = _Reader(arrays)
    state: TrainingState = reader.read("state", numbers, TrainingState)
    if reader.unused:
        raise DataError(f"holds more arrays than it announces: {', '.join(sorted(reader.unused))}")
    _check(state)
    return state


class _Arrays:
    """Takes the arrays out of a state, so that JSON can represent the rest."""

    def __init__(self) -> None:
        self.by_name: dict[str, numpy.ndarray] = {}
        self._names: dict[int, str] = {}

    def take_out(self, value: Any, kind: Any, name: str = "") -> Any:
        """Return a value with names instead of arrays, which have no type of their own."""
        if dataclasses.is_dataclass(kind):
            hints = typing.get_type_hints(kind)
            return {key: self.take_out(getattr(value, key), hints[key], key) for key in hints}
        if kind == list[Array]:
            return [self._keep(array, f"{name}_{number}") for number, array in enumerate(value)]
        if kind == Array | None and value is not None:
            return self._keep(value, name)
        return value

    def _keep(self, array: Any, name: str) -> str:
        """Keep an array, only once if it occurs twice; return its name."""
        known = self._names.setdefault(id(array), name)
        if known == name:
            self.by_name[name] = numpy.asarray(array)
        return known


class _Reader:
    """Rebuilds a state from its JSON and its arrays.

    Each value must have the type that its dataclass declares.
    """

    def __init__(self, arrays: dict[str, numpy.ndarray]) -> None:
        self.arrays, self.unused = arrays, set(arrays)

    def read(self, name: str, value: Any, kind: Any) -> Any:
        """Return the value as one of type `kind`; refuse anything else."""
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
    """Refuse values that no run has: inf, nan, integers that exceed 64 bits."""
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


def _check(state: TrainingState) -> None:
    """Refuse numbers that are individually valid but inconsistent."""
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
