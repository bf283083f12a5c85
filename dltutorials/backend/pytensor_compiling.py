"""The PyTensor side of :mod:`dltutorials.backend.compiling`.

>>> import theano
>>> W = theano.shared(3.0)
>>> float(theano.function([], sum_of_squares(W), mode=default_mode())())
9.0
"""

import importlib
import sys
from typing import Any

from dltutorials.exceptions import SetupError
from dltutorials.types import Expression


def default_mode() -> None:
    """Return the mode for compiled functions: PyTensor's own default."""


def sum_of_squares(x: Expression) -> Expression:
    """Return ``T.sum(x**2)``, for a matrix as a product with ones.

    Numba adds one number after another, each addition waiting for the one before; the BLAS does
    not. With Numba's sum, a step of the multilayer perceptron took 1.4 x the time.
    """
    T = sys.modules["theano.tensor"]
    squares = T.as_tensor_variable(x) ** 2
    if squares.ndim == 2 and squares.dtype in ("float32", "float64"):
        return T.sum(T.dot(squares, T.ones((squares.shape[1],), squares.dtype)))
    return T.sum(squares)


def load_kernels_at_first_use() -> None:
    """Register our Numba code only when Numba itself is imported, which takes half a second."""
    linker = importlib.import_module("pytensor.link.numba.linker").NumbaLinker
    convert = linker.fgraph_convert

    def fgraph_convert(self: Any, fgraph: Any, **options: Any) -> Any:
        try:
            for name in ("numba_kernels", "numba_functions", "lazy_numba", "pytensor_numba"):
                importlib.import_module(f"dltutorials.backend.{name}")
        except ImportError as error:  # from a Numba older than NumPy, for example
            raise SetupError(
                f"Numba, which compiles for PyTensor, cannot be imported: {error}; "
                "pip install --upgrade numba numpy, or set THEANO_FLAGS=linker=cvm"
            ) from error
        return convert(self, fgraph, **options)

    linker.fgraph_convert = fgraph_convert
