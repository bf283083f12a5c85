"""Compile expressions into the functions that training calls.

:func:`compile_task` turns a cost, its updates and the errors of a model into what the trainer
needs (:class:`~dltutorials.training.task.Task`): functions of the number of a minibatch
(:mod:`dltutorials.training.minibatch_function`). Only functions that predict take the examples
themselves (:mod:`dltutorials.models.classifier`).
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from dltutorials.backend import fetch, updated_variables, uses_jax
from dltutorials.backend.random_state import pack, unpack
from dltutorials.datasets import SPLITS
from dltutorials.exceptions import OptionError
from dltutorials.loading import examine
from dltutorials.loss import Loss
from dltutorials.minibatch import as_shared_datasets, n_minibatches
from dltutorials.shared import SharedDataset
from dltutorials.training.minibatch_function import (
    evaluator,
    indexed,
    minibatch_function,
    row_evaluator,
)
from dltutorials.training.placeholders import check_placeholders
from dltutorials.training.task import Task
from dltutorials.types import Expression, SharedVariable, Updates

import numpy
import theano.tensor as T


def compile_task(
    x: Expression,
    y: Expression | None,
    cost: Expression,
    updates: Updates,
    errors: Expression | None,
    params: Sequence[SharedVariable],
    datasets: Sequence[SharedDataset],
    batch_size: int,
    exact_evaluation: bool = False,
    misclassified: Expression | None = None,
    loss: Loss | None = None,
    begin_epoch: Callable[[int], None] | None = None,
    gradients: bool = False,
) -> Task:
    """Compile what the trainer needs to fit a model to a data set.

    Parameters
    ----------
    x, y : Theano variables
        The placeholders for a minibatch: ``T.matrix("x")``, ``T.ivector("y")``. `y` is
        None for a model that learns without labels.
    cost : float scalar
        An expression of `x` and `y`; returned by each training step.
    updates : list of (shared variable, expression)
        The updates of a training step, as returned by :func:`dltutorials.updates.sgd`.
    errors : float scalar or None
        An expression of `x` and `y`; its mean over the minibatches of the
        validation or test set is that set's loss. None for a model that is not validated.
    params : sequence of shared variables
        The parameters whose best values the trainer keeps. Whatever else a step changes, such
        as random streams, is part of the training state too.
    datasets : training, validation and test set
        As :func:`dltutorials.loading.load_data` returns them; or pairs ``(x, y)`` of
        shared variables of your own, ``(x,)`` without labels. The last two may be left out.
    batch_size : int
        Examples in a minibatch; the remainder of a set is left out.
    exact_evaluation : bool
        Whether the remainder of the validation and test sets counts too, as a smaller minibatch
        weighted by its size.
    misclassified : bool vector, optional
        An expression of `x` and `y`: which examples are misclassified, for the significance
        test; compiled on first use.
    loss : Loss, optional
        What `errors` measures, or `cost` if there are no `errors`; by default an error or a cost.
    begin_epoch : callable(int) -> None, optional
        See :class:`~dltutorials.training.task.Task`; a shuffled training set gets its new order
        before this is called.
    gradients : bool
        Whether `train_minibatch` returns a list: the cost, and its gradient with respect to each
        parameter.

    Returns
    -------
    Task

    Raises
    ------
    OptionError
        If `batch_size` is not positive, exceeds the size of a set, or differs from that of a
        set's chunks; if a set lacks the labels that `y` stands for; if the validation set is
        missing; if the placeholders or the model do not fit the data.
    DataError
        If `datasets` are arrays, or do not fit together.

    Warns
    -----
    DataWarning
        If a model probably cannot learn from the data as they are.
    """
    shared = as_shared_datasets(datasets)
    n_train_batches, *_ = map(n_minibatches, shared, [batch_size] * len(SPLITS), SPLITS)
    _check_sets(shared, [x] if y is None else [x, y], cost, errors)
    train_set, *evaluated = shared
    outputs = [cost, *T.grad(cost, list(params))] if gradients else cost
    step = minibatch_function(outputs, x, y, train_set, batch_size, updates)
    rest = _find_rest(step, params)
    evaluate = functools.partial(_evaluate, x, y, batch_size, exact_evaluation)
    errors = getattr(getattr(errors, "tag", None), "mean_of", errors)
    means = [] if errors is None else [_mean(*evaluate(errors, data)) for data in evaluated]
    validate, test, *_ = [*means, None, None]
    flags = functools.partial(evaluate, misclassified, *evaluated[:1])
    return Task(
        train_minibatch=indexed(step, train_set, n_train_batches),
        n_train_batches=n_train_batches,
        validate=validate,
        test=test,
        get_params=lambda: [param.get_value() for param in params],
        set_params=functools.partial(_set_values, params),
        validation_misclassified=None if misclassified is None else _concatenated(flags),
        get_rest=lambda: [pack(variable.get_value()) for variable in rest],
        set_rest=functools.partial(_set_rest, rest),
        begin_epoch=_begin_epoch(train_set, begin_epoch),
        fetch_costs=fetch if uses_jax() else None,
        loss=loss,
    )


def _evaluate(
    x: Expression,
    y: Expression | None,
    batch_size: int,
    exact_evaluation: bool,
    output: Expression,
    data: SharedDataset,
) -> tuple[Callable[[], numpy.ndarray], list[int] | None]:
    """Return a function for the outputs of a set's minibatches, and their sizes if they differ.

    For a vector output, the function returns the numbers of all examples.
    """
    n_rows = data.n_examples - (0 if exact_evaluation else data.n_examples % batch_size)
    function = functools.cache(functools.partial(minibatch_function, output, x, y, data))
    if output.ndim:
        return row_evaluator(function, data, batch_size, n_rows), None
    return evaluator(functools.partial(function, batch_size), data, batch_size, n_rows)


def _mean(evaluate: Callable, sizes: list[int] | None) -> Callable[[], float]:
    """Return a function for the mean over the minibatches, weighted if their sizes differ."""
    return lambda: float(numpy.average(evaluate(), weights=sizes))


def _concatenated(compile_it: Callable) -> Callable[[], numpy.ndarray]:
    """Return a function for the flags of all examples; it compiles on its first call."""
    compile_once = functools.cache(compile_it)
    return lambda: compile_once()[0]().astype(bool)


def _check_sets(
    datasets: Sequence[SharedDataset],
    placeholders: Sequence[Expression],
    cost: Expression,
    errors: Expression | None,
) -> None:
    for split, data in zip(SPLITS, datasets):
        if len(data.columns) < len(placeholders):
            raise OptionError(
                f"y: got {placeholders[1]}, but the {split} set has no labels; give it labels, "
                "or y=None"
            )
    if errors is not None and len(datasets) < 2:
        raise OptionError(
            "errors: got an expression, but there is no validation set; give one, or errors=None"
        )
    for split, data in zip(SPLITS, datasets):
        check_placeholders(placeholders, [cost], data, split)
    examine(datasets)


def _begin_epoch(
    train_set: SharedDataset, begin_epoch: Callable[[int], None] | None
) -> Callable[[int], None] | None:
    """Return what starts an epoch: shuffling the training set, then `begin_epoch`."""
    if train_set.shuffle is None:
        return begin_epoch

    def begin(epoch: int) -> None:
        train_set.begin_epoch(epoch)
        if begin_epoch is not None:
            begin_epoch(epoch)

    return begin


def _find_rest(step: Callable, params: Sequence[SharedVariable]) -> list[SharedVariable]:
    """Return what a training step changes besides the parameters, oldest first.

    This is the order in which they were created, the same on both engines.
    """
    changed = [variable for variable in updated_variables(step) if variable not in params]
    return sorted(changed, key=lambda variable: int(variable.auto_name.removeprefix("auto_")))


def _set_rest(rest: Sequence[SharedVariable], values: Sequence[numpy.ndarray]) -> None:
    for variable, value in zip(rest, values):
        variable.set_value(unpack(value, like=variable.get_value()))


def _set_values(params: Sequence[Any], values: Sequence[numpy.ndarray]) -> None:
    for param, value in zip(params, values):
        param.set_value(value)
