"""MRG31k3p, the random number generator of Theano's ``MRG_RandomStreams``, on PyTensor.

A stream's state is six 31-bit integers, the last three values of each of two linear recurrences;
its number is the difference of the two newest. A matrix of states, one stream per row, gives one
number per row at a time; a tensor is filled by the streams in turn. Multiplying a state by a
constant matrix advances it by ``2^72`` numbers.

References
----------
P. L'Ecuyer and R. Touzin, "Fast combined multiple recursive generators with multipliers of the
form a = +/- 2^d +/- 2^e", Proceedings of the 2000 Winter Simulation Conference.

>>> import numpy
>>> state = numpy.full((1, 6), 12345, "int32")
>>> [int(n) for n in draw(state, 3)]
[1579097239, 1319000434, 236390836]
"""

import zlib
from pathlib import Path
from typing import Any

import numpy
import theano
import theano.tensor as T
from pytensor.compile import optdb
from pytensor.graph import node_rewriter
from pytensor.graph.rewriting.basic import dfs_rewriter
from pytensor.tensor.basic import infer_static_shape

M1 = 2147483647  # 2^31 - 1
M2 = 2147462579  # 2^31 - 21069
_CODE = Path(__file__).with_suffix(".h").read_text(encoding="utf-8")
NORM = {"float32": 4.6566126e-10, "float64": 4.656612873077392578125e-10}  # 1 / 2^31


def draw(states: numpy.ndarray, n: int) -> numpy.ndarray:
    """Draw integers from 0 to M1, and advance the streams.

    Parameters
    ----------
    states : int32 matrix, ``(n_streams, 6)``
        Changed in place.
    n : int
        How many numbers; the first comes from the first stream.

    Returns
    -------
    int64 vector
    """
    numbers = numpy.empty(n, "int64")
    for start in range(0, n, len(states)):
        part = numbers[start : start + len(states)]
        states[: len(part)], part[:] = move_on(states[: len(part)])
    return numbers


def move_on(states: Any, xp: Any = numpy) -> tuple[Any, Any]:
    """Return the states after one number of each stream, and the numbers; `xp` may be jax.numpy."""

    def below(y: Any, m: int) -> Any:
        return xp.where(y >= m, y - m, y)

    def product(x: Any) -> Any:  # 2^15 x modulo M2
        return below(((x & 65535) << 15) + 21069 * (x >> 16), M2)

    x11, x12, x13, x21, x22, x23 = states.T.astype("int64")
    y1 = ((x12 & 511) << 22) + (x12 >> 9) + ((x13 & 16777215) << 7) + (x13 >> 24)
    y1 = below(below(y1, M1) + x13, M1)
    y2 = below(below(product(x23) + x23, M2) + product(x21), M2)
    moved = xp.stack([y1, x11, x12, y2, x21, x22], 1).astype("int32")
    return moved, xp.where(y1 <= y2, y1 - y2 + M1, y1 - y2)


class MrgUniform(theano.Op):
    """The operation: from the streams' states and a shape to the next states and the numbers."""

    __props__ = ("dtype", "ndim", "inplace")

    def __init__(self, dtype: str, ndim: int, inplace: bool = False) -> None:
        if dtype not in NORM:
            raise TypeError(f"dtype: got {dtype}, expected float32 or float64")
        self.dtype, self.ndim, self.inplace = dtype, ndim, inplace
        if inplace:
            self.destroy_map = {0: [0]}

    def make_node(self, states: Any, size: Any) -> Any:
        """Return the application of the operation to states and a vector of integers."""
        states = T.as_tensor_variable(states)
        size = T.cast(T.as_tensor_variable(size, ndim=1), "int64")
        _, shape = infer_static_shape([size[i] for i in range(self.ndim)])
        sample = T.tensor(dtype=self.dtype, shape=shape)
        return theano.Apply(self, [states, size], [states.type(), sample])

    def perform(self, node: Any, inputs: Any, outputs: Any, params: Any = None) -> None:
        """Compute the output with NumPy, for a machine without a compiler."""
        states, size = inputs
        n = int(numpy.prod(size))
        if n > M1:
            raise ValueError(f"size: got {n} numbers, expected at most {M1}")
        states = states if self.inplace else states.copy()
        sample = draw(states, n).astype(self.dtype) * numpy.array(NORM[self.dtype], self.dtype)
        outputs[0][0], outputs[1][0] = states, sample.reshape(size)

    def infer_shape(self, node: Any, shapes: Any) -> list[Any]:
        """Return the shape of the states, and the shape requested."""
        return [shapes[0], [node.inputs[1][i] for i in range(self.ndim)]]

    def connection_pattern(self, node: Any) -> list[list[bool]]:
        """Declare that nothing has a gradient."""
        return [[False, False], [False, False]]

    def c_code_cache_version(self) -> tuple[int, ...]:
        """Return a number that changes with the C code."""
        return (zlib.crc32(_CODE.encode()),)

    def c_support_code(self, **kwargs: Any) -> str:
        """Return the C functions."""
        return _CODE

    def c_code(self, node: Any, name: str, inputs: Any, outputs: Any, sub: Any) -> str:
        """Return the call of the C function."""
        number, [new_states, sample] = f"npy_{self.dtype}", outputs
        arguments = ", ".join([*inputs, f"&{new_states}", f"&{sample}", f"{self.inplace:d}"])
        arguments += f", NPY_{self.dtype.upper()}, ({number}){NORM[self.dtype]!r}"
        return f"if (!dltutorials::mrg_uniform<{number}>({arguments})) {sub['fail']}"


@node_rewriter([MrgUniform], inplace=True)
def make_inplace(fgraph: Any, node: Any) -> list[Any] | None:
    """Advance the streams in place: one of the last rewrites of a graph."""
    if node.op.inplace:
        return None
    return MrgUniform(node.op.dtype, node.op.ndim, inplace=True)(*node.inputs, return_list=True)


optdb.register(
    "mrg_make_inplace",
    dfs_rewriter(make_inplace, ignore_newtrees=True),
    "fast_run",
    "inplace",
    position=50.9,  # where PyTensor's own random operations are
)
