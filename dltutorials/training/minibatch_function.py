"""Functions of the number of a minibatch, and their evaluation on a whole set.

Every function of a training run has one input, the number of a minibatch; ``givens`` replaces
``x`` and ``y`` with the slice of the shared data set.

>>> import functools, numpy, theano.tensor as T
>>> from dltutorials.shared import shared_dataset
>>> x = T.matrix("x")
>>> data = shared_dataset((numpy.array([[1.0], [2.0], [4.0]]),))
>>> total = functools.partial(minibatch_function, x.sum(), x, None, data, batch_size=2)
>>> float(total()(0))
3.0
>>> values, sizes = evaluator(total, data, batch_size=2, n_rows=3)
>>> values().tolist(), sizes
([3.0, 4.0], [2, 1])
"""

import functools
from collections.abc import Callable
from typing import Any

from dltutorials.backend import (
    compile_now,
    default_mode,
    device_indices,
    fetch,
    uses_jax,
    without_waiting,
)
from dltutorials.minibatch import as_shared_dataset, minibatch
from dltutorials.shared import SharedDataset
from dltutorials.types import Expression, Updates

import numpy
import theano
import theano.tensor as T

_ROWS_AT_A_TIME = 500


def minibatch_function(
    output: Expression,
    x: Expression,
    y: Expression | None,
    data: SharedDataset,
    batch_size: int,
    updates: Updates | None = None,
    n_rows: int | None = None,
) -> Callable:
    """Compile a function of the number of a minibatch.

    Parameters
    ----------
    output : Theano expression
        What the function returns; computed from `x` and `y`.
    x, y : Theano variables
        The placeholders for a minibatch of examples and labels; the output need not depend on
        both. `y` is None for a model that needs no labels.
    data : SharedDataset
        As :func:`dltutorials.shared.shared_dataset` returns it;
        for a :class:`~dltutorials.chunks.ChunkedDataset`, the current chunk is used.
    batch_size : int
    updates : list of (shared variable, expression), optional
        Applied by each call.
    n_rows : int, optional
        Examples in the minibatch, if it is the last one and smaller.

    Returns
    -------
    theano.compile.function_module.Function
        Takes one integer, the number of the minibatch.

    Notes
    -----
    Source: Getting Started, "MNIST Dataset" and "Stochastic Gradient Descent".
    """
    data = as_shared_dataset(data)
    index = T.lscalar("index")
    placeholders = [x] if y is None else [x, y]
    function = theano.function(
        [index],
        output,
        updates=updates,
        givens=dict(zip(placeholders, minibatch(data, index, batch_size, n_rows))),
        on_unused_input="ignore",
        mode=default_mode(),
    )
    if data.is_resident:  # for a chunked set, the first chunk is not read yet
        compile_now(function, 0)
    return function


def indexed(function: Callable, data: SharedDataset, n_batches: int) -> Callable[[int], Any]:
    """Return a function without Theano's check and conversion of each index: 3 % of a step."""
    function.trust_input = True  # type: ignore[attr-defined]
    indices = device_indices(n_batches)
    call, load_chunk = without_waiting(function), data.load_chunk
    return lambda index: call(indices[load_chunk(index)])


def evaluator(
    compile_function: Callable, data: SharedDataset, batch_size: int, n_rows: int
) -> tuple[Callable[[], numpy.ndarray], list[int] | None]:
    """Return a function that evaluates all minibatches of `n_rows`, and their sizes if they differ.

    The last minibatch may be smaller; it ends where the data end, even if `n_rows` is less.
    """
    n_batches, n_left = divmod(n_rows, batch_size)
    sizes = [batch_size] * n_batches + [n_left] * (n_left > 0)
    evaluate = evaluate_last = indexed(compile_function(), data, len(sizes))
    if n_left and uses_jax():  # which needs a function for each size
        evaluate_last = indexed(compile_function(n_rows=n_left), data, len(sizes))

    def evaluate_all() -> numpy.ndarray:
        *others, last = range(len(sizes))
        values = fetch([*map(evaluate, others), evaluate_last(last)])
        data.unload()
        return values

    return evaluate_all, sizes if n_left else None


def row_evaluator(
    compile_function: Callable[..., Callable], data: SharedDataset, batch_size: int, n_rows: int
) -> Callable[[], numpy.ndarray]:
    """Return a function that evaluates a vector, one number per example, on `n_rows` of a set.

    Each number is independent of other examples, and matrix products of few rows are slow, so
    at least 500 rows of resident data are taken at a time, unless the model requires minibatches
    of a fixed size.
    """
    size = min(n_rows, max(batch_size, _ROWS_AT_A_TIME)) if data.is_resident else batch_size
    if size != batch_size:
        try:
            compile_function(size)(0)
        except Exception:  # a fixed size in a reshape raises several types; memory may run out
            size = batch_size  # any other fault is raised again when the set is evaluated
    evaluate, _ = evaluator(functools.partial(compile_function, size), data, size, n_rows)
    return lambda: evaluate()[:n_rows]
