"""Theano's options for PyTensor.

They keep Theano's names, in ``THEANO_FLAGS``, ``.theanorc`` and
``theano.config.blas.ldflags``; PyTensor writes them with two underscores and lacks some.

>>> option_name("blas.ldflags")
'blas__ldflags'
"""

import warnings
from typing import Any

from dltutorials.backend import openblas
from dltutorials.backend.flags import UserSettings


def option_name(name: str) -> str:
    """Return PyTensor's name for one of Theano's options."""
    return name.replace(".", "__")


def has_option(config: Any, name: str) -> bool:
    """Return whether PyTensor has this option; we handle the device ourselves."""
    return hasattr(config, option_name(name)) or name == "device"


def is_numba(linker: str | None) -> bool:
    """Return whether this value of the option ``linker``, or its absence, means Numba."""
    return linker in (None, "auto", "numba", "numba_py")


def compiles_c(linker: str | None) -> bool:
    """Return whether this value of the option ``linker``, or its absence, needs a C compiler."""
    return not is_numba(linker) and linker != "jax"


def is_jax(config: Any) -> bool:
    """Return whether PyTensor's options choose JAX."""
    mode = config.mode.upper()
    return mode == "JAX" or (mode in ("MODE", "FAST_RUN") and config.linker == "jax")


def default_options(user: UserSettings, device: str = "cpu") -> dict[str, str]:
    """Return our options for PyTensor, in addition to the user's."""
    options = {} if "allow_gc" in user else {"allow_gc": "False"}
    linker = user.get("linker")
    if device != "cpu" and linker is None:
        linker = options["linker"] = "jax"
    if "numba.fastmath" not in user:
        # With it, the last digits depend on whether code was just compiled or cached.
        options["numba.fastmath"] = "False"
    if "blas.ldflags" not in user:
        links_nothing = not compiles_c(linker)
        with warnings.catch_warnings():
            if links_nothing:
                warnings.simplefilter("ignore", openblas.SlowTheanoWarning)
            options["blas.ldflags"] = openblas.fast_blas(is_loaded=not links_nothing)
    if options.get("blas.ldflags"):
        options["gcc.cxxflags"] = f"{user.get('gcc.cxxflags') or '-g0'} {openblas.RENAMES}"
    return options


class Options:
    """``theano.config``: its sections are names with dots, and it has a device."""

    device = "cpu"

    def __init__(self, config: Any, section: str = "") -> None:
        self.__dict__.update(_config=config, _section=section)

    def __getattr__(self, name: str) -> Any:
        full = f"{self._section}{name}"
        if hasattr(self._config, full):
            return getattr(self._config, full)
        section = f"{full}__"
        if any(option.startswith(section) for option in dir(self._config)):
            return Options(self._config, section)
        raise _no_option(full)

    def __setattr__(self, name: str, value: Any) -> None:
        full = f"{self._section}{name}"
        if not hasattr(self._config, full):
            raise _no_option(full)
        setattr(self._config, full, value)

    def __str__(self) -> str:
        return str(self._config)


def _no_option(full: str) -> AttributeError:
    return AttributeError(f"theano.config: PyTensor has no option {full.replace('__', '.')}")
