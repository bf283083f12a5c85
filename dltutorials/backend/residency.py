"""Transfers to and from the device during training: only what is asked for.

With JAX (:mod:`dltutorials.backend.jax_engine`) the numbers of the minibatches lie on the device
beforehand, a minibatch is taken there, and results stay until they are fetched together. The
other backends compute where NumPy is, and have nothing to carry.

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
    """Say whether JAX computes: results stay on the device, and shapes are fixed."""
    return bool(getattr(import_theano(), "uses_jax", False))


def minibatch_rows(column: Expression, first: Expression, n_rows: int) -> Expression:
    """Return `n_rows` rows of an array, or as many as there are, from number `first` on.

    With JAX there must be as many; it gives nan where there are not, and for integers the
    largest that there is.
    """
    if uses_jax():
        kernels = importlib.import_module("dltutorials.backend.jax_kernels")
        return kernels.Rows(n_rows)(column, first)
    return column[first : first + n_rows]


def device_indices(n: int) -> list[Any]:
    """Return the numbers from 0 to ``n - 1``, each as a compiled function takes it as it is."""
    indices = [numpy.array(index, dtype="int64") for index in range(n)]
    if uses_jax():
        return list(_jax_arrays().to_device(indices))
    return indices


def without_waiting(function: Callable) -> Callable:
    """Return a compiled function whose errors of labels and indices :func:`fetch` may raise.

    With JAX a call would wait for the device to know of them.
    """
    if uses_jax():
        faults = importlib.import_module("dltutorials.backend.jax_faults")
        return functools.partial(faults.call_later, function)
    return function


def fetch(values: Sequence[Any]) -> numpy.ndarray:
    """Return results of compiled functions, scalars or vectors, joined to one vector."""
    if uses_jax():
        return numpy.asarray(_jax_arrays().fetch(values))
    return numpy.concatenate([numpy.ravel(value) for value in values])


def n_transfers() -> int:
    """Return how many arrays were copied to the device so far; where NumPy computes, none."""
    return int(_jax_arrays().n_transfers) if uses_jax() else 0


def bandwidths() -> tuple[float, float]:
    """Return how many bytes a second go to the device of JAX, and back."""
    there, back = _jax_arrays().bandwidths()
    return there, back


def free_memory() -> int | None:
    """Return how many bytes can be used on the device of JAX, if it says so."""
    n_bytes: int | None = _jax_arrays().free_memory()
    return n_bytes


def _jax_arrays() -> Any:
    return importlib.import_module("dltutorials.backend.jax_arrays")
