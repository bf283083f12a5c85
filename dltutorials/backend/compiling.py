"""Compiling functions, and finding what they update: both depend on the backend.

:mod:`dltutorials.backend.whole_graph_linker` and :mod:`dltutorials.backend.sum_of_squares` speed
up Theano; PyTensor does not need them.

>>> import theano
>>> n = theano.shared(0, "n")
>>> count = theano.function([], n, updates=[(n, n + 1)], mode=default_mode())
>>> updated_variables(count)
[n]
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from dltutorials.backend.describe import name
from dltutorials.backend.setup import import_theano
from dltutorials.types import SharedVariable

if name() == "Theano":
    from dltutorials.backend.sum_of_squares import sum_of_squares
    from dltutorials.backend.whole_graph_linker import default_mode
else:
    from dltutorials.backend.pytensor_compiling import default_mode, sum_of_squares

__all__ = [
    "compile_now",
    "default_mode",
    "nothing_is_compiled",
    "sum_of_squares",
    "updated_variables",
]


def updated_variables(function: Any) -> list[SharedVariable]:
    """Return the shared variables that a call of a compiled function changes.

    Parameters
    ----------
    function : theano.compile.function_module.Function

    Returns
    -------
    list of shared variables
        Those in its ``updates``, and those with a default update, such as random streams.
    """
    inputs = function.maker.expanded_inputs
    return [each.variable for each in inputs if each.update is not None]


def compile_now(function: Callable, *arguments: Any) -> None:
    """Compile a function now if the backend would otherwise compile it at its first call.

    Parameters
    ----------
    function : compiled function
        Called if necessary; the variables that it updates keep their values.
    *arguments
        Valid arguments for the function.
    """
    if name() == "Theano":  # which has compiled it already
        return
    before = [(variable, variable.get_value()) for variable in updated_variables(function)]
    function(*arguments)
    for variable, value in before:
        variable.set_value(value)


def nothing_is_compiled() -> bool:
    """Return whether this user's folder of compiled code is empty, so that compiling takes long."""
    theano = import_theano()
    if getattr(theano, "uses_jax", False):  # which keeps nothing
        return False
    if getattr(theano, "uses_numba", False):
        return not any(Path(theano.config.base_compiledir, "numba").glob("*.nbi"))
    return not any(Path(theano.config.compiledir).glob("tmp*"))
