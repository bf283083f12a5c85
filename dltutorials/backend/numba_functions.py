"""tanh and the logistic sigmoid of float32, compiled by Numba for PyTensor.

``vector_functions.h``, the same in C, explains the formula. By default Numba checks each divisor
for 0, as Python does, which prevents vectorization, and PyTensor lets it reorder sums, which would
cost the formula its precision. Both are turned off here.
"""

import math
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import theano
from pytensor.link.numba.dispatch import scalar as _registered  # noqa: F401 (the old ones)
from pytensor.link.numba.dispatch.basic import (
    numba_funcify_and_cache_key,
    numba_njit,
    register_funcify_and_cache_key,
)
from pytensor.scalar.basic import Tanh
from pytensor.scalar.math import Sigmoid

_VERSION = zlib.crc32(Path(__file__).read_bytes())  # of compiled code that is kept
_HALF_LOG2_HIGH, _HALF_LOG2_LOW = 6.93147180369123816490e-01 / 2, 1.90821492927058770002e-10 / 2
_exactly = numba_njit(fastmath=False, error_model="numpy")


@_exactly
def _exponential(x: Any) -> Any:
    k = np.int32(x / (math.log(2) / 2) + math.copysign(0.5, x))
    y = (x - k * _HALF_LOG2_HIGH) - k * _HALF_LOG2_LOW
    s = y * y
    bits = np.int64(np.int64(k + 1023) << np.int64(52))
    p = y * (10395 + s * (1260 + s * 21))
    q = 10395 + s * (4725 + s * (210 + s))
    return bits.view(np.float64), p, q


@_exactly
def _tanh(number: Any) -> Any:
    x = np.float64(number)
    e, p, q = _exponential(-10.0 if x < -10 else 10.0 if x > 10 else x)
    up, down = e + 1, e - 1
    value = (up * p + down * q) / (up * q + down * p)
    return np.float32(math.copysign(value, x))  # tanh(-0) is -0


@_exactly
def _sigmoid(number: Any) -> Any:
    x = np.float64(number)
    e, p, q = _exponential(0.5 * (-110.0 if x < -110 else 30.0 if x > 30 else x))
    up = e * (q + p)
    return np.float32(up / (up + (q - p)))


def _replace(operation: type, kernel: Callable) -> None:
    """Let Numba compile the kernel where the operation is one on float32."""
    original = numba_funcify_and_cache_key.dispatch(operation)

    @register_funcify_and_cache_key(operation)
    def funcify(op: Any, node: Any, **kwargs: Any) -> tuple[Callable, str | None]:
        types = {variable.type.dtype for variable in (*node.inputs, *node.outputs)}
        if types != {"float32"} or "vector_functions" in theano.config.optimizer_excluding:
            return original(op, node=node, **kwargs)
        return kernel, f"dltutorials_{operation.__name__}_{_VERSION}"


_replace(Tanh, _tanh)
_replace(Sigmoid, _sigmoid)
