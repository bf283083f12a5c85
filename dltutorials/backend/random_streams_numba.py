"""Numba leaves the draws of :mod:`dltutorials.backend.random_streams` to NumPy."""

import warnings
from collections.abc import Callable
from typing import Any

from dltutorials.backend.random_streams import RandomFunction

from pytensor.link.numba.dispatch.basic import generate_fallback_impl, numba_funcify


@numba_funcify.register(RandomFunction)
def _random_function(op: Any, node: Any, **kwargs: Any) -> Callable:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Numba will use object mode")
        return generate_fallback_impl(op, node, **kwargs)
