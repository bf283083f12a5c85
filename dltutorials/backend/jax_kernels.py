"""JAX implementations of our own operations, and of some of PyTensor's.

JAX compiles for fixed shapes, and cannot raise an error while it computes. Where PyTensor's C and
Numba raise one, the result here is nan, or for integers the largest value, never a plausible
number; the error follows (:mod:`dltutorials.backend.jax_faults`). Importing this module registers
all.
"""

import math
from collections import Counter
from typing import Any

from dltutorials.backend.convolution import Conv2d, Conv2dInputGradient, Conv2dWeightGradient
from dltutorials.backend.jax_faults import note
from dltutorials.backend.jax_indices import Kernel, early, refused
from dltutorials.backend.labels import CheckedLabels, LabelError
from dltutorials.backend.pooling import MaxPool2d, MaxPool2dGradient
from dltutorials.backend.random_streams import RandomFunction
from dltutorials.exceptions import OptionError

import jax
import jax.numpy as jnp
import numpy
from pytensor.compile import optdb
from pytensor.graph import Apply, Constant, Op, node_rewriter
from pytensor.graph.rewriting.basic import dfs_rewriter
from pytensor.link.jax.dispatch import jax_funcify
from pytensor.scalar import Add, Cast, Mul, Sub
from pytensor.tensor import as_tensor_variable
from pytensor.tensor.basic import ScalarFromTensor, TensorFromScalar
from pytensor.tensor.elemwise import CAReduce, Elemwise
from pytensor.tensor.subtensor import Subtensor, indices_from_subtensor
from pytensor.tensor.type import TensorType

_LINEAR = (Add, Sub, Mul, ScalarFromTensor, TensorFromScalar)

# PyTensor's implementations, which those below call.
_any_elemwise = jax_funcify.dispatch(Elemwise)
_any_reduction = jax_funcify.dispatch(CAReduce)


class Rows(Op):
    """A fixed number of rows of an array, from a given first row on.

    JAX cannot compile ``x[first:first + n_rows]``, which could have any number of rows.
    """

    __props__ = ("n_rows",)

    def __init__(self, n_rows: int) -> None:
        self.n_rows = n_rows

    def make_node(self, x: Any, first: Any) -> Apply:
        """Return the application of the operation."""
        x, first = as_tensor_variable(x), as_tensor_variable(first)
        output = TensorType(x.dtype, (self.n_rows, *x.type.shape[1:]))()
        return Apply(self, [x, first], [output])

    def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
        """Compute the output with NumPy."""
        x, first = inputs
        outputs[0][0] = numpy.ascontiguousarray(x[first : first + self.n_rows])

    def infer_shape(self, node: Any, shapes: Any) -> list[Any]:
        """Return the shape of the rows."""
        return [(self.n_rows, *shapes[0][1:])]


@jax_funcify.register(Rows)
def rows(op: Any, node: Any = None, **kwargs: Any) -> Kernel:
    """Return the slice; JAX alone would shift one that reaches beyond the end."""
    n_rows = op.n_rows

    def kernel(x: Any, first: Any) -> Any:
        wanted = jax.lax.dynamic_slice_in_dim(x, first, n_rows)
        is_there = (first >= 0) & (first <= x.shape[0] - n_rows)
        return jnp.where(is_there, wanted, refused(x.dtype))

    return kernel


@node_rewriter([Subtensor])
def rows_of_a_minibatch(fgraph: Any, node: Apply) -> list[Any] | None:
    """Replace ``x[i * n : (i + 1) * n]``, where the number of rows is known, by :class:`Rows`."""
    [index, *others] = indices_from_subtensor(node.inputs[1:], node.op.idx_list)
    if others or not isinstance(index, slice) or None in (index.start, index.stop):
        return None
    first, terms = _terms(index.start), _terms(index.stop)
    terms.subtract(first)
    n_rows = terms.pop(None, 0)
    if index.step is not None or set(first) <= {None} or any(terms.values()) or n_rows < 1:
        return None
    return [Rows(n_rows)(node.inputs[0], index.start)]


# Before two slices of one array become one.
optdb.register("rows_of_a_minibatch", dfs_rewriter(rows_of_a_minibatch), "jax", position=0.5)


def _terms(number: Any) -> Counter:
    """Return an integer as a sum: the factor of each variable, and that of 1 under None."""
    if isinstance(number, Constant):
        return Counter({None: int(number.data)})
    inputs = number.owner.inputs if number.owner else []
    op = getattr(number.owner.op, "scalar_op", number.owner.op) if number.owner else None
    parts = [_terms(each) for each in inputs] if isinstance(op, _LINEAR) else []
    if isinstance(op, Sub):
        parts[1] = Counter({name: -factor for name, factor in parts[1].items()})
    if isinstance(op, Mul):
        parts.sort(key=lambda part: set(part) <= {None})  # the variables first
        if any(set(part) - {None} for part in parts[1:]):
            return Counter({number: 1})
        by = math.prod(part[None] for part in parts[1:])
        return Counter({name: factor * by for name, factor in parts[0].items()})
    if not parts:
        return Counter({number: 1})
    total: Counter = Counter()
    for part in parts:
        total.update(part)
    return total


@jax_funcify.register(CheckedLabels)
def checked_labels(op: Any, node: Any, **kwargs: Any) -> Kernel:
    """Return the labels, and for wrong ones a number beyond any array."""

    def check(*inputs: Any) -> None:
        op.perform(node, inputs, [[None]])

    def kernel(y: Any, n_rows: Any, n_out: Any) -> Any:
        n_labels = y.shape[0]
        if not isinstance(n_rows, jax.core.Tracer) and n_labels != int(n_rows):
            raise LabelError(n_labels, int(n_rows))
        labels, n_out = y.astype("int64"), jnp.asarray(n_out, "int64")  # as large as UNLIMITED
        is_wrong = (labels < 0) | (labels >= n_out) | (n_labels != n_rows)
        note(node, is_wrong, check, y, n_rows, n_out)
        return jnp.where(is_wrong, refused(labels.dtype), labels)

    return kernel


@jax_funcify.register(Elemwise)
def elemwise(op: Any, node: Any, **kwargs: Any) -> Kernel:
    """Return numbers of the type NumPy gives: float64 for an int64 and a float32."""
    compute = _any_elemwise(op, node=node, **kwargs)
    dtype = node.outputs[0].dtype
    is_mixed = dtype == "float64" and all(x.dtype != dtype for x in node.inputs)

    def kernel(*inputs: Any) -> Any:
        if is_mixed and not isinstance(op.scalar_op, Cast):
            inputs = tuple(jnp.asarray(x, dtype) for x in inputs)
        result = compute(*inputs)
        return result.astype(dtype) if isinstance(result, jax.Array) else result

    return early(kernel, node)


@jax_funcify.register(CAReduce)
def reduce(op: Any, node: Any, **kwargs: Any) -> Kernel:
    """Return sums and the like, accumulated in PyTensor's type; JAX's own form rounds."""
    compute = _any_reduction(op, node=node, **kwargs)
    [x], [output] = node.inputs, node.outputs
    added_in = getattr(op, "acc_dtype", None) or x.dtype

    def kernel(x: Any) -> Any:
        return jnp.asarray(compute(jnp.asarray(x, added_in)), output.dtype)

    return early(kernel, node)


@jax_funcify.register(RandomFunction)
def random_function(op: Any, node: Any = None, **kwargs: Any) -> Kernel:
    """Refuse streams whose numbers NumPy draws, away from the device."""
    raise OptionError(
        "theano.tensor.shared_randomstreams: NumPy draws its numbers, which JAX cannot; take "
        "theano.sandbox.rng_mrg.MRG_RandomStreams, whose numbers are drawn on the device"
    )


def _convolve(x: Any, W: Any, padding: Any = "VALID") -> Any:
    return jax.lax.conv_general_dilated(x, W, (1, 1), padding)


@jax_funcify.register(Conv2d)
def conv2d(op: Any, node: Any = None, **kwargs: Any) -> Kernel:
    """Return the convolution; JAX's does not flip the filters."""

    def kernel(x: Any, W: Any) -> Any:
        if x.shape[1] != W.shape[1]:
            raise ValueError("conv2d: images and filters differ in the number of channels")
        if x.shape[2] < W.shape[2] or x.shape[3] < W.shape[3]:
            raise ValueError("conv2d: the images are smaller than the filters")
        return _convolve(x, W[:, :, ::-1, ::-1])

    return kernel


@jax_funcify.register(Conv2dWeightGradient)
def conv2d_weight_gradient(op: Any, node: Any = None, **kwargs: Any) -> Kernel:
    """Return the gradient for the filters: a convolution with images and channels swapped."""

    def kernel(x: Any, dz: Any) -> Any:
        dW = _convolve(x.swapaxes(0, 1), dz.swapaxes(0, 1))
        return dW.swapaxes(0, 1)[:, :, ::-1, ::-1]

    return kernel


@jax_funcify.register(Conv2dInputGradient)
def conv2d_input_gradient(op: Any, node: Any = None, **kwargs: Any) -> Kernel:
    """Return the gradient for the images: a convolution of the padded output gradient."""

    def kernel(W: Any, dz: Any) -> Any:
        return _convolve(dz, W.swapaxes(0, 1), [(n - 1, n - 1) for n in W.shape[2:]])

    return kernel


@jax_funcify.register(MaxPool2d)
def max_pool_2d(op: Any, node: Any = None, **kwargs: Any) -> Kernel:
    """Return the maximum of each window, with NumPy's functions."""
    return op.compute


@jax_funcify.register(MaxPool2dGradient)
def max_pool_2d_gradient(op: Any, node: Any = None, **kwargs: Any) -> Kernel:
    """Return the gradient for the maps: all maxima of a window that tie receive it."""

    def kernel(x: Any, z: Any, dz: Any) -> Any:
        top, gradient = (a.repeat(op.rows, 2).repeat(op.columns, 3) for a in (z, dz))
        height, width = top.shape[2:]
        dx = jnp.where(x[:, :, :height, :width] == top, gradient, 0)
        return jnp.pad(dx, [(0, 0), (0, 0), (0, x.shape[2] - height), (0, x.shape[3] - width)])

    return kernel
