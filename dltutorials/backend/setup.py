"""Make Theano 1.0.5 import and run fast on current machines.

Theano's last release dates from 2020. :func:`import_theano`, which ``import
dltutorials`` calls, imports it with everything it has needed since:

1. *A BLAS.* Theano asks ``numpy.distutils`` for the BLAS to link, which fails for NumPy >= 1.22,
   so that a bare ``import theano`` raises an ``AttributeError``. Setting ``blas.ldflags``
   avoids this.
2. *A fast one*, which Theano's own ``Dot22`` and ``Gemm`` call directly
   (:mod:`dltutorials.backend.openblas`). If it cannot be linked, a warning says so, and Theano
   calls NumPy's BLAS, which is slower.
3. *A compiler*, and Python's C headers. Without them Theano would fail during its import or its
   first function; it is configured beforehand to do without (``cxx=``), and a warning says what
   to install.
4. *Memory between calls.* Theano frees the memory of intermediate results after every call and
   allocates it again at the next; ``allow_gc=False`` keeps it, which suits a loop over equal
   minibatches.
5. *Its compiler.* Two bugs make Theano recompile the same C modules in every
   process; :mod:`dltutorials.backend.theano_patches` fixes them and avoids further compilation, and
   the modules are compiled without debugging information.
6. *Scan.* Its C part does not compile on Python 3.11, which has no
   ``longintrepr.h``; Theano's Python version of it is used instead.

Conditions that would make this fail midway are checked first
(:mod:`dltutorials.backend.preflight`). Where Theano is not installed, PyTensor takes its place
(:mod:`dltutorials.backend.pytensor_import`). The user's settings in ``THEANO_FLAGS`` or a
``.theanorc`` take precedence, and a Theano that was imported before is left alone.
``THEANO_FLAGS`` is changed only while Theano reads it, so that child
processes see the user's own.

>>> theano = import_theano()
>>> import theano.tensor as T
>>> x = T.matrix("x")
>>> theano.function([x], T.dot(x, x.T))([[1.0, 2.0]]).tolist()
[[5.0]]
"""

import contextlib
import importlib
import importlib.util
import shlex
import sys
from collections.abc import Callable, Iterator
from typing import Any

from dltutorials.backend import openblas, preflight, pytensor_compat, pytensor_import
from dltutorials.backend.devices import refuse_gpu
from dltutorials.backend.flags import UserSettings, environment
from dltutorials.backend.theano_patches import patch_module_cache, quick_import
from dltutorials.exceptions import OptionError, SetupError, reason_of

_TOO_NEW_FOR_THEANO = (3, 12)


def import_theano() -> Any:
    """Import Theano, or PyTensor under its name, with our defaults, and return it.

    Returns
    -------
    module
        ``theano``; as it is if it was imported before.

    Raises
    ------
    SetupError
        If neither can be imported, for example because of an invalid value in ``THEANO_FLAGS``;
        the message is the engine's own. If the device that the user has chosen cannot be used.

    Warns
    -----
    SlowTheanoWarning
        If a compiler is missing, or the fast BLAS cannot be linked.
    """
    if "theano" in sys.modules:
        return sys.modules["theano"]
    user = UserSettings()
    if not _is_installed("theano"):
        return _import(pytensor_compat.NAME, lambda: pytensor_import.import_pytensor(user))
    refuse_gpu(user)
    if sys.version_info < _TOO_NEW_FOR_THEANO:  # its NumPy has no build for a newer Python
        preflight.import_companions()
    preflight.require_compiler(user)
    if sys.version_info >= (3, 11):
        sys.modules.setdefault("theano.scan_module.scan_perform_ext", None)  # type: ignore[arg-type]
    defaults = _default_flags(user)
    with _theano_flags(defaults, user), quick_import():
        theano = _import("Theano", lambda: importlib.import_module("theano"))
    patch_module_cache(theano)
    if "blas.ldflags" in defaults:
        openblas.drop_unlinkable_blas(theano, theano.gof.cmodule.GCC_compiler)
    return theano


def _is_installed(package: str) -> bool:
    spec = importlib.util.find_spec(package)
    return spec is not None and spec.origin is not None  # a mere folder has no origin


def _import(engine: str, import_it: Callable[[], Any]) -> Any:
    try:
        theano = import_it()
        preflight.require_compile_folder(theano.config)
        return theano
    except SetupError:
        raise
    except Exception as error:
        advice = ""
        if engine == "Theano" and sys.version_info >= _TOO_NEW_FOR_THEANO:
            advice = f"; without it, {pytensor_compat.NAME} takes its place on this Python"
        elif "compiledir" in str(error) or isinstance(error, OSError):
            advice = f"; {preflight.ANOTHER_FOLDER}"
        elif isinstance(error, ModuleNotFoundError):
            advice = f"; pip install {error.name}"
        raise SetupError(f"{engine} cannot be imported: {reason_of(error)}{advice}") from error


def set_floatX(floatX: str | None = None) -> str:
    """Choose the type of all floating-point arrays for the graphs built from now on.

    Parameters
    ----------
    floatX : {"float32", "float64"}, optional
        By default what the user's Theano configuration says, or else float32.

    Returns
    -------
    str
        The type chosen, now ``theano.config.floatX``.

    Raises
    ------
    OptionError
        If `floatX` is neither of the two.
    """
    theano = import_theano()
    if floatX is None:
        floatX = theano.config.floatX if "floatX" in UserSettings() else "float32"
    if floatX not in ("float32", "float64"):
        raise OptionError(f"floatX: got {floatX!r}, expected float32 or float64")
    theano.config.floatX = floatX
    return floatX


@contextlib.contextmanager
def temporary_floatX(floatX: str) -> Iterator[None]:
    """Build graphs with another floatX within a block."""
    theano = import_theano()
    before = theano.config.floatX
    theano.config.floatX = floatX
    try:
        yield
    finally:
        theano.config.floatX = before


def _default_flags(user: UserSettings) -> dict[str, str]:
    """Return our settings for Theano, in addition to the user's."""
    flags = {}
    if "allow_gc" not in user:
        flags["allow_gc"] = "False"
    if "compile.wait" not in user and "compile.timeout" not in user:
        # Check often whether another process is done, and report soon if it is not.
        flags.update({"compile.wait": "1", "compile.timeout": "120"})
    if "cxx" not in user and not openblas.can_compile():
        flags["cxx"] = ""
    if "blas.ldflags" not in user:
        has_compiler = flags.get("cxx", user.get("cxx")) != ""
        flags["blas.ldflags"] = openblas.fast_blas() if has_compiler else ""
    # Theano requests debugging information, which takes a sixth of the compilation time.
    options = user.get("gcc.cxxflags") if "gcc.cxxflags" in user else "-g0"
    renames = openblas.RENAMES if flags.get("blas.ldflags") else ""
    flags["gcc.cxxflags"] = f"{options} {renames}".strip()
    return flags


@contextlib.contextmanager
def _theano_flags(defaults: dict[str, str], user: UserSettings) -> Iterator[None]:
    """Let Theano read the user's flags and our defaults from its environment."""
    # Later flags win. The only user's flag among ours is gcc.cxxflags, extended.
    ours = ",".join(f"{name}={shlex.quote(value)}" for name, value in defaults.items())
    with environment("THEANO_FLAGS", f"{user.flags},{ours}"):
        yield
