"""A step repeated a fixed number of times, with the random numbers that it draws.

Theano's ``scan`` on Python 3.11 has an overhead of 0.1 to 0.3 ms per step, so short loops are
unrolled there. The results are those of ``scan``, with the same random streams.

>>> import theano, theano.tensor as T
>>> double = repeat(lambda number: (number + 1, 2 * number), T.constant(1.0), n_steps=4)
>>> [float(each) for each in theano.function([], double.outputs)()]
[9.0, 16.0]
"""

from collections.abc import Callable
from typing import NamedTuple

from dltutorials.backend.describe import name
from dltutorials.types import Expression, Updates

import theano

_MOST_UNROLLED = 50  # unrolled steps take time to compile


class Repeated(NamedTuple):
    """The outputs of the last step, and the updates of random streams."""

    outputs: list[Expression]
    updates: Updates


def repeat(step: Callable, state: Expression, n_steps: int, n_others: int = 1) -> Repeated:
    """Return the outputs of a step that is applied repeatedly.

    Parameters
    ----------
    step : callable(expression) -> tuple of expressions
        The last of them is the next state, of the same type.
    state : expression
    n_steps : int
        At least 1.
    n_others : int
        Number of outputs of a step besides the state.

    Returns
    -------
    Repeated
        Its updates are for ``theano.function``.
    """
    if name() == "Theano" and n_steps <= _MOST_UNROLLED:
        return unroll(step, state, n_steps)
    info = [*[None] * n_others, state]
    outputs, updates = theano.scan(step, outputs_info=info, n_steps=n_steps, return_list=True)
    return Repeated([each[-1] for each in outputs], list(updates.items()))


def unroll(step: Callable, state: Expression, n_steps: int) -> Repeated:
    """Return the same as :func:`repeat`, unrolled."""
    before = state.type()
    outputs = step(before)
    inputs = theano.gof.graph.inputs(outputs)
    streams = [each for each in inputs if getattr(each, "default_update", None) is not None]
    moved = [stream.default_update for stream in streams]
    values, last = [state, *streams], []
    for _ in range(n_steps):
        replaced = dict(zip([before, *streams], values))
        last = theano.clone([*outputs, *moved], replace=replaced)
        values = last[len(outputs) - 1 :]
    return Repeated(last[: len(outputs)], list(zip(streams, values[1:])))
