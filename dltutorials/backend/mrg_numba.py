"""The loop of :mod:`dltutorials.backend.mrg_uniform`, compiled by Numba.

The algorithm is explained there; the same in C is in ``mrg_uniform.h``.
"""

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dltutorials.backend.mrg_uniform import M1, M2, NORM, MrgUniform

import numpy as np
from numba.np.unsafe.ndarray import to_fixed_tuple
from pytensor.link.numba.dispatch.basic import numba_njit, register_funcify_default_op_cache_key

_VERSION = zlib.crc32(Path(__file__).read_bytes())  # of compiled code that is kept


@numba_njit
def _below(y: int, m: int) -> int:
    return y - m if y >= m else y


@numba_njit
def _product(x: int) -> int:
    return _below(((x & 65535) << 15) + 21069 * (x >> 16), M2)


@numba_njit
def _draw(states: Any, numbers: Any, norm: Any) -> None:
    # Unsigned, so that Numba need not ask whether an index counts from the end.
    o1, o2, o3, o4, o5 = np.uintp(1), np.uintp(2), np.uintp(3), np.uintp(4), np.uintp(5)
    s, n_streams = states.reshape(-1), len(states)
    for start in range(0, len(numbers), n_streams):
        part = numbers[start : start + n_streams]
        for i in range(np.uintp(len(part))):
            at = np.uintp(6) * i
            x12, x13 = np.int64(s[at + o1]), np.int64(s[at + o2])
            x21, x23 = np.int64(s[at + o3]), np.int64(s[at + o5])
            y1 = ((x12 & 511) << 22) + (x12 >> 9) + ((x13 & 16777215) << 7) + (x13 >> 24)
            y1 = _below(_below(y1, M1) + x13, M1)
            y2 = _below(_below(_product(x23) + x23, M2) + _product(x21), M2)
            part[i] = type(norm)(y1 - y2 + M1 if y1 <= y2 else y1 - y2) * norm
            s[at + o2], s[at + o1], s[at] = x12, s[at], y1
            s[at + o5], s[at + o4], s[at + o3] = s[at + o4], x21, y2


@register_funcify_default_op_cache_key(MrgUniform)
def _mrg_uniform(op: Any, node: Any, **kwargs: Any) -> tuple[Callable, int]:
    ndim, inplace, number = op.ndim, op.inplace, np.dtype(op.dtype).type
    norm = number(NORM[op.dtype])

    @numba_njit
    def mrg_uniform(states: Any, size: Any) -> Any:
        n = size.prod()
        if n > M1:
            raise ValueError("size: got more than 2^31 - 1 numbers")
        if not inplace:
            states = states.copy()
        sample = np.empty(to_fixed_tuple(size, ndim), number)
        _draw(states, sample.reshape(-1), norm)
        return states, sample

    return mrg_uniform, _VERSION
