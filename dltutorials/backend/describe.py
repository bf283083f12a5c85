"""A description of the backend and its numerics, for logs and to compare with saved states.

>>> name() in describe_backend()
True
>>> list(describe_numerics())[:2]
['backend', 'NumPy']
"""

import hashlib
import importlib
import os
from pathlib import Path
from typing import Any

from dltutorials.backend.openblas import RENAMES
from dltutorials.backend.setup import import_theano

import numpy
import threadpoolctl

NAMES = ("Theano", "PyTensor")
_NUMPY_BLAS, _SCIPY_BLAS = "NumPy's BLAS", "SciPy's BLAS"


def name() -> str:
    """Return the name of the backend, "Theano" or "PyTensor"."""
    return str(getattr(import_theano(), "backend_name", "Theano"))


def versions() -> dict[str, str]:
    """Return the versions of the backend, of NumPy, and of JAX if JAX compiles."""
    jax = {"JAX": importlib.import_module("jax").__version__} if _uses_jax() else {}
    return {name(): import_theano().__version__, "NumPy": numpy.__version__, **jax}


def name_blas() -> str:
    """Return the names of the libraries that compute the backend's matrix products."""
    if _uses_jax():
        return "XLA"
    if _uses_numba():
        return _SCIPY_BLAS
    return " ".join(_linked_libraries()) or _NUMPY_BLAS


def describe_backend() -> str:
    """Return one line on the backend, its float type and its BLAS, for a log."""
    theano = import_theano()
    backend = f"{name()} {theano.__version__}, {theano.config.floatX}"
    if _uses_jax():
        return f"{backend}, compiled by JAX {versions()['JAX']} for {theano.device_name}"
    library = name_blas()
    relation = "with" if library in (_NUMPY_BLAS, _SCIPY_BLAS) else "linked with"
    compiler = ""
    if _uses_numba():
        compiler = ", compiled by Numba"
    elif not theano.config.cxx:
        compiler = ", without a C++ compiler (slow)"
    return f"{backend}, {relation} {library}{compiler}"


def describe_numerics() -> dict[str, str]:
    """Return, by name, everything that affects the last bits of a result.

    Returns
    -------
    dict
        If it is the same on two machines or days, equal inputs give equal bytes. If a value
        differs, results may differ in the last digits.
    """
    theano = import_theano()
    config = theano.config
    optimizer = f"{config.optimizer}, {config.optimizer_excluding}, {config.optimizer_including}"
    return {
        "backend": f"{name()} {theano.__version__}",
        "NumPy": numpy.__version__,
        **({} if _uses_jax() else _describe_blas()),
        "mode": str(config.mode),
        "linker": "numba" if _uses_numba() else str(config.linker),
        "optimizer": optimizer.rstrip(", "),
        **_describe_code(),
    }


def _uses_numba() -> bool:
    return bool(getattr(import_theano(), "uses_numba", False))


def _uses_jax() -> bool:
    return bool(getattr(import_theano(), "uses_jax", False))


def _linked_libraries() -> list[str]:
    config = import_theano().config
    flags = config.blas.ldflags.split() if config.cxx else []
    return [flag[2:] for flag in flags if flag.startswith("-l")]


def _describe_blas() -> dict[str, str]:
    """Describe the BLAS that the backend uses, of all that the process has loaded."""
    loaded = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]
    used = [pool for pool in loaded if _is_used(Path(pool["filepath"]))] or loaded
    described = {
        "BLAS": [f"{pool['internal_api']} {pool['version']}" for pool in used],
        "BLAS threads": [str(pool["num_threads"]) for pool in used],
        "BLAS kernel": [str(pool.get("architecture")) for pool in used],
    }
    return {what: ", ".join(dict.fromkeys(found)) or "unknown" for what, found in described.items()}


def _is_used(library: Path) -> bool:
    """Return whether a library computes the matrix products, judging by its folder."""
    linked = _linked_libraries()
    if linked and not _uses_numba():
        flags = import_theano().config.blas.ldflags.split()
        folders = [Path(flag[2:]) for flag in flags if flag.startswith("-L")]
        is_named = any(library.name.startswith(f"lib{name}") for name in linked)
        return library.parent in folders or (not folders and is_named)
    package = "scipy" if _uses_numba() else "numpy"
    # Wheels ship it in a folder numpy.libs, or on macOS in numpy/.dylibs.
    return any(part in (package, f"{package}.libs") for part in library.parts)


def _describe_code() -> dict[str, str]:
    if _uses_jax():
        return _describe_jax()
    return _describe_numba() if _uses_numba() else _describe_compiler()


def _describe_compiler() -> dict[str, str]:
    """Describe the C++ compiler, its flags, and the processor that it compiles for."""
    theano = import_theano()
    if not theano.config.cxx:
        return {"compiler": "none"}
    package = "theano.gof" if name() == "Theano" else "pytensor.link.c"
    cmodule = importlib.import_module(f"{package}.cmodule")
    options = theano.config.gcc.cxxflags.replace(RENAMES, "").split()
    processor = [flag for flag in cmodule.GCC_compiler.compile_args() if flag.startswith("-m")]
    return {
        "compiler": f"{Path(theano.config.cxx).name} {_compiler_version(cmodule)}".strip(),
        "compiler flags": " ".join(options),
        "processor": _short(processor, "-march="),
    }


def _compiler_version(cmodule: Any) -> str:
    version = getattr(import_theano().config, "gcc_version_str", None)  # PyTensor's
    return str(version or cmodule.gcc_version())


def _describe_numba() -> dict[str, str]:
    numba = importlib.import_module("numba")
    return {
        "compiler": f"Numba {numba.__version__}",
        "compiler flags": f"fastmath={import_theano().config.numba.fastmath}",
        "processor": _llvm_processor(),
    }


def _describe_jax() -> dict[str, str]:
    """Describe JAX and its device; for a CPU also its cores, over which XLA splits the work."""
    theano = import_theano()
    is_gpu = theano.config.device != "cpu"
    jaxlib = importlib.import_module("jaxlib").__version__
    return {
        "device": theano.device_name,
        "compiler": f"JAX {versions()['JAX']}, jaxlib {jaxlib}",
        "compiler flags": os.environ.get("XLA_FLAGS", ""),
        **({} if is_gpu else {"processor": _llvm_processor(), "cores": str(os.cpu_count())}),
    }


def _llvm_processor() -> str:
    processor = importlib.import_module("llvmlite.binding")
    features = processor.get_host_cpu_features().flatten().split(",")
    return _short([f"-march={processor.get_host_cpu_name()}", *features], "-march=")


def _short(flags: list[str], prefix: str) -> str:
    """Return the value of the flag with this prefix, and a digest of all flags."""
    [named] = [flag.removeprefix(prefix) for flag in flags if flag.startswith(prefix)] or ["?"]
    digest = hashlib.sha256(" ".join(sorted(flags)).encode()).hexdigest()[:8]
    return f"{named} ({digest})"
