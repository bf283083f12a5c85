"""The common base of convolution and pooling: operations on batches of images.

Theano's convolution extracts the patches of one image at a time, and its pooling checks for every
number where its window ends; PyTensor has neither. An :class:`ImageOperation` has loops in C for
Theano and PyTensor's C backend (``convolution.h`` and ``pooling.h``), which threads share
(``parallel.h``), and in Numba for PyTensor
(:mod:`dltutorials.backend.image_operation_numba`). Without a compiler, NumPy computes it.
"""

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import theano
import theano.tensor as T


def read_header(path: str) -> str:
    """Return the C code beside a module with this path."""
    return Path(path).with_suffix(".h").read_text(encoding="utf-8")


_CODE = read_header(__file__) + Path(__file__).with_name("parallel.h").read_text(encoding="utf-8")


class ImageOperation(theano.Op):
    """An operation on 4-d tensors of one dtype, whose loops are a C function."""

    __props__: tuple[str, ...] = ()
    _uses_blas = True
    _broadcastable: Callable  # which dimensions of the output are known to be 1
    compute: Callable  # the output, with NumPy
    _gradients: Callable  # of the inputs, from them and the gradient of the output
    _c_code: str  # C functions
    _c_function: Callable  # the name of one of them, for a number type

    def make_node(self, *inputs: Any) -> Any:
        """Return the application of the operation to its inputs."""
        inputs = tuple(map(T.as_tensor_variable, inputs))
        dtypes = {x.dtype for x in inputs}
        if any(x.ndim != 4 for x in inputs) or dtypes not in ({"float32"}, {"float64"}):
            shown = ", ".join(f"{x.dtype} of {x.ndim} dimensions" for x in inputs)
            raise TypeError(
                f"{type(self).__name__}: got {shown}; expected tensors of 4 dimensions, "
                "all float32 or all float64"
            )
        pattern = self._broadcastable(*(x.broadcastable for x in inputs))
        output = T.TensorType(inputs[0].dtype, pattern)()
        return theano.Apply(self, list(inputs), [output])

    def perform(self, node: Any, inputs: Any, outputs: Any, params: Any = None) -> None:
        """Compute the output with NumPy, for a machine without a compiler."""
        outputs[0][0] = numpy.ascontiguousarray(self.compute(*inputs))

    def grad(self, inputs: Any, output_gradients: Any) -> list[Any]:
        """Return the gradient for each input."""
        return self._gradients(*inputs, *output_gradients)

    def pullback(self, inputs: Any, outputs: Any, output_gradients: Any) -> list[Any]:
        """Return the gradient for each input, under PyTensor's name."""
        return self._gradients(*inputs, *output_gradients)

    def c_code_cache_version(self) -> tuple[int, ...]:
        """Return a number that changes with the C code."""
        return (zlib.crc32(self.c_support_code().encode()),)

    def c_support_code(self, **kwargs: Any) -> str:
        """Return the C functions."""
        return _CODE + self._c_code

    def c_libraries(self, **kwargs: Any) -> list[str]:
        """Return the BLAS libraries to link."""
        return T.blas.ldflags()

    def c_lib_dirs(self, **kwargs: Any) -> list[str]:
        """Return the folders of the BLAS."""
        return T.blas.ldflags(libs=False, libs_dir=True)

    def c_compile_args(self, **kwargs: Any) -> list[str]:
        """Return the compiler options of the BLAS."""
        return [*T.blas.ldflags(libs=False, flags=True), "-pthread"]

    def c_code(self, node: Any, name: str, inputs: Any, outputs: Any, sub: Any) -> str:
        """Return the call of the C function; without a BLAS, report that there is no C code."""
        if self._uses_blas and not theano.config.blas.ldflags:
            return super().c_code(node, name, inputs, outputs, sub)
        function = self._c_function(f"npy_{node.inputs[0].dtype}")
        arguments = ", ".join([*inputs, f"&{outputs[0]}"])
        return f"if (!dltutorials::{function}({arguments})) {sub['fail']}"
