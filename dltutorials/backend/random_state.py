"""The state of a random generator as an array, for checkpoints.

Shared variables of random streams hold NumPy generators, or arrays. A generator's state is a
nested dictionary of arrays and integers of up to 128 bits; the kind of generator determines its
layout, so that only the numbers have to be saved:

>>> import numpy
>>> generator = numpy.random.default_rng(1)
>>> state = pack(generator)
>>> first = generator.random()
>>> unpack(state, like=numpy.random.default_rng(2)).random() == first
True
"""

import copy
import warnings
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from dltutorials.exceptions import ResumeError
from dltutorials.types import Expression, SharedVariable

import numpy

_WORD = 64  # bits


def pack(value: Any) -> numpy.ndarray:
    """Return an array as it is, and the state of a generator as a vector of uint64.

    Parameters
    ----------
    value : array, numpy.random.Generator or numpy.random.RandomState
    """
    if not isinstance(value, (numpy.random.Generator, numpy.random.RandomState)):
        return numpy.asarray(value)
    words: list[numpy.ndarray] = []
    _map_leaves(_get_state(value), lambda leaf: words.append(_to_words(leaf)))
    return numpy.concatenate(words)


def unpack(array: numpy.ndarray, like: Any) -> Any:
    """Return what :func:`pack` was given.

    Parameters
    ----------
    array : array
    like : array or generator
        Of the same kind as the packed value.

    Raises
    ------
    ResumeError
        If the array is the state of another kind of generator.
    """
    if not isinstance(like, (numpy.random.Generator, numpy.random.RandomState)):
        return array
    words = iter(array)
    generator, state = copy.deepcopy(like), _get_state(like)
    try:
        state = _map_leaves(state, lambda leaf: _from_words(words, leaf))
        _check_positions(state)
        if isinstance(generator, numpy.random.Generator):
            generator.bit_generator.state = state
        else:
            generator.set_state(state)
    except (StopIteration, ValueError, TypeError, OverflowError) as error:
        raise ResumeError(f"cannot resume: the state of a random generator: {error}") from None
    return generator


def set_default_update(variable: SharedVariable, update: Expression) -> None:
    """Make every call of a compiled function update a shared variable.

    PyTensor's warning against it is suppressed: it does not concern users of random numbers.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        variable.default_update = update


def _get_state(generator: Any) -> Any:
    if isinstance(generator, numpy.random.Generator):
        return generator.bit_generator.state
    return generator.get_state(legacy=False)


def _map_leaves(state: Any, function: Callable[[Any], Any]) -> Any:
    """Apply a function to each leaf, in the order of the names."""
    if isinstance(state, dict):
        return {name: _map_leaves(state[name], function) for name in sorted(state)}
    return function(state)


def _check_positions(state: dict[str, Any]) -> None:
    """Refuse positions outside a generator's buffers, which NumPy does not check."""
    inner = state["state"]
    for where, buffer, position in ((inner, "key", "pos"), (state, "buffer", "buffer_pos")):
        if buffer in where and position in where and where[position] > len(where[buffer]):
            raise ValueError(f"{position} is {where[position]}")


def _to_words(leaf: Any) -> numpy.ndarray:
    if isinstance(leaf, numpy.ndarray):
        return leaf.astype("uint64").ravel()
    if isinstance(leaf, str):
        return numpy.array([zlib.crc32(leaf.encode())], "uint64")
    if isinstance(leaf, float):
        return numpy.array([leaf], "float64").view("uint64")
    return numpy.array([int(leaf) >> _WORD, int(leaf) % (1 << _WORD)], "uint64")


def _from_words(words: Iterator[Any], leaf: Any) -> Any:
    if isinstance(leaf, numpy.ndarray):
        values = [next(words) for _ in range(leaf.size)]
        return numpy.array(values, "uint64").astype(leaf.dtype).reshape(leaf.shape)
    if isinstance(leaf, str):
        if int(next(words)) != zlib.crc32(leaf.encode()):
            raise ValueError(f"it is not of the kind {leaf}")
        return leaf
    if isinstance(leaf, float):
        return float(numpy.array([next(words)], "uint64").view("float64")[0])
    return (int(next(words)) << _WORD) + int(next(words))
