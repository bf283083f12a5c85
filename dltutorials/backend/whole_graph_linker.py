"""One C module for a whole compiled function.

Theano's virtual machine has a C module for each operation of a function. Most of the time to
compile one goes into Python's and NumPy's headers, the same for all; and each training step calls
the modules one by one. :class:`WholeGraphLinker` makes a single module of all operations. Their
code, and so the result, stays the same.

It does so only if every operation is one that the tutorial's models need and the tests compare.
Others may lack C code or, like ``Alloc`` and ``Subtensor`` of anything but an input, need the
Python object of an intermediate result, which does not exist inside a module; functions with one
of those are left to the virtual machine.

>>> import theano, theano.tensor as T
>>> x = T.dvector("x")
>>> f = theano.function([x], T.sum(x**2), mode=default_mode())
>>> f([1.0, 2.0]).tolist()
5.0
>>> is_whole_graph(f)
True
"""

from typing import Any

from dltutorials.backend.flags import UserSettings
from dltutorials.backend.labels import CheckedLabels
from dltutorials.backend.narrow_layer import NarrowLayer
from dltutorials.backend.sum_of_squares import SumOfSquares
from dltutorials.backend.vector_functions import VectorFunction

import theano
from theano.compile.ops import DeepCopyOp, Shape_i
from theano.gof.cc import CLinker
from theano.gof.vm import VM_Linker
from theano.tensor.basic import Argmax, ScalarFromTensor, TensorFromScalar
from theano.tensor.blas import Dot22, Dot22Scalar, Gemm, Gemv, Ger
from theano.tensor.elemwise import CAReduce, DimShuffle, Elemwise
from theano.tensor.nnet import nnet
from theano.tensor.subtensor import Subtensor

_OPERATIONS = (
    *(Elemwise, CAReduce, DimShuffle, Subtensor, Argmax),
    *(SumOfSquares, CheckedLabels, VectorFunction, NarrowLayer),
    *(Dot22, Dot22Scalar, Gemm, Gemv, Ger),
    *(nnet.Softmax, nnet.SoftmaxWithBias, nnet.SoftmaxGrad),
    *(nnet.CrossentropySoftmaxArgmax1HotWithBias, nnet.CrossentropySoftmax1HotWithBiasDx),
    *(DeepCopyOp, Shape_i, ScalarFromTensor, TensorFromScalar),
)


class WholeGraphLinker(VM_Linker):
    """Theano's virtual machine, except that functions become one C module where possible."""

    def make_thunk(self, **storage: Any) -> Any:
        """Return a callable that runs the function, and its inputs and outputs."""
        if not all(map(_can_join, self.fgraph.apply_nodes)):
            return super().make_thunk(**storage)
        linker = _OneModuleCLinker(schedule=self.schedule)
        linker = linker.accept(self.fgraph, self.no_recycling)
        try:
            thunk, inputs, outputs = linker.make_thunk(**storage)
        except Exception:  # the compiler may fail on so much code at once
            return super().make_thunk(**storage)
        old = dict(zip(self.fgraph.inputs, inputs))
        new = dict(zip(self.fgraph.outputs, outputs))
        updates = [(old[x].storage, new[y].storage) for x, y in self.updated_vars.items()]
        return _Runner(thunk, updates), inputs, outputs


def _can_join(node: Any) -> bool:
    is_view = isinstance(node.op, Subtensor)
    return isinstance(node.op, _OPERATIONS) and not (is_view and node.inputs[0].owner)


class _OneModuleCLinker(CLinker):
    def compile_args(self) -> list[str]:
        # After a hundred error checks, the compiler guesses that what follows hardly ever runs,
        # and optimizes it for size.
        return [*super().compile_args(), "-fno-guess-branch-probability"]


class _Runner:
    """The module, and the updates of shared variables, which Theano would make more slowly."""

    need_update_inputs = False

    def __init__(self, thunk: Any, updates: list[tuple[list[Any], list[Any]]]) -> None:
        self.thunk, self.updates, self.nodes = thunk, updates, thunk.nodes

    def __call__(self) -> None:
        self.thunk()
        values = [new[0] for _, new in self.updates]  # all are read before any is changed
        for (old, _), value in zip(self.updates, values):
            old[0] = value

    @property
    def position_of_error(self) -> int:
        return self.thunk.position_of_error


def default_mode() -> Any:
    """Return Theano's default mode with this linker, unless the user has chosen another.

    Returns
    -------
    theano.compile.mode.Mode
        Unchanged if the user has set ``mode``, ``linker`` or ``profile``, or if there is no
        compiler.
    """
    mode = theano.compile.mode.get_default_mode()
    config = theano.config
    user = UserSettings()
    if config.profile or not config.cxx:
        return mode
    if "linker" in user or "mode" in user or mode.provided_linker != "cvm":
        return mode
    linker = WholeGraphLinker(use_cloop=True)
    return theano.Mode(linker=linker, optimizer=mode.provided_optimizer)


def is_whole_graph(function: Any) -> bool:
    """Return whether a compiled function is one C module."""
    return isinstance(function.fn, _Runner)
