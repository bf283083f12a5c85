"""The training loop, the only one of the project.

:func:`train` runs a training step minibatch by minibatch, looks at the
validation loss when the early-stopping rule wants it, keeps the best
parameters, and says why it ended. It is handed callables
(:class:`~dltutorials.training.task.Task`) and
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
from collections.abc import Callable
from typing import Any

from dltutorials.checks import require_integer
from dltutorials.training.early_stopping import EarlyStopping, PatienceState
from dltutorials.training.task import Record, Result, State, Task


def train(
    task: Task,
    n_epochs: int = 1000,
    early_stopping: EarlyStopping | None = None,
    on_minibatch: Callable[[int, float, float], None] | None = None,
    on_validation: Callable[[Record], None] | None = None,
    on_improvement: Callable[[list[Any]], None] | None = None,
    stop_requested: Callable[[], bool] | None = None,
    on_checkpoint: Callable[[State], None] | None = None,
    checkpoint_every: int = 1,
    resume: State | None = None,
) -> Result:
    """Train until patience runs out, or for `n_epochs`; keep the best parameters.

    Parameters
    ----------
    task : Task
    n_epochs : int
        The most epochs to train for; at least 1.
    early_stopping : EarlyStopping, optional
        The tutorial's rule with its defaults, if not given.
    on_minibatch : callable(int, float, float), optional
        Called after each minibatch with the iteration (from 0), its cost, and
        the patience, in minibatches; to be quick.
    on_validation : callable(dict), optional
        Called with each new record of the history.
    on_improvement : callable(list), optional
        Called with the best parameters whenever there are better ones, before
        `on_validation`.
    stop_requested : callable() -> bool, optional
        Asked after each minibatch; True ends the training there, so that no
        step is torn (:class:`dltutorials.training.interrupts.StopSignals`).
    on_checkpoint : callable(dict), optional
        Called with all that decides the rest of the training, after each
        `checkpoint_every`-th validation and at the end, unless the training
        diverged. The dict has ``iteration``, ``patience``,
        ``best_validation_loss``, ``best_iteration``, ``best_misclassified`` (an array,
        where significance is tested, or None), ``test_score``, ``costs``
        (since the last record), ``history``, ``seconds``, ``random_state``,
        and the lists of arrays ``params`` and ``best_params``.
    checkpoint_every : int
        At least 1.
    resume : dict, optional
        What `on_checkpoint` was called with; the training goes on from there
        and ends as if it had never stopped. `task`, its data and
        `early_stopping` must be the same; `n_epochs` may be larger.

    Returns
    -------
    Result
        After Ctrl-C too: what was reached so far.

    Raises
    ------
    OptionError
        If `n_epochs` or `checkpoint_every` is no positive integer, or
        `early_stopping` tests significance and `task` has no
        ``validation_misclassified``.
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
    require_integer("checkpoint_every", checkpoint_every, at_least=1)
    rule = early_stopping or EarlyStopping()
    can_tell_misclassified = bool(task.validate and task.validation_misclassified)
    loop = _Loop(task, rule.start(task.n_train_batches, can_tell_misclassified))
    loop.on_minibatch = on_minibatch
    loop.on_validation, loop.on_improvement = on_validation, on_improvement
    loop.stop_requested = stop_requested
    loop.on_checkpoint, loop.checkpoint_every = on_checkpoint, checkpoint_every
    if resume is not None:
        loop.restore(resume)
    try:
        loop.run(n_epochs)
    except KeyboardInterrupt:
        loop.on_checkpoint = None  # it came in the middle of a step
        loop.stop("interrupted", "interrupted")
    finally:
        loop.restore_best()
    loop.result.seconds = loop.seconds()
    return loop.result


class _Loop:
    """The state of one call of :func:`train`."""

    on_minibatch: Callable[[int, float, float], None] | None
    on_validation: Callable[[Record], None] | None
    on_improvement: Callable[[list[Any]], None] | None
    stop_requested: Callable[[], bool] | None
    on_checkpoint: Callable[[State], None] | None
    checkpoint_every: int

    def __init__(self, task: Task, patience: PatienceState) -> None:
        self.task, self.patience = task, patience
        self.result = Result(best_params=task.get_params())  # those of the start
        self.iteration = -1  # the last one that is done
        self.costs: list[float] = []  # since the last record
        self.started = time.perf_counter()

    def run(self, n_epochs: int) -> None:
        if self.iteration >= 0 and self.must_stop():
            return  # a finished training, resumed
        for iteration in range(self.iteration + 1, n_epochs * self.task.n_train_batches):
            self.iteration = iteration
            cost = float(self.task.train_minibatch(self.iteration % self.task.n_train_batches))
            if not math.isfinite(cost):
                self.stop("diverged", f"the cost is {cost}")
                return
            self.costs.append(cost)
            if self.on_minibatch is not None:
                self.on_minibatch(iteration, cost, self.patience.patience)
            if self.patience.is_validation_due(self.iteration):
                record = self.validate()
                if record["validation_loss"] is not None and math.isnan(record["validation_loss"]):
                    self.stop("diverged", "the validation loss is nan")
                    return
                if len(self.result.history) % self.checkpoint_every == 0:
                    self.checkpoint()
            if self.must_stop():
                return
        self.stop("n_epochs", f"all {n_epochs} epochs are done")

    def must_stop(self) -> bool:
        if self.task.validate is not None and self.patience.is_exhausted(self.iteration):
            self.stop("patience", "patience ran out")
        elif self.stop_requested is not None and self.stop_requested():
            self.stop("interrupted", "interrupted")
        return bool(self.result.stop_reason)

    def validate(self) -> Record:
        """Make the next record of the history, and keep the parameters if they are best."""
        loss = None if self.task.validate is None else float(self.task.validate())
        find_misclassified = self.task.validation_misclassified
        is_best = loss is not None and self.patience.observe(
            self.iteration, loss, find_misclassified
        )
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
            "seconds": self.seconds(),
        }
        result.history.append(record)
        self.costs = []
        if self.on_validation is not None:
            self.on_validation(record)
        return record

    def position(self) -> "tuple[int, int]":
        """Return the epoch and the minibatch of the current iteration, both from 1."""
        epoch, minibatch_index = divmod(max(self.iteration, 0), self.task.n_train_batches)
        return epoch + 1, minibatch_index + 1

    def stop(self, reason: str, sentence: str) -> None:
        epoch, minibatch = self.position()
        self.result.n_epochs = epoch
        self.result.stop_reason = reason
        self.result.message = sentence
        if reason != "n_epochs":
            place = f"epoch {epoch}, minibatch {minibatch}/{self.task.n_train_batches}"
            self.result.message += f" in {place}"
        if reason != "diverged" and self.iteration >= 0:
            self.checkpoint()

    def seconds(self) -> float:
        return self.result.seconds + time.perf_counter() - self.started

    def checkpoint(self) -> None:
        if self.on_checkpoint is None:
            return
        result = self.result
        self.on_checkpoint(
            {
                "iteration": self.iteration,
                "patience": self.patience.patience,
                "best_validation_loss": result.best_validation_loss,
                "best_iteration": result.best_iteration,
                "best_misclassified": self.patience.best_misclassified,
                "test_score": result.test_score,
                "costs": self.costs,
                "history": result.history,
                "seconds": self.seconds(),
                "random_state": self.task.get_random_state and self.task.get_random_state(),
                "params": self.task.get_params(),
                "best_params": result.best_params,
            }
        )

    def restore(self, state: State) -> None:
        """Take up a training where :meth:`checkpoint` left it."""
        self.iteration, self.costs = state["iteration"], list(state["costs"])
        self.patience.patience = state["patience"]
        self.patience.best_validation_loss = state["best_validation_loss"]
        self.patience.best_iteration = state["best_iteration"]
        self.patience.best_misclassified = state["best_misclassified"]
        self.result = Result(
            best_params=state["best_params"],
            best_validation_loss=state["best_validation_loss"],
            best_iteration=state["best_iteration"],
            test_score=state["test_score"],
            history=list(state["history"]),
            seconds=state["seconds"],
        )
        self.task.set_params(state["params"])
        if self.task.set_random_state is not None:
            self.task.set_random_state(state["random_state"])
        if self.on_improvement is not None and self.result.best_iteration is not None:
            self.on_improvement(self.result.best_params)

    def restore_best(self) -> None:
        """Leave the best parameters in the model, whatever ended the run."""
        validated = self.result.best_iteration is not None
        if not validated and self.result.stop_reason != "diverged":
            self.result.best_params = self.task.get_params()
        else:
            self.task.set_params(self.result.best_params)
