"""``theano.scan`` for PyTensor: a loop in a graph, and its updates of random streams.

>>> import theano, theano.tensor as T
>>> powers, updates = scan(lambda power: 2 * power, outputs_info=T.constant(1.0), n_steps=4)
>>> theano.function([], powers, updates=updates)().tolist()
[2.0, 4.0, 8.0, 16.0]
"""

import importlib
import warnings
from collections.abc import Callable
from typing import Any


def scan(fn: Callable, *args: Any, **options: Any) -> tuple[Any, Any]:
    """Return the outputs of a loop, and the updates of shared variables that it makes.

    Parameters
    ----------
    fn : callable
        One step of the loop, on expressions; its result may contain updates.
    *args, **options
        Theano's: `sequences`, `outputs_info`, `non_sequences`, `n_steps`, ...

    Returns
    -------
    outputs : expression or list of expressions
        With all steps along the first axis.
    updates : dict
        For ``theano.function``, including those of the random streams that `fn` draws from.
    """
    with warnings.catch_warnings():
        # PyTensor deprecates returned updates, and default updates.
        for message in ("Scan return signature", "Setting default_update"):
            warnings.filterwarnings("ignore", message, DeprecationWarning)
        theirs = importlib.import_module("pytensor.scan.basic").scan
        return theirs(fn, *args, **options, return_updates=True)
