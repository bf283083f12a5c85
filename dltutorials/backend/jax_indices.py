"""Indexing in JAX, and the shapes that it must know when it compiles.

An index outside an array gives nan, or for integers the largest value, and an error follows
(:mod:`dltutorials.backend.jax_faults`). Values known when JAX compiles, such as the shape of a
minibatch, are computed then, so that other shapes can depend on them. Importing this module
registers everything.
"""

from collections.abc import Callable
from typing import Any

from dltutorials.backend.jax_faults import note
from dltutorials.backend.pytensor_index import check_index

import jax
import jax.numpy as jnp
import numpy
from pytensor.link.jax.dispatch import jax_funcify
from pytensor.raise_op import CheckAndRaise
from pytensor.tensor.basic import ARange, MakeVector, ScalarFromTensor
from pytensor.tensor.subtensor import (
    AdvancedIncSubtensor,
    AdvancedSubtensor,
    IncSubtensor,
    Subtensor,
    indices_from_subtensor,
)

Kernel = Callable[..., Any]

# PyTensor's implementations, which those below call.
_any_vector = jax_funcify.dispatch(MakeVector)
_any_scalar = jax_funcify.dispatch(ScalarFromTensor)
_any_subtensor = jax_funcify.dispatch(Subtensor)
_any_inc_subtensor = jax_funcify.dispatch(IncSubtensor)


def refused(dtype: Any) -> Any:
    """Return the placeholder for a value that cannot be computed."""
    if jnp.issubdtype(dtype, jnp.inexact):
        return jnp.nan
    return jnp.iinfo(dtype).max if jnp.issubdtype(dtype, jnp.integer) else True


def is_known(*values: Any) -> bool:
    """Return whether all values are known when JAX compiles, like shapes."""
    return not any(isinstance(value, jax.core.Tracer) for value in jax.tree.leaves(values))


def early(kernel: Kernel, node: Any) -> Kernel:
    """Compute integers from known values when JAX compiles: they may become a shape."""
    if not all(output.dtype.startswith(("int", "uint")) for output in node.outputs):
        return kernel

    def kernel_of_shapes(*inputs: Any) -> Any:
        if not is_known(inputs):
            return kernel(*inputs)
        with jax.ensure_compile_time_eval():
            return kernel(*inputs)

    return kernel_of_shapes


@jax_funcify.register(MakeVector)
def make_vector(op: Any, node: Any, **kwargs: Any) -> Kernel:
    """Return a vector of numbers, for example a shape."""
    return early(_any_vector(op, node=node, **kwargs), node)


@jax_funcify.register(ScalarFromTensor)
def scalar_from_tensor(op: Any, node: Any, **kwargs: Any) -> Kernel:
    """Return a number, which may be the end of a slice."""
    compute = _any_scalar(op, node=node, **kwargs)
    return lambda x: numpy.asarray(x)[()] if is_known(x) else compute(x)


def _place(node: Any, x: Any, indices: Any) -> Any:
    """Return the indices into an array, and note those outside it."""
    place = indices_from_subtensor(indices, node.op.idx_list)
    axis = 0
    for index in place:
        numbers = numpy if is_known(index) else jnp
        if isinstance(index, slice):
            axis += 1
        elif numbers.asarray(index).dtype == "bool":
            axis += index.ndim
        else:
            _note_outside(node, numbers.asarray(index), axis, jnp.shape(x)[axis])
            axis += 1
    return place


def _note_outside(node: Any, index: Any, axis: int, size: int) -> None:
    wide = index.astype("int64")
    is_wrong = (wide < -size) | (wide >= size)
    if not (is_known(is_wrong) and not is_wrong.any()):
        note(node, is_wrong, lambda index: check_index(index, axis, size), index)


@jax_funcify.register(Subtensor)
@jax_funcify.register(AdvancedSubtensor)
def subtensor(op: Any, node: Any, **kwargs: Any) -> Kernel:
    """Return the indexed values, nan outside the array, where JAX would take the nearest."""
    compute = _any_subtensor(op, node=node, **kwargs)

    def kernel(x: Any, *indices: Any) -> Any:
        place = _place(node, x, indices)
        if is_known(indices):
            return compute(x, *indices)
        x = jnp.asarray(x)
        return x.at[place].get(mode="fill", fill_value=refused(x.dtype))

    return kernel


def _is_all(place: Any, shape: tuple[int, ...]) -> bool:
    """Return whether known slices select a whole array in its order."""
    return all(
        isinstance(index, slice) and index.indices(size) == (0, size, 1)
        for index, size in zip(place, shape)
    )


@jax_funcify.register(IncSubtensor)
@jax_funcify.register(AdvancedIncSubtensor)
def inc_subtensor(op: Any, node: Any, **kwargs: Any) -> Kernel:
    """Return an array with numbers added, or set, at indices.

    With one index per row, as in the gradient of ``T.log(p_y_given_x)[T.arange(n), y]``, all are
    added at once; where indices may coincide, a GPU adds serially, to be reproducible.
    """
    compute = _any_inc_subtensor(op, node=node, **kwargs)
    is_one_each = any(x.owner and isinstance(x.owner.op, ARange) for x in node.inputs[2:])

    def kernel(x: Any, y: Any, *indices: Any) -> Any:
        place = _place(node, x, indices)
        if is_known(indices) and _is_all(place, jnp.shape(x)):
            # As a scatter, XLA's compiler for the CPU may abort the process: in the gradient of a
            # backward loop, a reversed one of reversed values (jaxlib 0.12).
            y = jnp.broadcast_to(y, jnp.shape(x)).astype(x.dtype)
            return y if op.set_instead_of_inc else x + y
        if op.set_instead_of_inc or not is_one_each:
            return compute(x, y, *indices)
        return jnp.asarray(x).at[place].add(y, mode="drop", unique_indices=True)

    return kernel


@jax_funcify.register(CheckAndRaise)
def check_and_raise(op: Any, node: Any, **kwargs: Any) -> Kernel:
    """Return the value, with its check; PyTensor's own form checks nothing, and warns of it."""

    def fail(condition: Any) -> None:
        if not condition:
            raise op.exc_type(op.msg)

    def kernel(x: Any, *conditions: Any) -> Any:
        for condition in conditions:
            if not (is_known(condition) and condition):
                note(node, jnp.logical_not(condition), fail, condition)
        return x

    return kernel
