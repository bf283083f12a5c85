"""MRG31k3p in the form that JAX compiles: the numbers of :mod:`dltutorials.backend.mrg_uniform`.

The streams move on together, as many times as each has numbers to give. How many numbers there are
has to be known when JAX compiles; the shape of a minibatch is. Importing the module is enough.
"""

import math
from collections.abc import Callable
from typing import Any

from dltutorials.backend.mrg_uniform import M1, M2, NORM, MrgUniform

import jax
import jax.numpy as jnp
from pytensor.compile import optdb
from pytensor.graph import Constant, node_rewriter
from pytensor.graph.rewriting.basic import dfs_rewriter
from pytensor.link.jax.dispatch import jax_funcify
from pytensor.tensor.rewriting.jax import shape_parameter_as_tuple


@jax_funcify.register(MrgUniform)
def mrg_uniform(op: Any, node: Any, **kwargs: Any) -> Callable[..., Any]:
    """Return the next states, and the numbers, dealt out by the streams in turn."""
    known = node.inputs[1].data if isinstance(node.inputs[1], Constant) else None

    def kernel(states: Any, size: Any) -> Any:
        shape = tuple(map(int, size if known is None else known))
        n = math.prod(shape)
        n_times, n_left = divmod(n, len(states))
        states, numbers = jax.lax.scan(_move_on, states, length=n_times)
        moved, last = _move_on(states)
        is_used = jnp.arange(len(states)) < n_left
        numbers = jnp.concatenate([numbers.ravel(), last[:n_left]])
        sample = numbers.astype(op.dtype) * jnp.array(NORM[op.dtype], op.dtype)
        return jnp.where(is_used[:, None], moved, states), sample.reshape(shape)

    return kernel


def _move_on(states: Any, _: Any = None) -> tuple[Any, Any]:
    """Return the states after one number of each stream, and the numbers."""
    x11, x12, x13, x21, x22, x23 = states.T.astype("int64")
    y1 = ((x12 & 511) << 22) + (x12 >> 9) + ((x13 & 16777215) << 7) + (x13 >> 24)
    y1 = _below(_below(y1, M1) + x13, M1)
    y2 = _below(_product(x23) + x23, M2)
    y2 = _below(y2 + _product(x21), M2)
    moved = jnp.stack([y1, x11, x12, y2, x21, x22], 1).astype("int32")
    return moved, jnp.where(y1 <= y2, y1 - y2 + M1, y1 - y2)


def _product(x: Any) -> Any:
    return _below(((x & 65535) << 15) + 21069 * (x >> 16), M2)


def _below(y: Any, m: int) -> Any:
    return jnp.where(y >= m, y - m, y)


@node_rewriter([MrgUniform])
def known_size(fgraph: Any, node: Any) -> Any:
    """Hand the size on as a tuple, whose integers JAX knows when it compiles."""
    return shape_parameter_as_tuple.transform(fgraph, node, enforce_tracks=False)


optdb.register("mrg_known_size", dfs_rewriter(known_size), "jax", position=100)
