"""What a training run needs from a model and its data, as plain callables.

A :class:`Task` is made by :func:`dltutorials.training.compile.compile_task` for a
Theano model, or by hand:

>>> task = Task(train_minibatch=lambda index: 0.5, n_train_batches=3, get_params=list,
...             set_params=lambda values: None)
>>> task.n_train_batches, task.reported_loss.name
(3, 'cost')
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from dltutorials.loss import COST, ERROR, Loss


class Task(NamedTuple):
    """What the trainer needs from a model and its data.

    Attributes
    ----------
    train_minibatch : callable(int) -> float
        Takes one step on the minibatch of this number; returns its cost.
    n_train_batches : int
        Minibatches in one epoch.
    get_params : callable() -> list
        Copies of the parameters' values.
    set_params : callable(list) -> None
        Sets them.
    validate : callable() -> float, optional
        The loss by which the best parameters are chosen; without it, training runs for
        ``n_epochs``, and the newest parameters are the best.
    test : callable() -> float, optional
        The loss to report for the best parameters.
    validation_misclassified : callable() -> bool array, optional
        Which validation examples the model misclassifies, for the significance test
        (``EarlyStopping(significance=...)``).
    get_rest : callable() -> list of arrays, optional
        Copies of whatever a step changes besides the parameters: the states of
        random generators, momentum, a Markov chain.
    set_rest : callable(list) -> None, optional
        Sets these when a training run is resumed.
    begin_epoch : callable(int) -> None, optional
        Called with the number of the epoch, from 0, before its first minibatch and when a run
        is resumed within it: for learning-rate schedules, or the order of the examples. Its
        effect may depend on that number only.
    fetch_costs : callable(list) -> floats, optional
        Fetches many costs at once, if `train_minibatch` returns costs that are still on a
        device. They are checked before each validation and at the end.
    loss : Loss, optional
        What `validate` and `test` return or, without validation, what `train_minibatch`
        returns; by default an error or a cost.
    """

    train_minibatch: Callable[[int], Any]
    n_train_batches: int
    get_params: Callable[[], list[Any]]
    set_params: Callable[[list[Any]], None]
    validate: Callable[[], float] | None = None
    test: Callable[[], float] | None = None
    validation_misclassified: Callable[[], Any] | None = None
    get_rest: Callable[[], list[Any]] | None = None
    set_rest: Callable[[list[Any]], None] | None = None
    begin_epoch: Callable[[int], None] | None = None
    fetch_costs: Callable[[list[Any]], Iterable[float]] | None = None
    loss: Loss | None = None

    @property
    def reported_loss(self) -> Loss:
        """Return `loss`, or its default."""
        return self.loss or (COST if self.validate is None else ERROR)
