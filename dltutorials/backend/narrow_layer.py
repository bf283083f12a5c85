"""A layer with few outputs on the data: cost and gradient in one pass over the examples.

Theano multiplies the examples by the weights, then reads them from memory a second time for the
gradient, while OpenBLAS is far from its speed with ten columns. The operation here takes a block of
examples at a time (``narrow_layer.h``), on as many threads as OpenBLAS would; its result does not
depend on their number.

At the end of Theano's optimization, it takes the place of five operations: the product, softmax and
negative log-likelihood, its gradient of the scores, and from that the gradients of the weights and
of the biases. All must be float32, nothing else may use what lies between, the examples must be a
minibatch of at least 100 of a data set, and the weights a shared variable with at most 16 columns:
with fewer rows or more columns, OpenBLAS is as fast. Anything else stays as it is, and so does
everything with ``THEANO_FLAGS=optimizer_excluding=narrow_layer``. If the code does not compile,
NumPy computes the operation.
"""

import zlib
from pathlib import Path
from typing import Any

from dltutorials.backend.labels import CheckedLabels

import numpy
import theano
import theano.tensor as T
from theano.compile import optdb
from theano.gof.graph import ancestors
from theano.gof.opt import MergeOptimizer, SeqOptimizer, in2out, local_optimizer
from theano.tensor.blas import Dot22, Gemm
from theano.tensor.elemwise import DimShuffle, Sum
from theano.tensor.nnet import nnet
from theano.tensor.subtensor import AdvancedSubtensor1, Subtensor, get_idx_list

MIN_ROWS, MAX_OUTPUTS = 100, 16
_FILES = ("vector_functions.h", "parallel.h", "narrow_layer.h")
_CODE = [Path(__file__).with_name(name).read_text(encoding="utf-8") for name in _FILES]


class NarrowLayer(theano.Op):
    """The operation: the negative log-likelihoods of the rows, and the gradients of `W` and `b`.

    Its inputs are `x`, `W`, `b`, the labels, and the gradient of each negative log-likelihood, one
    number.
    """

    __props__ = ()

    def make_node(self, x: Any, W: Any, b: Any, y: Any, scale: Any) -> Any:
        """Return the application of the operation."""
        return theano.Apply(self, [x, W, b, y, scale], [T.fvector(), T.fmatrix(), T.fvector()])

    def perform(self, node: Any, inputs: Any, outputs: Any, params: Any = None) -> None:
        """Compute the outputs with NumPy, for a machine without a compiler."""
        x, W, b, y, scale = inputs
        scores, rows = x @ W + b, numpy.arange(len(x))
        scores -= scores.max(axis=1, keepdims=True)
        exponentials = numpy.exp(scores)
        sums = exponentials.sum(axis=1, keepdims=True)
        delta = scale.item() * (exponentials / sums)
        delta[rows, y] -= scale.item()
        outputs[0][0] = numpy.log(sums[:, 0]) - scores[rows, y]
        outputs[1][0], outputs[2][0] = x.T @ delta, delta.sum(axis=0, dtype="float64").astype("f")

    def infer_shape(self, node: Any, shapes: Any) -> list[Any]:
        """Return one number a row, and the shapes of `W` and `b`."""
        return [(shapes[0][0],), shapes[1], shapes[2]]

    def make_c_thunk(self, *arguments: Any) -> Any:
        """Compile the operation by itself; if this fails, let Theano call :meth:`perform`."""
        try:
            return super().make_c_thunk(*arguments)
        except Exception as error:
            raise NotImplementedError(str(error)) from error

    def c_code_cache_version(self) -> tuple[int, ...]:
        """Return a number that changes with the C code."""
        return (1, *(zlib.crc32(code.encode()) for code in _CODE))

    def c_support_code(self) -> str:
        """Return the loops."""
        return "\n".join(_CODE)

    def c_libraries(self) -> list[str]:
        """Return the BLAS libraries to link: one of them knows the number of threads."""
        return T.blas.ldflags()

    def c_lib_dirs(self) -> list[str]:
        """Return the folders of the BLAS."""
        return T.blas.ldflags(libs=False, libs_dir=True)

    def c_compile_args(self) -> list[str]:
        """Return the compiler options of the BLAS."""
        return [*T.blas.ldflags(libs=False, flags=True), "-pthread"]

    def c_code(self, node: Any, name: str, inputs: Any, outputs: Any, sub: Any) -> str:
        """Return the call of the loops."""
        arguments = ", ".join([*inputs, *(f"&{output}" for output in outputs)])
        label = f"npy_{node.inputs[3].dtype}"
        return f"if (!dltutorials::narrow_layer<{label}>({arguments})) {sub['fail']}"


@local_optimizer([nnet.CrossentropySoftmax1HotWithBiasDx])
def _fuse(node: Any) -> dict[Any, Any] | None:
    """Replace the operations around the gradient of the scores, `node`."""
    if not isinstance(node.op, nnet.CrossentropySoftmax1HotWithBiasDx):
        return None
    [scale, p_y_given_x, y], [delta] = node.inputs, node.outputs
    layer = p_y_given_x.owner
    if not _is_narrow(layer) or layer.inputs[2] is not y or scale.type.broadcastable != (True,):
        return None
    product, b, _ = layer.inputs
    x, W = product.owner.inputs
    between = [(product, [layer]), (p_y_given_x, [node]), (layer.outputs[2], [])]
    if any([n for n, _ in v.clients] != users for v, users in between):
        return None
    if layer in [v.owner for v in ancestors([scale])]:  # a cost that is not linear
        return None
    nll, gradient_W, gradient_b = NarrowLayer()(x, W, b, y, scale)
    new = {layer.outputs[0]: nll}
    for user, _ in delta.clients:
        value = _result(user, x, delta, gradient_W, gradient_b)
        if value is None:
            return None
        new[user.outputs[0]] = value
    return new


def _is_narrow(layer: Any) -> bool:
    """Return whether a node is a layer with few outputs on the data, with its softmax."""
    if layer is None or not isinstance(layer.op, nnet.CrossentropySoftmaxArgmax1HotWithBias):
        return False
    product, b, y = layer.inputs
    if not (product.owner and isinstance(product.owner.op, Dot22)):
        return False
    x, W = product.owner.inputs
    is_checked = y.owner is not None and isinstance(y.owner.op, CheckedLabels)
    if {v.dtype for v in (x, W, b, layer.outputs[0])} != {"float32"} or not is_checked:
        return False
    if _n_rows(x) < MIN_ROWS:
        return False
    return hasattr(W, "get_value") and W.get_value(borrow=True).shape[1] <= MAX_OUTPUTS


def _n_rows(x: Any) -> int:
    """Return the number of rows of a minibatch, ``data[i : i + n_rows]``, or 0 if it is none."""
    node = x.owner
    if node is not None and isinstance(node.op, AdvancedSubtensor1):  # rows in another order
        return _n_rows(node.inputs[1])
    if node is None or not isinstance(node.op, Subtensor) or node.inputs[0].owner:
        return 0
    [rows, *columns] = get_idx_list(node.inputs, node.op.idx_list)
    ends: list[Any] = [getattr(rows, name, None) for name in ("start", "stop")]
    if columns or any(getattr(end, "owner", None) is None for end in ends):
        return 0
    start, stop = (end.owner.inputs[0] for end in ends)
    terms = (
        stop.owner.inputs if stop.owner and str(stop.owner.op).startswith("Elemwise{add") else []
    )
    numbers = [term.data for term in terms if isinstance(term, T.Constant) and term.data.size == 1]
    return int(numbers[0]) if start in terms and numbers and rows.step is None else 0


def _result(user: Any, x: Any, delta: Any, gradient_W: Any, gradient_b: Any) -> Any:
    """Return what an operation on the gradient of the scores computes from it, or None."""
    op = getattr(user, "op", None)
    if isinstance(op, Sum) and op.axis == (0,) and user.outputs[0].dtype == "float32":
        return gradient_b
    if isinstance(op, Dot22) and _is_transposed(user.inputs[0], x) and user.inputs[1] is delta:
        return gradient_W
    if isinstance(op, Gemm) and _is_transposed(user.inputs[2], x) and user.inputs[3] is delta:
        W, factor, _, _, decay = user.inputs
        return decay * W + factor * gradient_W
    return None


def _is_transposed(matrix: Any, x: Any) -> bool:
    """Return whether a variable is ``x.T``."""
    node = matrix.owner
    is_it = node is not None and isinstance(node.op, DimShuffle) and node.inputs[0] is x
    return is_it and node.op.new_order == (1, 0)


# After "specialize_device" (48.6), before "elemwise_fusion" (49).
_optimizer = SeqOptimizer(MergeOptimizer(), in2out(_fuse))  # cost and gradient share their softmax
optdb.register("narrow_layer", _optimizer, 48.9, "fast_run")
