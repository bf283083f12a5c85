"""The compiler and the BLAS for an engine: native code on this machine.

The ``scipy-openblas32`` package carries a current OpenBLAS whose functions have
the prefix ``scipy_``; compiler definitions map the names in Theano's and PyTensor's C code to
those. Its threads are made to sleep within a millisecond of a product; by default they spin for
tens of them, which makes a training run slower on a busy machine. Their number is left to OpenBLAS
or the user, since the last digits of the results depend on it. Products of few rows are divided
among threads of our own (:mod:`dltutorials.backend.few_rows`).
"""

import contextlib
import ctypes
import os
import shutil
import sys
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dltutorials.backend.flags import environment
from dltutorials.backend.theano_patches import cached_answer

# Everything the C code calls; scipy-openblas32 has them as scipy_sgemm_ etc.
_BLAS_FUNCTIONS = "sgemm dgemm sgemv dgemv sger dger sdot ddot saxpy daxpy"
RENAMES = " ".join(f"-D{name}_=scipy_{name}_" for name in _BLAS_FUNCTIONS.split())
_TIMEOUT = "OPENBLAS_THREAD_TIMEOUT"
_BLAS_TEST = """
extern "C" double ddot_(const int*, const double*, const int*, const double*, const int*);
int main() { return ddot_(0, 0, 0, 0, 0) != 0; }
"""


class SlowTheanoWarning(UserWarning):
    """Theano works, but slower than it could; the message says what to do."""


def can_compile() -> bool:
    """Return whether there is a C++ compiler with the headers it needs; warn if not."""
    compiler = "clang++" if sys.platform == "darwin" else "g++"
    missing = None
    if not (shutil.which(compiler) or shutil.which("g++")):
        missing = f"no C++ compiler ({compiler}; for example: apt install g++)"
    elif not Path(sysconfig.get_path("include"), "Python.h").exists():
        missing = "no C headers of this Python (for example: apt install python3-dev)"
    if missing:
        warnings.warn(
            f"there is {missing}; until then Theano computes in Python, many times slower",
            SlowTheanoWarning,
            stacklevel=6,
        )
    return missing is None


@contextlib.contextmanager
def short_thread_timeout() -> Iterator[None]:
    """Let an OpenBLAS loaded within the block put its threads to sleep after 2 ** 20 ticks."""
    with environment(_TIMEOUT, os.environ.get(_TIMEOUT, "20")):
        yield


def fast_blas(is_loaded: bool = True) -> str:
    """Return the linker flags for scipy-openblas32, or an empty string if it cannot be linked.

    Parameters
    ----------
    is_loaded : bool
        Whether to load it now, before C code linked with it does.
    """
    # The library reads its environment when it is loaded.
    with short_thread_timeout():
        try:
            import scipy_openblas32
        except ImportError:
            warn_of_numpy_blas("scipy-openblas32 is not installed")
            return ""
        folder, library = scipy_openblas32.get_lib_dir(), scipy_openblas32.get_library()
        if is_loaded:
            with contextlib.suppress(OSError):  # a file of another name is loaded by the C code
                ctypes.CDLL(os.path.join(folder, f"lib{library}.so"))
    # Theano splits THEANO_FLAGS at commas and the linker's options at spaces.
    if any(character in folder for character in " \t\n,'\"\\"):
        warn_of_numpy_blas(f"Theano cannot link from a path with spaces or quotes ({folder})")
        return ""
    return f"-L{folder} -l{library}"


def warn_of_numpy_blas(reason: str) -> None:
    """Say why the fast BLAS is not used."""
    warnings.warn(
        f"{reason}: Theano uses NumPy's BLAS, which is slower", SlowTheanoWarning, stacklevel=6
    )


def drop_unlinkable_blas(theano: Any, compiler: Any) -> None:
    """Remove the flags of the fast BLAS, with a warning, if it cannot be linked."""
    if theano.config.blas.ldflags and theano.config.cxx and not _links(theano, compiler):
        warn_of_numpy_blas("linking scipy-openblas32 failed")
        theano.config.blas.ldflags = ""


def _links(theano: Any, compiler: Any) -> bool:
    """Try to link, once per machine: the engine's cache folder keeps the answer."""
    flags = theano.config.blas.ldflags.split()
    question = f"{theano.config.cxx} {flags} {os.stat(flags[0][2:]).st_mtime_ns}"

    def link() -> bool:
        return bool(compiler.try_compile_tmp(_BLAS_TEST, tmp_prefix="dltutorials_", flags=flags))

    return cached_answer(theano, "blas-links", question, link)
