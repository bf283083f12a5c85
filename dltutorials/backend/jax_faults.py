"""Data errors in functions compiled by JAX, which cannot raise them while they compute.

Operations that may meet a wrong label or index call :func:`note`, and give nan for it. The
compiled function also returns whether anything is wrong, and the checks with their values
(:func:`with_faults`). The error is raised after the call, or, for :func:`call_later`, by
:func:`raise_waiting`, so that no training step waits for the device.

>>> function = with_faults(lambda x: 2 * x, nodes=())
>>> function(3)
(6, None)
"""

import contextlib
from collections.abc import Callable, Collection, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy
from jax.tree_util import Partial

Check = Callable[..., None]  # takes NumPy arrays; raises an error
_MOST_WAITING = 1000


class _Note(NamedTuple):
    is_wrong: Any
    check: Partial  # with its values; JAX compiles a function for each shape, with its own checks


class _Call(NamedTuple):
    is_wrong: Any
    checks: list[Partial]


_notes: list[_Note] | None = None  # of the graph that JAX is tracing
_nodes: Collection[Any] = ()  # and its nodes
_is_later = False
_waiting: list[_Call] = []


def note(node: Any, is_wrong: Any, check: Check, *values: Any) -> None:
    """Let the function being compiled raise an error.

    Parameters
    ----------
    node : application of an operation
        Ignored in the body of a loop, which is a separate graph.
    is_wrong : bool array
        Whether anything is wrong, element by element.
    check : callable
        Takes the values as NumPy arrays; raises the error.
    *values : arrays
    """
    if _notes is not None and node in _nodes:
        _notes.append(_Note(jnp.any(jnp.asarray(is_wrong)), Partial(check, *values)))


def with_faults(
    function: Callable[..., Any], nodes: Collection[Any]
) -> Callable[..., tuple[Any, Any]]:
    """Return a function for JAX to compile that also returns its faults.

    Parameters
    ----------
    function : callable
    nodes : set
        The applications of operations in its graph.

    Returns
    -------
    callable
        Its second result is None if nothing can be wrong.
    """

    def compute(*arguments: Any) -> tuple[Any, Any]:
        with _noting(nodes) as notes:
            results = function(*arguments)
        if not notes:
            return results, None
        # The usual type of costs, so that the same compiled code fetches both.
        is_wrong = jnp.any(jnp.stack([each.is_wrong for each in notes])).astype("float32")
        return results, _Call(is_wrong, [each.check for each in notes])

    return compute


@contextlib.contextmanager
def _noting(nodes: Collection[Any]) -> Iterator[list[_Note]]:
    global _notes, _nodes
    before = _notes, _nodes
    notes: list[_Note] = []
    _notes, _nodes = notes, nodes
    try:
        yield notes
    finally:
        _notes, _nodes = before


def call_later(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a compiled function; leave its error, if any, to :func:`raise_waiting`."""
    global _is_later
    _is_later = True
    try:
        return function(*arguments)
    finally:
        _is_later = False


def raise_or_wait(faults: Any) -> None:
    """Raise the error of a call, now or later."""
    if faults is None:
        return
    _waiting.append(faults)
    if not _is_later or len(_waiting) >= _MOST_WAITING:
        raise_waiting(jax.device_get)


def raise_waiting(fetch: Callable[[list[Any]], Any]) -> None:
    """Raise the first error among the calls since the last check.

    Parameters
    ----------
    fetch : callable
        Takes a list of scalars on the device; returns their values.
    """
    calls = _waiting[:]
    _waiting.clear()
    if not calls:
        return
    for number in numpy.flatnonzero(fetch([call.is_wrong for call in calls])):
        for check in jax.device_get(calls[number].checks):
            check()
