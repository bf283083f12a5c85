"""A check of indices from the data, before Numba uses them.

Numba reads and writes whatever is in memory where ``x[i, j]``, for vectors of indices,
points outside ``x``; PyTensor does not check. :func:`check_indices` makes this an ``IndexError``,
as in Theano: a late rewrite of the graph puts a :class:`CheckedIndex` before every such index.
Importing this module registers it.
"""

from typing import Any

import numpy
from pytensor.compile import optdb
from pytensor.graph import Apply, Op, node_rewriter
from pytensor.graph.rewriting.basic import dfs_rewriter
from pytensor.tensor.shape import Shape_i
from pytensor.tensor.subtensor import AdvancedIncSubtensor, AdvancedSubtensor


class OutOfBoundsError(IndexError):
    """An index outside an array, found during computation."""

    def __init__(self, *what: Any) -> None:
        # Numba passes numbers. PyTensor adds pages about the operation to the message.
        if len(what) == 1:
            super().__init__(str(what[0]).partition("\n")[0])
        else:
            index, axis, size = what
            super().__init__(f"index {index} is out of bounds for axis {axis} with size {size}")


def check_index(index: numpy.ndarray, axis: int, size: int) -> None:
    """Raise an error if an index lies outside an axis of this size."""
    wrong = index[(index < -size) | (index >= size)]
    if wrong.size:
        raise OutOfBoundsError(wrong.flat[0], axis, size)


class CheckedIndex(Op):
    """Returns an index if it fits the size of the axis, or raises an ``IndexError``."""

    __props__ = ("axis",)
    view_map = {0: [0]}  # noqa: RUF012 (PyTensor's protocol)

    def __init__(self, axis: int) -> None:
        self.axis = axis

    def make_node(self, index: Any, size: Any) -> Apply:
        """Return the application of the operation."""
        return Apply(self, [index, size], [index.type()])

    def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
        """Compute the output with NumPy."""
        index, size = inputs
        check_index(index, self.axis, size)
        outputs[0][0] = numpy.asarray(index)

    def infer_shape(self, node: Any, shapes: Any) -> list[Any]:
        """Return the shape of the index."""
        return shapes[:1]


@node_rewriter([AdvancedSubtensor, AdvancedIncSubtensor])
def check_indices(fgraph: Any, node: Any) -> list[Any] | None:
    """Put a check before each index of a node that has none yet."""
    n_arrays = 1 if isinstance(node.op, AdvancedSubtensor) else 2
    x, indices = node.inputs[0], list(node.inputs[n_arrays:])
    before = list(indices)
    axis = 0
    for entry in node.op.idx_list:
        if isinstance(entry, int):
            index = indices[entry]
            is_mask = index.dtype == "bool"
            if not is_mask and not _is_checked(index):
                indices[entry] = CheckedIndex(axis)(index, Shape_i(axis)(x))
            axis += index.ndim if is_mask else 1
        elif isinstance(entry, slice):
            axis += 1
    if indices == before:
        return None
    return [node.op(*node.inputs[:n_arrays], *indices)]


def _is_checked(index: Any) -> bool:
    return index.owner is not None and isinstance(index.owner.op, CheckedIndex)


# Before position 100, where an index may become part of a loop that Numba compiles.
optdb.register("check_indices", dfs_rewriter(check_indices), "numba", position=99)
