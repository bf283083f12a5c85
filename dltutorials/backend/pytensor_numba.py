"""PyTensor's functions for Numba without the wrappers that it caches them in.

PyTensor wraps the Numba function of each operation, and that of the whole graph, in one more
function, which it caches on disk; half of all compilations are of such wrappers. Here only the
whole graph is cached on disk, without a wrapper. The functions of operations are shared by the
graphs of one process. Importing this module replaces PyTensor's functions, of the versions that
they are known in.
"""

import importlib
import weakref
from collections.abc import Callable
from typing import Any

import pytensor
from pytensor.graph.fg import AbstractFunctionGraph
from pytensor.link.numba.dispatch import basic
from pytensor.link.numba.linker import NumbaLinker

MENDED_VERSIONS = ("3.3.",)

_shared: Any = weakref.WeakValueDictionary()


def function_and_key(op: Any, node: Any = None, **options: Any) -> tuple[Callable, str | None]:
    """Return a Numba function for an operation or a graph, and its key.

    The key is PyTensor's. Together with the types it says what the function computes; it is None
    if that cannot be said.
    """
    if not pytensor.config.numba__cache:
        return basic.numba_funcify(op, node=node, **options), None
    function, key = basic.numba_funcify_and_cache_key(op, node=node, **options)
    if key is not None and not isinstance(op, AbstractFunctionGraph):
        types = (tuple(each.type for each in side) for side in (node.inputs, node.outputs))
        function = _shared.setdefault((key, *types), function)
    return function, key


def jit_compile(self: Any, function_and_its_key: tuple[Any, str | None]) -> Callable:
    """Return the function of a whole graph, which Numba finds on disk by the graph's key."""
    function, key = function_and_its_key[0].py_func, function_and_its_key[1]
    if key is not None:
        # Numba looks in a file named after that of the code, which PyTensor has named at random.
        function.__code__ = function.__code__.replace(co_filename="<string>")
        keys = importlib.import_module("pytensor.link.numba.cache").CACHED_SRC_FUNCTIONS
        keys[function] = f"{key}_fastmath{int(pytensor.config.numba__fastmath)}"
    return basic.numba_njit(function, final_function=True, cache=key is not None)


if pytensor.__version__.startswith(MENDED_VERSIONS):
    basic.numba_funcify_ensure_cache = function_and_key
    NumbaLinker.jit_compile = jit_compile
