"""PyTensor instead of Theano, where Theano is not installed.

:func:`import_pytensor` imports it with the user's settings for Theano and our defaults, registers
Theano's names (:mod:`dltutorials.backend.pytensor_compat`), and adds the
check of indices (:mod:`dltutorials.backend.pytensor_index`).

Numba compiles, with SciPy's OpenBLAS, and needs no C++ compiler; in our benchmarks it is faster
than PyTensor's C. ``linker=cvm`` in ``THEANO_FLAGS`` chooses C, with Theano's BLAS.

>>> ".".join(map(str, SUPPORTED[0]))
'3.0'
"""

import importlib
import importlib.metadata
import importlib.util
import os
import re
import shlex
import sys
import types
import warnings
from typing import Any

from dltutorials.backend import jax_engine, openblas, preflight, pytensor_options
from dltutorials.backend.devices import wanted_device
from dltutorials.backend.flags import UserSettings, environment
from dltutorials.backend.pytensor_compat import NAME, register
from dltutorials.backend.pytensor_compiling import load_kernels_at_first_use
from dltutorials.exceptions import SetupError

SUPPORTED = (3, 0), (3, 4)  # from the first, below the second


def import_pytensor(user: UserSettings) -> types.ModuleType:
    """Import PyTensor and register it under Theano's names.

    Parameters
    ----------
    user : UserSettings
        They override our defaults; PYTENSOR_FLAGS overrides both.

    Returns
    -------
    module
        The module that ``import theano`` gives from now on.

    Raises
    ------
    SetupError
        If PyTensor is not installed or its version is not supported, or if the device that the
        user has chosen cannot be used.

    Warns
    -----
    UserWarning
        If PyTensor lacks options that the user has set, or was imported too early for them.
    """
    _require_version()
    device = wanted_device(user)
    if "pytensor" in sys.modules and user.all():
        _warn(f"{NAME} was imported before dltutorials: {', '.join(user.all())} ignored")
    if pytensor_options.compiles_c(user.get("linker")) and device == "cpu":
        preflight.require_compiler(user)
    _import(user, device)
    theano = register()
    _use_device(theano, device)
    importlib.import_module("dltutorials.backend.pytensor_index")
    load_kernels_at_first_use()
    lacking = [
        name
        for name, value in user.all().items()
        if not pytensor_options.has_option(sys.modules["pytensor"].config, name)
    ]
    if lacking:
        _warn(
            f"{NAME}, which takes Theano's place here, has no option {', '.join(lacking)}: ignored"
        )
    if "blas.ldflags" not in user and not theano.uses_numba and not theano.uses_jax:
        cmodule = importlib.import_module("pytensor.link.c.cmodule")
        openblas.drop_unlinkable_blas(theano, cmodule.GCC_compiler)
    return theano


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


def _import(user: UserSettings, device: str) -> None:
    """Import PyTensor and SciPy's BLAS, which read their options at import."""
    options = {**user.all(), **pytensor_options.default_options(user, device)}
    flags = [
        f"{pytensor_options.option_name(name)}={shlex.quote(value)}"
        for name, value in options.items()
    ]
    flags.append(os.environ.get("PYTENSOR_FLAGS", ""))
    with environment("PYTENSOR_FLAGS", ",".join(flags)), openblas.short_thread_timeout():
        importlib.import_module("scipy.linalg.cython_blas")  # what Numba calls
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".* does not recognise this flag")
            report = sys.excepthook
            importlib.import_module("pytensor")
            sys.excepthook = report  # PyTensor replaces it


def _use_device(theano: Any, device: str) -> None:
    if theano.uses_jax:
        theano.config.__dict__["device"] = device
        theano.device_name = jax_engine.set_up(device)
    elif device != "cpu":
        linker, mode = theano.config.linker, theano.config.mode
        raise SetupError(
            f"device: got {device}, which needs linker=jax; got linker={linker}, mode={mode}"
        )


def _warn(message: str) -> None:
    # The place in the code helps nobody, and would take a second line.
    warnings.warn_explicit(message, UserWarning, filename="THEANO_FLAGS", lineno=1)
