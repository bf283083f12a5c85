"""Theano's names, provided by PyTensor.

PyTensor is Theano's maintained descendant, and has nearly all of its names. :func:`register`
registers modules named ``theano``, ``theano.tensor``, ... for the whole process, so that the same
code runs on both. :data:`MODULES` maps each to the module behind it; names that PyTensor lacks or
has renamed are in :func:`_own_names` and :mod:`dltutorials.backend.pytensor_nnet`. Any other name
raises an AttributeError that says so.

>>> MODULES["theano.tensor.nnet"]
'dltutorials.backend.pytensor_nnet'
"""

import importlib
import sys
import types
from typing import Any

from dltutorials.backend import pytensor_options

NAME = "PyTensor"

# The module behind each of Theano's; it is imported when one of its names is first used.
MODULES = {
    "theano": "pytensor",
    "theano.gradient": "pytensor.gradient",
    "theano.printing": "pytensor.printing",
    "theano.sandbox.rng_mrg": "dltutorials.backend.mrg_streams",
    "theano.tensor": "pytensor.tensor",
    "theano.tensor.nnet": "dltutorials.backend.pytensor_nnet",
    "theano.tensor.shared_randomstreams": "dltutorials.backend.random_streams",
    "theano.tensor.signal.pool": "dltutorials.backend.pytensor_pool",
}


def register() -> types.ModuleType:
    """Put the modules of :data:`MODULES` where ``import`` finds them.

    A parent package that has no entry itself, such as ``theano.sandbox``, is empty.

    Returns
    -------
    module
        ``theano``.
    """
    own_names = _own_names()
    for name in MODULES:
        _register(name, own_names.get(name, {}))
    return sys.modules["theano"]


def _register(name: str, own_names: dict[str, Any]) -> None:
    module = sys.modules[name] = _Module(name, MODULES.get(name), own_names)
    package, _, child = name.rpartition(".")
    if package:
        if package not in sys.modules:
            _register(package, {})
        setattr(sys.modules[package], child, module)


class _Module(types.ModuleType):
    """One of Theano's modules: our own names first, then those of another module."""

    def __init__(self, name: str, source: str | None, own_names: dict[str, Any]) -> None:
        super().__init__(name)
        self.__path__: list[str] = []  # a package, for ``import theano.tensor``, without a folder
        self.__dict__.update(own_names, _source=source)

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("__") and hasattr(self._behind(), name):
            return getattr(self._behind(), name)
        raise AttributeError(
            f"{self.__name__}.{name} is not carried over from Theano: {NAME} takes its place on "
            "this Python and lacks it; use Python 3.10 or 3.11, where Theano itself is installed"
        )

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *dir(self._behind())})

    def _behind(self) -> types.ModuleType | None:
        return importlib.import_module(self._source) if self._source else None


def _own_names() -> dict[str, dict[str, Any]]:
    """Return what PyTensor has renamed or moved."""
    pytensor = importlib.import_module("pytensor")
    uses_jax = pytensor_options.is_jax(pytensor.config)
    return {
        "theano": {
            "__version__": pytensor.__version__,
            "backend_name": NAME,
            "uses_numba": pytensor_options.is_numba(pytensor.config.linker) and not uses_jax,
            "uses_jax": uses_jax,
            "config": pytensor_options.Options(pytensor.config),
            "clone": pytensor.graph.replace.clone_replace,
            "dot": pytensor.tensor.dot,
            "pp": pytensor.printing.pp,
            "scan": importlib.import_module("dltutorials.backend.pytensor_scan").scan,
            "Apply": pytensor.graph.Apply,
            "Variable": pytensor.graph.Variable,
            # An operation that may have C code, like Theano's.
            "Op": importlib.import_module("pytensor.link.c.op").COp,
        },
        "theano.gradient": {"consider_constant": pytensor.gradient.zero_grad},
        "theano.tensor": {
            "grad": pytensor.grad,
            "verify_grad": pytensor.gradient.verify_grad,
            "integer_dtypes": [f"{u}int{bits}" for u in ("", "u") for bits in (8, 16, 32, 64)],
        },
    }
