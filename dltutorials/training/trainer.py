"""The only training loop of the project.

:func:`train` runs a training step for each minibatch, validates when the early-stopping rule
requires it, keeps the best parameters, and reports why it ended. It is given callables
(:class:`~dltutorials.training.task.Task`) and notifies callbacks; it knows nothing about
models, Theano, files or terminals, so that any model fits, even one in plain Python:

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
from collections.abc import Sequence
from typing import Any

from dltutorials.checks import require_integer
from dltutorials.training.callbacks import Callback, Hooks
from dltutorials.training.early_stopping import EarlyStopping
from dltutorials.training.result import Result
from dltutorials.training.state import TrainingState
from dltutorials.training.task import Task


def train(
    task: Task,
    n_epochs: int = 1000,
    early_stopping: EarlyStopping | None = None,
    callbacks: Sequence[Callback] = (),
    resume: TrainingState | None = None,
) -> Result:
    """Train until patience runs out, or for `n_epochs`; keep the best parameters.

    Parameters
    ----------
    task : Task
    n_epochs : int
        The maximum number of epochs; at least 1.
    early_stopping : EarlyStopping, optional
        By default, the tutorial's rule with its defaults.
    callbacks : sequence of Callback
        Called in this order during training: a progress bar, files, signals.
    resume : TrainingState, optional
        A state passed to a callback's ``on_checkpoint``, or read by
        :func:`dltutorials.training.checkpoint.load_state`; the run continues from there and
        ends as if it had never stopped. `task`, its data and `early_stopping` (which may be
        left out) must be the same; `n_epochs` may be larger.

    Returns
    -------
    Result
        Also after Ctrl-C: the result so far.

    Raises
    ------
    OptionError
        If `n_epochs` is not a positive integer, a callback is not a Callback, or `early_stopping`
        tests significance and `task` has no ``validation_misclassified``.
    ResumeError
        If the state to resume from is that of another model or rule.
    Exception
        Whatever the callables raise; the model then has the best parameters.

    Notes
    -----
    Source: Getting Started, "Early-Stopping".
    Differs: ``best_params`` is used after the loop, and a cost that is nan or inf ends it; in the
    chapter, the model keeps its last parameters, and nan silently uses up the patience.
    """
    require_integer("n_epochs", n_epochs, at_least=1)
    hooks = Hooks(callbacks)
    if resume is None:
        state = TrainingState.begin(task, early_stopping)
    else:
        resume.check_fits(task, early_stopping)
        state = resume.copy(stop_reason="")
    loop = Loop(task, state, hooks)
    try:
        loop.begin(n_epochs)
        loop.run(n_epochs)
    except KeyboardInterrupt:  # in the middle of a step
        loop.stop("interrupted", "interrupted", is_torn=True)
    finally:
        loop.restore_best()
    return Result.of(state, loop.message, task.reported_loss)


class Loop:
    """Everything around the steps, whoever takes them; one object per training run."""

    def __init__(self, task: Task, state: TrainingState, hooks: Hooks) -> None:
        self.task, self.state, self.hooks = task, state, hooks
        self.patience = state.early_stopping
        self.message = ""
        self.unfetched: list[Any] = []  # costs that are still on a device
        self.started = time.perf_counter() - state.seconds

    def begin(self, n_epochs: int) -> None:
        """Set the parameters, and notify the callbacks."""
        task, state = self.task, self.state
        task.set_params(state.params)
        if task.set_rest is not None:
            task.set_rest(state.rest)
        for on_begin in self.hooks.on_begin:
            on_begin(task, state, n_epochs)
        if self.patience.best_iteration is not None:
            self.announce_best()

    def run(self, n_epochs: int) -> None:
        """Take the steps."""
        task, state, patience, hooks = self.task, self.state, self.patience, self.hooks
        if state.iteration >= 0 and self.must_stop():
            return  # a finished run, resumed
        first_epoch, first_index = divmod(state.iteration + 1, task.n_train_batches)
        for epoch in range(first_epoch, n_epochs):
            if task.begin_epoch is not None:
                task.begin_epoch(epoch)
            for index in range(first_index, task.n_train_batches):
                state.iteration += 1
                cost = task.train_minibatch(index)
                if task.fetch_costs is None:
                    cost = float(cost)
                    if not self.note_cost(cost):
                        return
                else:
                    self.unfetched.append(cost)
                for on_minibatch in hooks.on_minibatch:
                    on_minibatch(state.iteration, cost, patience.patience)
                if patience.is_validation_due(state.iteration):
                    if not self.fetch_costs():
                        return
                    loss = self.validate()
                    if loss is not None and not math.isfinite(loss):
                        self.stop("diverged", f"the validation loss is {loss}")
                        return
                    self.checkpoint()
                if self.must_stop():
                    return
            first_index = 0
        self.stop("n_epochs", f"all {n_epochs} epochs are done")

    def note_cost(self, cost: float) -> bool:
        """Keep a cost, or stop if it is not finite; return whether to continue."""
        if math.isfinite(cost):
            self.state.costs.append(cost)
        else:
            self.stop("diverged", f"the cost is {cost}")
        return math.isfinite(cost)

    def fetch_costs(self) -> bool:
        """Fetch the costs that are still on a device, and treat them as if checked one by one."""
        fetch = self.task.fetch_costs
        if fetch is None or not self.unfetched:
            return True
        try:
            costs = list(map(float, fetch(self.unfetched)))
        except Exception:
            self.state.stop_reason = "diverged"  # keep no parameters from after a wrong label
            raise
        last, self.unfetched = self.state.iteration, []
        for n_later, cost in zip(range(len(costs) - 1, -1, -1), costs):
            self.state.iteration = last - n_later
            if not self.note_cost(cost):
                return False
        return True

    def must_stop(self) -> bool:
        """Return whether patience has run out, or a callback requests a stop."""
        if self.task.validate is not None and self.patience.is_exhausted(self.state.iteration):
            self.stop("patience", "patience ran out")
        elif self.hooks.stop_requested and any(ask() for ask in self.hooks.stop_requested):
            self.stop("interrupted", "interrupted")
        return bool(self.state.stop_reason)

    def validate(self) -> float | None:
        """Add the next record to the history, and keep the parameters if they are the best."""
        task, state, patience = self.task, self.state, self.patience
        if task.validate is None:
            loss, is_best = None, False
            self.keep_newest()
        else:
            loss = float(task.validate())
            is_best = patience.observe(state.iteration, loss, task.validation_misclassified)
            if is_best:
                state.best_params = task.get_params()
                state.test_score = None if task.test is None else float(task.test())
                self.announce_best()
        self.record(loss, is_best)
        return loss

    def keep_newest(self) -> None:
        """Keep the newest parameters as the best ones, if nothing is validated."""
        self.patience.best_iteration = self.state.iteration
        self.state.best_params = self.task.get_params()
        self.announce_best()

    def announce_best(self) -> None:
        """Pass the best parameters to the callbacks."""
        for on_improvement in self.hooks.on_improvement:
            on_improvement(self.state.best_params)

    def record(self, loss: float | None, is_best: bool) -> None:
        """Add a record to the history."""
        state, seconds = self.state, time.perf_counter() - self.started
        patience = None if loss is None else state.n_iterations_before + self.patience.patience
        record = state.add_record(loss, is_best, patience, seconds)
        for on_record in self.hooks.on_record:
            on_record(record)

    def checkpoint(self) -> None:
        """Pass the state to the callbacks."""
        task, state = self.task, self.state
        state.seconds = time.perf_counter() - self.started
        if self.hooks.on_checkpoint:
            is_best = self.patience.best_iteration == state.iteration
            params = state.best_params if is_best else task.get_params()
            rest = task.get_rest() if task.get_rest is not None else []
            for on_checkpoint in self.hooks.on_checkpoint:
                on_checkpoint(state.copy(params=params, rest=rest))

    def stop(self, reason: str, sentence: str, is_torn: bool = False) -> None:
        """Note why the run ends; the last step of a torn run is incomplete."""
        state = self.state
        if not self.fetch_costs():
            return  # diverged before
        state.stop_reason = reason
        self.message = sentence if reason == "n_epochs" else f"{sentence} in {state.place()}"
        if reason != "diverged" and self.task.validate is None and state.costs:
            self.keep_newest()
        if reason != "diverged" and not is_torn and state.iteration >= 0:
            self.checkpoint()

    def restore_best(self) -> None:
        """Put the best parameters back into the model, whatever ended the run."""
        state = self.state
        state.seconds = time.perf_counter() - self.started
        if self.patience.best_iteration is None and state.stop_reason != "diverged":
            state.best_params = self.task.get_params()  # nothing was validated yet
        else:
            self.task.set_params(state.best_params)
