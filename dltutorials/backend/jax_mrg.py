"""MRG31k3p for JAX, with the numbers of :mod:`dltutorials.backend.mrg_uniform`.

All streams advance together, once for each number that a stream gives. JAX must know the number of
numbers when it compiles, as it does the shape of a minibatch. Importing this module registers all.
"""

import math
from collections.abc import Callable
from typing import Any

from dltutorials.backend.mrg_uniform import NORM, MrgUniform, move_on

import jax
import jax.numpy as jnp
from pytensor.compile import optdb
from pytensor.graph import Constant, node_rewriter
from pytensor.graph.rewriting.basic import dfs_rewriter
from pytensor.link.jax.dispatch import jax_funcify
from pytensor.tensor.rewriting.jax import shape_parameter_as_tuple


@jax_funcify.register(MrgUniform)
def mrg_uniform(op: Any, node: Any, **kwargs: Any) -> Callable[..., Any]:
    """Return the next states and the numbers, which the streams give in turn."""
    known = node.inputs[1].data if isinstance(node.inputs[1], Constant) else None

    def kernel(states: Any, size: Any) -> Any:
        shape = tuple(map(int, size if known is None else known))
        n = math.prod(shape)
        n_times, n_left = divmod(n, len(states))
        states, numbers = jax.lax.scan(lambda s, _: move_on(s, jnp), states, length=n_times)
        moved, last = move_on(states, jnp)
        is_used = jnp.arange(len(states)) < n_left
        numbers = jnp.concatenate([numbers.ravel(), last[:n_left]])
        sample = numbers.astype(op.dtype) * jnp.array(NORM[op.dtype], op.dtype)
        return jnp.where(is_used[:, None], moved, states), sample.reshape(shape)

    return kernel


@node_rewriter([MrgUniform])
def known_size(fgraph: Any, node: Any) -> Any:
    """Pass the size as a tuple, whose integers JAX knows when it compiles."""
    return shape_parameter_as_tuple.transform(fgraph, node, enforce_tracks=False)


optdb.register("mrg_known_size", dfs_rewriter(known_size), "jax", position=100)
