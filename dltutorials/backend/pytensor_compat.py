"""PyTensor in Theano's place, where Theano is not installed.

PyTensor is Theano's maintained descendant. :func:`import_pytensor` makes
Theano's names of it, ``theano``, ``theano.tensor``, ``theano.tensor.nnet`` and
``theano.printing``, so that the same code runs on both. All that differs is here:

- Options keep Theano's names, in ``THEANO_FLAGS``, ``.theanorc`` and
  ``theano.config.blas.ldflags``; PyTensor writes them with two underscores and lacks some.
- ``T.nnet`` is gone; what the tutorial's models need of it is made of PyTensor's parts,
  in the form in which PyTensor finds the stable logarithm of a softmax.
- Numba compiles, with SciPy's OpenBLAS, and needs no compiler: measured, that is faster
  than PyTensor's C. ``linker=cvm`` in ``THEANO_FLAGS`` chooses C, with the BLAS that Theano has.
- What PyTensor does not have is an AttributeError that says so.

>>> option_name("blas.ldflags")
'blas__ldflags'
"""

import importlib
import importlib.abc
import importlib.metadata
import importlib.util
import os
import re
import shlex
import sys
import types
import warnings
from typing import Any

from dltutorials.backend import openblas
from dltutorials.backend.flags import UserSettings, environment
from dltutorials.exceptions import SetupError

NAME = "PyTensor"
SUPPORTED = (3, 0), (3, 4)  # from the first, below the second


def import_pytensor(user: UserSettings) -> types.ModuleType:
    """Import PyTensor and register Theano's names of it.

    Parameters
    ----------
    user : UserSettings
        They win over our defaults, and PYTENSOR_FLAGS over both.

    Returns
    -------
    module
        What ``import theano`` gives from now on.

    Raises
    ------
    SetupError
        If PyTensor is not installed, or in a version that is not supported.

    Warns
    -----
    UserWarning
        Of the user's options that PyTensor does not have, or comes too late to read.
    """
    _require_version()
    if "pytensor" in sys.modules and user.all():
        _warn(f"{NAME} was imported before dltutorials: {', '.join(user.all())} ignored")
    settings = {**user.all(), **_defaults(user)}
    flags = [f"{option_name(name)}={shlex.quote(value)}" for name, value in settings.items()]
    flags.append(os.environ.get("PYTENSOR_FLAGS", ""))
    with environment("PYTENSOR_FLAGS", ",".join(flags)), openblas.short_thread_timeout():
        importlib.import_module("scipy.linalg.cython_blas")  # what Numba calls
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".* does not recognise this flag")
            pytensor = importlib.import_module("pytensor")
        special = importlib.import_module("pytensor.tensor.special")
    theano = _register(pytensor, special)
    importlib.import_module("dltutorials.backend.pytensor_index")
    _load_kernels_at_first_use(importlib.import_module("pytensor.link.numba.linker").NumbaLinker)
    lacking = [name for name, value in user.all().items() if not _has_option(pytensor, name, value)]
    if lacking:
        _warn(
            f"{NAME}, which takes Theano's place here, has no option {', '.join(lacking)}: ignored"
        )
    if "blas.ldflags" not in user and not theano.uses_numba:
        openblas.require_blas(
            theano, importlib.import_module("pytensor.link.c.cmodule").GCC_compiler
        )
    return theano


def _load_kernels_at_first_use(linker: Any) -> None:
    """Register our Numba code when Numba itself is imported, which takes half a second."""
    convert = linker.fgraph_convert

    def fgraph_convert(self: Any, fgraph: Any, **options: Any) -> Any:
        importlib.import_module("dltutorials.backend.numba_kernels")
        return convert(self, fgraph, **options)

    linker.fgraph_convert = fgraph_convert


def default_mode() -> None:
    """Return the mode for compiled functions: PyTensor's own default."""


def sum_of_squares(x: Any) -> Any:
    """Return ``T.sum(x**2)``, of a matrix by way of a product with ones.

    Numba adds one number after the other, each addition waiting for the last; the
    BLAS does not. With the sum, a step of the multilayer perceptron took 1.4 x the time.
    """
    T = sys.modules["theano.tensor"]
    squares = T.as_tensor_variable(x) ** 2
    if squares.ndim == 2 and squares.dtype in ("float32", "float64"):
        return T.sum(T.dot(squares, T.ones((squares.shape[1],), squares.dtype)))
    return T.sum(squares)


def option_name(name: str) -> str:
    """Return PyTensor's name of an option of Theano's."""
    return name.replace(".", "__")


def _require_version() -> None:
    oldest, too_new = (".".join(map(str, version)) for version in SUPPORTED)
    advice = f"pip install 'pytensor>={oldest},<{too_new}'"
    if importlib.util.find_spec("pytensor") is None:
        raise SetupError(f"neither Theano nor {NAME} is installed; {advice}")
    found = importlib.metadata.version("pytensor")
    if not SUPPORTED[0] <= tuple(map(int, re.findall(r"\d+", found)[:2])) < SUPPORTED[1]:
        raise SetupError(
            f"{NAME}: got {found}, expected {oldest} or newer, below {too_new}; {advice}"
        )


def _has_option(pytensor: Any, name: str, value: str) -> bool:
    return hasattr(pytensor.config, option_name(name)) or (name, value) == ("device", "cpu")


def _warn(message: str) -> None:
    # The place in the code is of no use to anyone, and would be a second line.
    warnings.warn_explicit(message, UserWarning, filename="THEANO_FLAGS", lineno=1)


def _defaults(user: UserSettings) -> dict[str, str]:
    flags = {} if "allow_gc" in user else {"allow_gc": "False"}
    if "numba.fastmath" not in user:
        # With it the last digits depend on whether code was compiled just now or kept from before.
        flags["numba.fastmath"] = "False"
    if "blas.ldflags" not in user:
        uses_numba = user.get("linker") in _NUMBA
        with warnings.catch_warnings():
            if uses_numba:  # which links nothing
                warnings.simplefilter("ignore", openblas.SlowTheanoWarning)
            flags["blas.ldflags"] = openblas.fast_blas(is_loaded=not uses_numba)
    if flags.get("blas.ldflags"):
        flags["gcc.cxxflags"] = f"{user.get('gcc.cxxflags') or '-g0'} {openblas.RENAMES}"
    return flags


_NUMBA = (None, "auto", "numba", "numba_py")


class _Names(types.ModuleType):
    """A module of Theano's: our own names first, else those of a PyTensor module."""

    def __init__(self, name: str, source: Any, **own: Any) -> None:
        super().__init__(name, source.__doc__)
        self.__dict__.update(own, _source=source)

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("__") and hasattr(self._source, name):
            return getattr(self._source, name)
        raise AttributeError(_not_carried(f"{self.__name__}.{name}"))

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *dir(self._source)})


class _SaysWhatIsMissing(importlib.abc.MetaPathFinder):
    """The last to be asked for a module: one of Theano's that nobody has."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> None:
        if name.startswith("theano."):
            raise ModuleNotFoundError(_not_carried(name))


def _not_carried(name: str) -> str:
    return (
        f"{name} is not carried over from Theano: {NAME} takes its place on this Python and has "
        "none; use Python 3.10 or 3.11, where Theano itself is installed"
    )


class _Options:
    """``theano.config``: its sections are names with dots."""

    def __init__(self, config: Any, section: str = "") -> None:
        self.__dict__.update(_config=config, _section=section)

    def __getattr__(self, name: str) -> Any:
        full = f"{self._section}{name}"
        if full == "device":
            return "cpu"  # there is no other
        if hasattr(self._config, full):
            return getattr(self._config, full)
        section = f"{full}__"
        if any(option.startswith(section) for option in dir(self._config)):
            return _Options(self._config, section)
        raise AttributeError(f"theano.config: {NAME} has no option {full.replace('__', '.')}")

    def __str__(self) -> str:
        return str(self._config)

    def __setattr__(self, name: str, value: Any) -> None:
        if not hasattr(self._config, f"{self._section}{name}"):
            raise AttributeError(f"theano.config: {NAME} has no option {name}")
        setattr(self._config, f"{self._section}{name}", value)


def _register(pytensor: Any, special: Any) -> types.ModuleType:
    T = pytensor.tensor

    def softmax(x: Any) -> Any:
        x = T.as_tensor_variable(x)
        # A vector is a row, as Theano has it.
        return special.softmax(x.dimshuffle("x", 0) if x.ndim == 1 else x, axis=-1)

    def relu(x: Any, alpha: float = 0) -> Any:
        if alpha == 0:
            return 0.5 * (x + abs(x))
        return 0.5 * (1 + alpha) * x + 0.5 * (1 - alpha) * abs(x)

    def categorical_crossentropy(coding_dist: Any, true_dist: Any) -> Any:
        if true_dist.ndim == coding_dist.ndim:
            return -T.sum(true_dist * T.log(coding_dist), axis=-1)
        from dltutorials.backend.labels import checked_labels  # a Theano operation, made later

        y = checked_labels(true_dist, *coding_dist.shape)
        return -T.log(coding_dist)[T.arange(y.shape[0]), y]

    def binary_crossentropy(output: Any, target: Any) -> Any:
        return -(target * T.log(output) + (1 - target) * T.log(1 - output))

    nnet = _Names(
        "theano.tensor.nnet",
        types.SimpleNamespace(),
        softmax=softmax,
        sigmoid=T.sigmoid,
        softplus=T.softplus,
        relu=relu,
        categorical_crossentropy=categorical_crossentropy,
        binary_crossentropy=binary_crossentropy,
    )
    integers = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]
    tensor = _Names(
        "theano.tensor",
        T,
        nnet=nnet,
        integer_dtypes=integers,
        grad=pytensor.grad,
        verify_grad=pytensor.gradient.verify_grad,
    )
    printing = _Names("theano.printing", pytensor.printing)
    theano = _Names(
        "theano",
        pytensor,
        clone=pytensor.graph.replace.clone_replace,
        __version__=pytensor.__version__,
        Op=importlib.import_module("pytensor.link.c.op").COp,  # may have C code, as Theano's
        Apply=pytensor.graph.Apply,
        __path__=[],  # a package, for ``import theano.tensor``
        backend_name=NAME,
        uses_numba=pytensor.config.linker in _NUMBA,
        config=_Options(pytensor.config),
        tensor=tensor,
        printing=printing,
        pp=pytensor.printing.pp,
        dot=T.dot,
    )
    tensor.__path__ = []
    for module in (theano, tensor, nnet, printing):
        sys.modules[module.__name__] = module
    sys.meta_path.append(_SaysWhatIsMissing())
    return theano
