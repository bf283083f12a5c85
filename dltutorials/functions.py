"""From expressions to compiled functions: the one home of ``theano.function``.

:func:`compile_task` turns a cost, its updates and the errors of a model into
what the trainer asks for (:class:`~dltutorials.task.Task`). Every function
compiled here has one input, the number of a minibatch; ``givens`` puts the
slice of the shared data set in the place of ``x`` and ``y``.
"""

from typing import Any, Callable, List, Optional, Sequence, Tuple

from dltutorials.minibatch import SharedSplit, minibatch, n_minibatches
from dltutorials.mnist import SPLITS
from dltutorials.task import Task

import numpy
import theano
import theano.tensor as T


def minibatch_function(
    output: Any,
    x: Any,
    y: Any,
    data: SharedSplit,
    batch_size: int,
    updates: Optional[List[Tuple[Any, Any]]] = None,
) -> Callable:
    """Compile a function of the number of a minibatch.

    Parameters
    ----------
    output : Theano expression
        Of `x` and `y`; what the function returns.
    x, y : Theano variables
        The placeholders for a minibatch of examples and labels; an output
        that does not depend on one of them may leave it unused.
    data : (x, y)
        The data set, as :func:`dltutorials.minibatch.shared_dataset` returns it.
    batch_size : int
    updates : list of (shared variable, expression), optional
        Carried out by each call.

    Returns
    -------
    theano.compile.function_module.Function
        Of one integer, the number of the minibatch.

    Notes
    -----
    Source: Getting Started, "MNIST Dataset" and "Stochastic Gradient Descent".
    """
    index = T.lscalar("index")
    slice_x, slice_y = minibatch(data, index, batch_size)
    return theano.function(
        [index],
        output,
        updates=updates,
        givens={x: slice_x, y: slice_y},
        on_unused_input="ignore",
    )


def compile_task(
    x: Any,
    y: Any,
    cost: Any,
    updates: List[Tuple[Any, Any]],
    errors: Any,
    params: Sequence[Any],
    datasets: Sequence[SharedSplit],
    batch_size: int,
) -> Task:
    """Compile what the trainer needs to fit a model to a data set.

    Parameters
    ----------
    x, y : Theano variables
        The placeholders for a minibatch: ``T.matrix("x")``, ``T.ivector("y")``.
    cost : float scalar
        An expression of `x` and `y`; returned by each training step.
    updates : list of (shared variable, expression)
        What a training step does, as :func:`dltutorials.updates.sgd` returns it.
    errors : float scalar
        An expression of `x` and `y`; its mean over the minibatches of the
        validation or test set is that set's loss.
    params : sequence of shared variables
        What the trainer keeps the best values of.
    datasets : training, validation and test set
        As :func:`dltutorials.minibatch.load_data` returns them.
    batch_size : int
        Examples in a minibatch; what remains of a set is left out.

    Returns
    -------
    Task

    Raises
    ------
    OptionError
        If `batch_size` is not positive, or larger than one of the sets.
    """
    counts = [n_minibatches(data, batch_size, name) for name, data in zip(SPLITS, datasets)]
    train_set, valid_set, test_set = datasets
    return Task(
        train_minibatch=_by_number(
            minibatch_function(cost, x, y, train_set, batch_size, updates), counts[0]
        ),
        n_train_batches=counts[0],
        validate=_mean(minibatch_function(errors, x, y, valid_set, batch_size), counts[1]),
        test=_mean(minibatch_function(errors, x, y, test_set, batch_size), counts[2]),
        get_params=lambda: [param.get_value() for param in params],
        set_params=lambda values: _set_values(params, values),
    )


def _by_number(function: Callable, n_batches: int) -> Callable[[int], Any]:
    """Spare Theano the check and conversion of each index: 3 % of a training step."""
    function.trust_input = True  # type: ignore[attr-defined]
    indices = [numpy.array(index, dtype="int64") for index in range(n_batches)]
    return lambda index: function(indices[index])


def _mean(function: Callable, n_batches: int) -> Callable[[], float]:
    evaluate = _by_number(function, n_batches)
    return lambda: float(numpy.mean([evaluate(index) for index in range(n_batches)]))


def _set_values(params: Sequence[Any], values: Sequence[numpy.ndarray]) -> None:
    for param, value in zip(params, values):
        param.set_value(value)
