"""The states of MRG31k3p's streams for a seed, as in Theano's ``MRG_RandomStreams``.

The streams of a draw are ``2^72`` numbers apart; the next draw starts ``2^134`` further on.

>>> import numpy
>>> state = as_state(123)
>>> substreams(state, 2)[1].tolist()
[1967335987, 128327321, 2044092714, 1666754412, 510447831, 482627845]
>>> next_state(state).tolist()
[751712237, 1278783354, 1763276858, 621342905, 2051958887, 1587503446]
"""

import math
from collections.abc import Sequence
from typing import Any

from dltutorials.backend.mrg_uniform import M1, M2

import numpy

# The factors for the two halves of a state.
STEP_72 = numpy.array(
    [
        [[1516919229, 758510237, 499121365],
         [1884998244, 1516919229, 335398200],
         [601897748, 1884998244, 358115744]],
        [[1228857673, 1496414766, 954677935],
         [1133297478, 1407477216, 1496414766],
         [2002613992, 1639496704, 1407477216]],
    ]
)  # fmt: skip
STEP_134 = numpy.array(
    [
        [[1702500920, 1849582496, 1656874625],
         [828554832, 1702500920, 1512419905],
         [1143731069, 828554832, 102237247]],
        [[796789021, 1464208080, 607337906],
         [1241679051, 1431130166, 1464208080],
         [1401213391, 1178684362, 1431130166]],
    ]
)  # fmt: skip


def as_state(seed: int | Sequence[int]) -> numpy.ndarray:
    """Return the state for a seed.

    Parameters
    ----------
    seed : int or sequence of six int

    Returns
    -------
    int32 vector

    Raises
    ------
    TypeError
        If it is anything else.
    ValueError
        If a half of the six is all 0, or one is negative or too large.
    """
    state: list[Any] = [seed] * 6 if is_integer(seed) else list(seed)  # type: ignore[arg-type]
    if len(state) != 6 or not all(map(is_integer, state)):
        raise TypeError(f"seed: got {seed}, expected an integer or six of them")
    for half, m in ((state[:3], M1), (state[3:], M2)):
        if not any(half) or min(half) < 0 or max(half) >= m:
            raise ValueError(f"seed: got {seed}, expected integers below {m}, not all 0")
    return numpy.array(state, "int32")


def next_state(state: numpy.ndarray) -> numpy.ndarray:
    """Return the state of the next draw."""
    return _move(state[None], list(STEP_134))[0]


def substreams(state: numpy.ndarray, n_streams: int) -> numpy.ndarray:
    """Return the states of a draw's streams; the first is `state` itself.

    Returns
    -------
    int32 matrix, ``(n_streams, 6)``
    """
    states, step = state[None], list(STEP_72)
    while len(states) < n_streams:  # each pass doubles them
        states = numpy.vstack([states, _move(states, step)])
        step = [_product(A, A, m) for A, m in zip(step, (M1, M2))]
    return states[:n_streams].copy()


def guess_n_streams(size: object) -> int:
    """Return how many streams Theano gives a draw: 15,360 if its size is unknown."""
    most = 60 * 256
    if not isinstance(size, (tuple, list)) or not all(map(is_integer, size)):
        return most
    n = math.prod(size)
    return int(min(n // 6 if n > 6 else n, most))


def is_integer(value: object) -> bool:
    """Return whether a value is a Python or NumPy integer."""
    return isinstance(value, (int, numpy.integer))


def _move(states: numpy.ndarray, step: Sequence[numpy.ndarray]) -> numpy.ndarray:
    halves = zip(numpy.hsplit(states.astype("int64"), 2), step, (M1, M2))
    return numpy.hstack([_product(half, A.T, m) for half, A, m in halves]).astype("int32")


def _product(A: numpy.ndarray, B: numpy.ndarray, m: int) -> numpy.ndarray:
    """Return A B modulo m; a sum of three products would not fit into 64 bits."""
    return (A[:, :, None] * B[None] % m).sum(1) % m
