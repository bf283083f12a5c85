"""Numba implementations of our own operations.

This module, and with it those of the larger operations, is imported when Numba first compiles.
"""

import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dltutorials.backend import image_operation_numba, mrg_numba, reductions_numba  # noqa: F401
from dltutorials.backend.labels import CheckedLabels, LabelError
from dltutorials.backend.pytensor_index import CheckedIndex, OutOfBoundsError
from dltutorials.backend.random_streams import RandomFunction

from pytensor.link.numba.dispatch.basic import (
    generate_fallback_impl,
    numba_funcify,
    numba_njit,
    register_funcify_default_op_cache_key,
)

Kernel = tuple[Callable[..., Any], int]

_VERSION = zlib.crc32(Path(__file__).read_bytes())  # of compiled code that is kept


@register_funcify_default_op_cache_key(CheckedIndex)
def checked_index(op: Any, node: Any, **kwargs: Any) -> Kernel:
    """Return the loop over an index."""
    axis = op.axis

    @numba_njit
    def kernel(index: Any, size: Any) -> Any:
        for i in index.flat:
            if i < -size.item() or i >= size.item():
                raise OutOfBoundsError(i, axis, size.item())
        return index

    return kernel, _VERSION


@register_funcify_default_op_cache_key(CheckedLabels)
def checked_labels(op: Any, node: Any, **kwargs: Any) -> Kernel:
    """Return the loop over the labels."""

    @numba_njit
    def kernel(y: Any, n_rows: Any, n_out: Any) -> Any:
        if y.shape[0] != n_rows.item():
            raise LabelError(y.shape[0], n_rows.item())
        for i in range(y.shape[0]):
            if y[i] < 0 or y[i] >= n_out.item():
                raise LabelError(y.shape[0], y.shape[0], i, y[i], n_out.item())
        return y

    return kernel, _VERSION


@numba_funcify.register(RandomFunction)
def random_function(op: Any, node: Any, **kwargs: Any) -> Callable:
    """Leave the draws of :mod:`dltutorials.backend.random_streams` to NumPy."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Numba will use object mode")
        return generate_fallback_impl(op, node, **kwargs)
