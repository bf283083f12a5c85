"""Sums and argmax, in loops that Numba compiles quickly.

PyTensor's handle any number of dimensions in any memory order, which they find at run time by
sorting strides, in code that can raise errors. Compiling it for the sums and the argmax of
logistic regression took a quarter of Numba's time in its first training run. Numba knows an
array's memory order when it compiles, and a matrix needs only two loops. These add in the same
order as PyTensor's, so the results are the same; anything but a matrix in the usual order is left
to PyTensor's.
"""

import hashlib
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
from numba.extending import overload
from pytensor.link.numba.dispatch.basic import (
    numba_njit,
    register_funcify_and_cache_key,
    register_funcify_default_op_cache_key,
)
from pytensor.link.numba.dispatch.elemwise import numba_funcify_Argmax, numba_funcify_CAReduce
from pytensor.tensor.math import Argmax, Sum

_VERSION = zlib.crc32(Path(__file__).read_bytes())  # of compiled code that is kept


@register_funcify_and_cache_key(Sum)
def sum_and_key(op: Any, node: Any, **kwargs: Any) -> tuple[Callable[..., Any], str]:
    """Return the function that sums an array, and its key in the code cache."""
    general, key = numba_funcify_CAReduce(op, node, **kwargs)
    axes = tuple(range(2)) if op.axis is None else tuple(sorted(op.axis))
    if node.inputs[0].ndim != 2 or axes not in _SUMS:
        return general, key
    types = numpy.dtype(op.acc_dtype or node.outputs[0].dtype), node.outputs[0].type.numpy_dtype
    kernel = _by_order_of_memory(_SUMS[axes](*types), general)
    return kernel, hashlib.sha256(f"{key} {_VERSION}".encode()).hexdigest()


@register_funcify_default_op_cache_key(Argmax)
def argmax(op: Any, node: Any, **kwargs: Any) -> tuple[Callable[..., Any], int]:
    """Return the function that finds the position of the largest value in each row."""
    general, version = numba_funcify_Argmax(op, node, **kwargs)
    if node.inputs[0].ndim != 2 or tuple(op.axis or ()) != (1,):
        return general, version
    both = zlib.crc32(f"{version} {_VERSION}".encode())
    return _by_order_of_memory(_argmax_of_rows, general), both


def _total(acc: numpy.dtype, out: numpy.dtype) -> Callable[..., Any]:
    zero = acc.type(0)

    def total(x: Any) -> Any:
        value = zero
        for i in range(x.shape[0]):
            for j in range(x.shape[1]):
                value += x[i, j]
        result = numpy.empty((), out)
        result[()] = value
        return result

    return total


def _over_rows(acc: numpy.dtype, out: numpy.dtype) -> Callable[..., Any]:
    def sum_over_rows(x: Any) -> Any:
        sums = numpy.zeros(x.shape[1], acc)
        for i in range(x.shape[0]):
            for j in range(x.shape[1]):
                sums[j] += x[i, j]
        return sums.astype(out)

    return sum_over_rows


def _over_columns(acc: numpy.dtype, out: numpy.dtype) -> Callable[..., Any]:
    def sum_over_columns(x: Any) -> Any:
        sums = numpy.zeros(x.shape[0], acc)
        for i in range(x.shape[0]):
            for j in range(x.shape[1]):
                sums[i] += x[i, j]
        return sums.astype(out)

    return sum_over_columns


_SUMS = {(0, 1): _total, (0,): _over_rows, (1,): _over_columns}


def _argmax_of_rows(x: Any) -> Any:
    places = numpy.zeros(x.shape[0], numpy.int64)
    for i in range(x.shape[0]):
        if x.shape[1] == 0:
            raise ValueError("attempt to get argmax of an empty sequence")
        best = 0
        for j in range(1, x.shape[1]):
            largest, value = x[i, best], x[i, j]
            # The first of equal values, or the first that is not a number, as in NumPy.
            if value > largest or (value != value and largest == largest):
                best = j
        places[i] = best
    return places


def _by_order_of_memory(quick: Callable, general: Callable) -> Callable[..., Any]:
    """Return a function that is `quick` for arrays whose rows follow each other in memory."""
    quick = numba_njit(quick)

    def choose(x: Any) -> Any: ...

    def quickly(x: Any) -> Any:
        return quick(x)

    def generally(x: Any) -> Any:
        return general(x)

    @overload(choose, inline="always")
    def chosen(x: Any) -> Callable:
        return quickly if getattr(x, "layout", None) == "C" else generally

    @numba_njit
    def reduction(x: Any) -> Any:
        return choose(x)

    return reduction
