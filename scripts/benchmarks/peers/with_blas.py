"""The matrix products of the benchmark's loop alone, from the BLAS that this project links.

No peer, but the limit: nothing is computed but the products of an epoch, so
that there is no result.
"""

import ctypes
from pathlib import Path

import numpy
import protocol
import scipy_openblas32

LIBRARY = Path(scipy_openblas32.get_lib_dir(), f"lib{scipy_openblas32.get_library()}.so")
ROW_MAJOR, AS_IT_IS, TRANSPOSED = 101, 111, 112


def build(sets, options):
    library = ctypes.CDLL(str(LIBRARY))
    single = options.floatX == "float32"
    gemm = library.scipy_cblas_sgemm if single else library.scipy_cblas_dgemm
    real = ctypes.c_float if single else ctypes.c_double
    gemm.argtypes = [ctypes.c_int] * 6 + [real, ctypes.c_void_p, ctypes.c_int]
    gemm.argtypes += [ctypes.c_void_p, ctypes.c_int, real, ctypes.c_void_p, ctypes.c_int]
    gemm.restype = None
    B = options.batch_size
    layers = []  # W, and the output and its gradient
    for W in protocol.initial_params(options)[::2]:
        layers.append((W, *(numpy.zeros((B, W.shape[1]), W.dtype) for _ in range(2))))

    def product(a, b, out, transpose_a=False, transpose_b=False, rate=1.0, keep=0.0):
        m, n = out.shape
        k = a.shape[0] if transpose_a else a.shape[1]
        flags = [TRANSPOSED if flag else AS_IT_IS for flag in (transpose_a, transpose_b)]
        matrices = [value for x in (a, b) for value in (x.ctypes.data, x.shape[1])]
        gemm(ROW_MAJOR, *flags, m, n, k, rate, *matrices, keep, out.ctypes.data, n)

    def forward(x):
        for W, output, _ in layers:
            product(x, W, output)
            x = output

    def backward(x):
        inputs = [x, *(output for _, output, _ in layers)]
        for number in reversed(range(len(layers))):
            W, _, gradient = layers[number]
            if number:
                product(gradient, W, layers[number - 1][2], transpose_b=True)
            product(inputs[number], gradient, W, transpose_a=True, rate=-1e-9, keep=1.0)

    batches = [
        [x[start : start + B] for start in range(0, len(x), B)]
        for x in (numpy.ascontiguousarray(x) for x, _ in sets)
    ]

    def train_epoch():
        for x in batches[0]:
            forward(x)
            backward(x)

    def validation_error():
        for x in batches[1]:
            forward(x)
        return numpy.nan

    return train_epoch, validation_error


protocol.run(build, {"scipy-openblas32": scipy_openblas32.__version__})
