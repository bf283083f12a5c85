"""The training loop, the only one of the project.

:func:`train` runs a training step minibatch by minibatch, looks at the
validation loss when the early-stopping rule wants it, keeps the best
parameters, and says why it ended. It is handed callables (:class:`Task`) and
calls back with plain values; of models, Theano, files and terminals it knows
nothing, so that any model fits, and plain Python can stand in for one:

>>> theta = [8.0]
>>> def halve(index):
...     theta[0] /= 2
...     return theta[0]
>>> task = Task(halve, n_train_batches=2, get_params=lambda: list(theta),
...             set_params=lambda values: theta.__setitem__(0, values[0]),
...             validate=lambda: abs(theta[0] - 0.5), test=lambda: abs(theta[0] - 0.4))
>>> result = train(task, n_epochs=3)
>>> result.stop_reason, result.best_validation_loss, round(result.test_score, 6), theta
('n_epochs', 0.0, 0.1, [0.5])
>>> [record["validation_loss"] for record in result.history]
[1.5, 0.0, 0.375]
"""

import math
import time
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, NamedTuple, Optional

from dltutorials.options import require_integer
from dltutorials.patience import EarlyStopping, PatienceState

Record = Dict[str, Any]


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
    """

    train_minibatch: Callable[[int], Any]
    n_train_batches: int
    get_params: Callable[[], List[Any]]
    set_params: Callable[[List[Any]], None]
    validate: Optional[Callable[[], float]] = None
    test: Optional[Callable[[], float]] = None


@dataclass
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
        None), ``patience``.
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

    best_params: List[Any] = field(default_factory=list, repr=False)
    best_validation_loss: float = math.inf
    best_iteration: Optional[int] = None
    test_score: Optional[float] = None
    history: List[Record] = field(default_factory=list, repr=False)
    stop_reason: str = ""
    message: str = ""
    n_epochs: int = 0
    seconds: float = 0.0


def train(
    task: Task,
    n_epochs: int = 1000,
    early_stopping: Optional[EarlyStopping] = None,
    on_validation: Optional[Callable[[Record], None]] = None,
    on_improvement: Optional[Callable[[List[Any]], None]] = None,
    stop_requested: Optional[Callable[[], bool]] = None,
) -> Result:
    """Train until patience runs out, or for `n_epochs`; keep the best parameters.

    Parameters
    ----------
    task : Task
    n_epochs : int
        The most epochs to train for; at least 1.
    early_stopping : EarlyStopping, optional
        The tutorial's rule with its defaults, if not given.
    on_validation : callable(dict), optional
        Called with each new record of the history.
    on_improvement : callable(list), optional
        Called with the best parameters whenever there are better ones, before
        `on_validation`.
    stop_requested : callable() -> bool, optional
        Asked after each minibatch; True ends the training there, so that no
        step is torn (:class:`dltutorials.interrupts.StopSignals`).

    Returns
    -------
    Result
        After Ctrl-C too: what was reached so far.

    Raises
    ------
    OptionError
        If `n_epochs` is no positive integer.
    Exception
        What the callables raise; the model then holds the best parameters.

    Notes
    -----
    Source: Getting Started, "Early-Stopping".
    Differs: ``best_params`` is used after the loop, and a cost that is nan or
    inf ends it; in the chapter the model keeps its last parameters, and nan,
    never lower than the best loss, silently uses up the patience.
    """
    require_integer("n_epochs", n_epochs, at_least=1)
    loop = _Loop(task, (early_stopping or EarlyStopping()).start(task.n_train_batches))
    loop.on_validation, loop.on_improvement = on_validation, on_improvement
    loop.stop_requested = stop_requested
    started = time.perf_counter()
    try:
        loop.run(n_epochs)
    except KeyboardInterrupt:
        loop.stop("interrupted", "interrupted")
    finally:
        loop.restore_best()
    loop.result.seconds = time.perf_counter() - started
    return loop.result


class _Loop:
    """The state of one call of :func:`train`."""

    on_validation: Optional[Callable[[Record], None]]
    on_improvement: Optional[Callable[[List[Any]], None]]
    stop_requested: Optional[Callable[[], bool]]

    def __init__(self, task: Task, patience: PatienceState) -> None:
        self.task, self.patience = task, patience
        self.result = Result(best_params=task.get_params())  # those of the start
        self.iteration = 0
        self.costs: List[float] = []  # since the last record

    def run(self, n_epochs: int) -> None:
        for iteration in range(n_epochs * self.task.n_train_batches):
            self.iteration = iteration
            cost = float(self.task.train_minibatch(self.iteration % self.task.n_train_batches))
            if not math.isfinite(cost):
                self.stop("diverged", f"the cost is {cost}")
                return
            self.costs.append(cost)
            if self.patience.is_validation_due(self.iteration):
                record = self.validate()
                if record["validation_loss"] is not None and math.isnan(record["validation_loss"]):
                    self.stop("diverged", "the validation loss is nan")
                    return
            if self.task.validate is not None and self.patience.is_exhausted(self.iteration):
                self.stop("patience", "patience ran out")
                return
            if self.stop_requested is not None and self.stop_requested():
                self.stop("interrupted", "interrupted")
                return
        self.stop("n_epochs", f"all {n_epochs} epochs are done")

    def validate(self) -> Record:
        """Make the next record of the history, and keep the parameters if they are best."""
        loss = None if self.task.validate is None else float(self.task.validate())
        is_best = loss is not None and self.patience.observe(self.iteration, loss)
        result = self.result
        if is_best:
            result.best_params = self.task.get_params()
            result.best_validation_loss = self.patience.best_validation_loss
            result.best_iteration = self.iteration
            result.test_score = None if self.task.test is None else float(self.task.test())
            if self.on_improvement is not None:
                self.on_improvement(result.best_params)
        epoch, minibatch = self.position()
        record = {
            "epoch": epoch,
            "minibatch": minibatch,
            "iteration": self.iteration,
            "cost": math.fsum(self.costs) / len(self.costs),
            "validation_loss": loss,
            "is_best": is_best,
            "test_score": result.test_score if is_best else None,
            "patience": self.patience.patience,
        }
        result.history.append(record)
        self.costs = []
        if self.on_validation is not None:
            self.on_validation(record)
        return record

    def position(self) -> "tuple[int, int]":
        """Return the epoch and the minibatch of the current iteration, both from 1."""
        epoch, minibatch_index = divmod(self.iteration, self.task.n_train_batches)
        return epoch + 1, minibatch_index + 1

    def stop(self, reason: str, sentence: str) -> None:
        epoch, minibatch = self.position()
        self.result.n_epochs = epoch
        self.result.stop_reason = reason
        self.result.message = sentence
        if reason != "n_epochs":
            place = f"epoch {epoch}, minibatch {minibatch}/{self.task.n_train_batches}"
            self.result.message += f" in {place}"

    def restore_best(self) -> None:
        """Leave the best parameters in the model, whatever ended the run."""
        validated = self.result.best_iteration is not None
        if not validated and self.result.stop_reason != "diverged":
            self.result.best_params = self.task.get_params()
        else:
            self.task.set_params(self.result.best_params)
