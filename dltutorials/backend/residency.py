"""Transfers to and from the device during training: only what is needed.

With JAX (:mod:`dltutorials.backend.jax_engine`), the minibatches' indices are on the device
beforehand, minibatches are sliced there, and results stay until they are fetched together. The
other backends compute in NumPy's memory, and transfer nothing.

>>> import theano
>>> index = theano.tensor.lscalar()
>>> double = theano.function([index], 2 * index)
>>> fetch([double(number) for number in device_indices(3)]).tolist()
[0, 2, 4]
"""

import functools
import importlib
from collections.abc import Callable, Sequence
from typing import Any

from dltutorials.backend.setup import import_theano
from dltutorials.types import Expression

import numpy


def uses_jax() -> bool:
    """Return whether JAX computes: results stay on the device, and shapes are fixed."""
    return bool(getattr(import_theano(), "uses_jax", False))


def minibatch_rows(column: Expression, first: Expression, n_rows: int) -> Expression:
    """Return `n_rows` rows of an array, or as many as there are, from number `first` on.

    With JAX, there must be that many; otherwise all are nan, or for integers the largest value.
    """
    if uses_jax():
        kernels = importlib.import_module("dltutorials.backend.jax_kernels")
        return kernels.Rows(n_rows)(column, first)
    return column[first : first + n_rows]


def device_indices(n: int) -> list[Any]:
    """Return the numbers from 0 to ``n - 1``, ready to be passed to compiled functions."""
    indices = [numpy.array(index, dtype="int64") for index in range(n)]
    if uses_jax():
        return list(_jax_arrays().to_device(indices))
    return indices


def without_waiting(function: Callable) -> Callable:
    """Return a compiled function whose errors of labels and indices :func:`fetch` may raise.

    With JAX, a call that raised them itself would have to wait for the device.
    """
    if uses_jax():
        faults = importlib.import_module("dltutorials.backend.jax_faults")
        return functools.partial(faults.call_later, function)
    return function


def fetch(values: Sequence[Any]) -> numpy.ndarray:
    """Return results of compiled functions, scalars or vectors, joined into one vector."""
    if uses_jax():
        return numpy.asarray(_jax_arrays().fetch(values))
    return numpy.concatenate([numpy.ravel(value) for value in values])


def n_transfers() -> int:
    """Return how many arrays were copied to the device so far; without JAX, 0."""
    return int(_jax_arrays().n_transfers) if uses_jax() else 0


def bandwidths() -> tuple[float, float]:
    """Return the bandwidths to JAX's device and back, in bytes per second."""
    there, back = _jax_arrays().bandwidths()
    return there, back


def free_memory() -> int | None:
    """Return how many bytes are free on JAX's device, or None if it does not say."""
    n_bytes: int | None = _jax_arrays().free_memory()
    return n_bytes


def _jax_arrays() -> Any:
    return importlib.import_module("dltutorials.backend.jax_arrays")
