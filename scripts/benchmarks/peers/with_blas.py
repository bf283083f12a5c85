"""The matrix products of the benchmark's loop alone, from the BLAS that this project links.

No peer, but the limit: a loop in C (floor.c, compiled here) computes nothing but the products
of an epoch, so that there is no result.
"""

import ctypes
import subprocess
import tempfile
from pathlib import Path

import numpy
import protocol
import scipy_openblas32

LIBRARY = Path(scipy_openblas32.get_lib_dir(), f"lib{scipy_openblas32.get_library()}.so")


def compile_loop(real):
    """Return the loop, compiled for float or double."""
    source = Path(__file__).with_name("floor.c")
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder, "floor.so")
        options = ["-std=c99", "-O2", "-shared", "-fPIC", f"-DREAL={real}"]
        subprocess.run(["cc", *options, "-o", str(library), str(source)], check=True)
        return ctypes.CDLL(str(library)).run_epoch


def build(sets, options):
    blas = ctypes.CDLL(str(LIBRARY))
    is_single = options.floatX == "float32"
    gemm = blas.scipy_cblas_sgemm if is_single else blas.scipy_cblas_dgemm
    loop = compile_loop("float" if is_single else "double")
    B = options.batch_size
    Ws = protocol.initial_params(options)[::2]
    sizes = (ctypes.c_int * (len(Ws) + 1))(options.n_in, *(W.shape[1] for W in Ws))
    layers = [Ws, *([numpy.zeros((B, W.shape[1]), W.dtype) for W in Ws] for _ in range(2))]
    images = [numpy.ascontiguousarray(x) for x, _ in sets]

    def run_epoch(x, is_training):
        # Addresses keep no array alive; this function, which refers to the arrays, does.
        pointers = [(ctypes.c_void_p * len(Ws))(*(y.ctypes.data for y in ys)) for ys in layers]
        place = ctypes.c_void_p(x.ctypes.data)
        loop(gemm, place, len(x) // B, B, len(Ws), sizes, *pointers, int(is_training))

    def validation_error():
        run_epoch(images[1], is_training=False)
        return numpy.nan

    return lambda: run_epoch(images[0], is_training=True), validation_error


protocol.run(build, {"scipy-openblas32": scipy_openblas32.__version__})
