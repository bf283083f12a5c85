"""What depends on the engine: the one place that decides.

Theano gets the means of :mod:`dltutorials.backend.whole_graph_linker` and
:mod:`dltutorials.backend.sum_of_squares` against its own slowness; PyTensor has no need of them.

>>> import theano
>>> W = theano.shared(3.0)
>>> float(theano.function([], sum_of_squares(W), mode=default_mode())())
9.0
"""

from collections.abc import Callable
from typing import Any

from dltutorials.backend.setup import name_engine

if name_engine() == "Theano":
    from dltutorials.backend.sum_of_squares import sum_of_squares
    from dltutorials.backend.whole_graph_linker import default_mode
else:
    from dltutorials.backend.pytensor_compat import default_mode, sum_of_squares

__all__ = ["compile_now", "default_mode", "sum_of_squares"]


def compile_now(
    function: Callable, argument: Any, updates: list[tuple[Any, Any]] | None = None
) -> None:
    """Make a function ready to run, where it would be compiled at its first call only.

    Parameters
    ----------
    function : compiled function of `argument`
    argument : int
    updates : list of (shared variable, expression)
        Those of the function; the variables keep their values.
    """
    if name_engine() == "Theano":
        return
    before = [(variable, variable.get_value()) for variable, _ in updates or ()]
    function(argument)
    for variable, value in before:
        variable.set_value(value)
