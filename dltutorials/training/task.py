"""What goes into a training and what comes out of it, as plain data.

A :class:`Task` is what the trainer needs of a model: a few callables, made by
:func:`dltutorials.training.compile.compile_task` for a Theano model, or by hand:

>>> Task(train_minibatch=lambda index: 0.5, n_train_batches=3, get_params=list,
...      set_params=lambda values: None).n_train_batches
3

A :class:`Result` is what the trainer gives back.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Record = dict[str, Any]
State = dict[str, Any]


class Task(NamedTuple):
    """What the trainer needs of a model and its data.

    Attributes
    ----------
    train_minibatch : callable(int) -> float
        One step on the minibatch of that number; returns its cost.
    n_train_batches : int
        Minibatches in one epoch.
    get_params : callable() -> list
        Copies of the parameters' values.
    set_params : callable(list) -> None
        Sets them.
    validate : callable() -> float, optional
        The loss to be lowest in the end; without it training runs for
        ``n_epochs`` and the last parameters are the best.
    test : callable() -> float, optional
        The loss to report of the best parameters.
    get_random_state : callable() -> plain data, optional
        The state of the random generators that the steps draw from, if any, as
        JSON can hold it: ``rng.bit_generator.state`` of a NumPy generator.
    set_random_state : callable(plain data) -> None, optional
        Sets it, when a training is resumed.
    validation_misclassified : callable() -> bool array, optional
        Which of the validation examples the model labels wrongly, for the test
        of significance (``EarlyStopping(significance=...)``).
    """

    train_minibatch: Callable[[int], Any]
    n_train_batches: int
    get_params: Callable[[], list[Any]]
    set_params: Callable[[list[Any]], None]
    validate: Callable[[], float] | None = None
    test: Callable[[], float] | None = None
    get_random_state: Callable[[], Any] | None = None
    set_random_state: Callable[[Any], None] | None = None
    validation_misclassified: Callable[[], Any] | None = None


@dataclass(repr=False)
class Result:
    """How a training went.

    Attributes
    ----------
    best_params : list
        The parameters of the lowest validation loss; the model holds them too.
        Where nothing was validated: the last ones, or those of the start when
        the cost became nan or inf.
    best_validation_loss : float
        inf where nothing was validated.
    best_iteration : int or None
        The iteration of `best_params`: minibatches, from 0, over all epochs.
    test_score : float or None
        The test loss of `best_params`.
    history : list of dict
        A record a validation, of plain numbers: ``epoch`` and ``minibatch``
        (from 1), ``iteration`` (from 0), ``cost`` (mean since the last record),
        ``validation_loss``, ``is_best``, ``test_score`` (of a best one, else
        None), ``patience``, ``seconds`` (since the start).
    stop_reason : str
        ``"patience"``, ``"n_epochs"``, ``"interrupted"`` (on request, or Ctrl-C) or
        ``"diverged"`` (a cost or validation loss that is nan or inf).
    message : str
        The same in a phrase, with the epoch and minibatch.
    n_epochs : int
        Epochs begun.
    seconds : float
        The time that all of it took.
    """

    best_params: list[Any] = field(default_factory=list)
    best_validation_loss: float = math.inf
    best_iteration: int | None = None
    test_score: float | None = None
    history: list[Record] = field(default_factory=list)
    stop_reason: str = ""
    message: str = ""
    n_epochs: int = 0
    seconds: float = 0.0

    def __repr__(self) -> str:
        parts = [f"{self.n_epochs} epochs in {self.seconds:.1f} s"]
        if self.message:
            parts.append(self.message)
        if self.test_score is not None:
            parts.insert(0, f"test error {self.test_score * 100:f} %")
        if self.best_iteration is not None:
            parts.insert(0, f"validation error {self.best_validation_loss * 100:f} %")
        return f"<Result: {', '.join(parts)}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        from dltutorials.training.result_html import result_html

        return result_html(self)
