"""The complete state of a training run: the content of a checkpoint.

>>> from dltutorials.training.task import Task
>>> task = Task(train_minibatch=len, n_train_batches=3, get_params=lambda: [1.0],
...             set_params=print)
>>> state = TrainingState.begin(task)
>>> state.iteration, state.params, state.early_stopping.validation_frequency
(-1, [1.0], 3)
"""

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from dltutorials.exceptions import ResumeError
from dltutorials.training.early_stopping import EarlyStopping, PatienceState
from dltutorials.training.task import Task

Record: TypeAlias = dict[str, Any]
Array: TypeAlias = Any  # a NumPy array, or whatever a handmade task uses


@dataclass
class TrainingState:
    """The state of a training run between two minibatches.

    Attributes
    ----------
    early_stopping : PatienceState
        The best validation loss, its iteration, and how long to continue without a better one.
    n_train_batches : int
        Minibatches in an epoch.
    iteration : int
        The last finished minibatch, counted from 0 over all epochs; -1 before the first.
    test_score : float or None
        The test loss of `best_params`.
    costs : list of float
        The costs of the minibatches since the last record.
    history : list of dict
        As :class:`dltutorials.Result` describes it.
    seconds : float
        The training time so far.
    stop_reason : str
        As in :class:`dltutorials.Result`; empty during the run.
    phase : str
        The name of the phase (:mod:`dltutorials.training.phases`); empty if there is only one.
    n_iterations_before, n_epochs_before : int
        The totals of the earlier phases; `iteration` counts from 0 in each phase.
    params, best_params : list of arrays
        The current parameters, and those with the best validation loss (without validation,
        those of the last record).
    rest : list of arrays
        What else the steps change: random generators, momentum.
    """

    early_stopping: PatienceState
    n_train_batches: int
    iteration: int = -1
    test_score: float | None = None
    costs: list[float] = field(default_factory=list)
    history: list[Record] = field(default_factory=list)
    seconds: float = 0.0
    stop_reason: str = ""
    phase: str = ""
    n_iterations_before: int = 0
    n_epochs_before: int = 0
    params: list[Array] = field(default_factory=list)
    best_params: list[Array] = field(default_factory=list)
    rest: list[Array] = field(default_factory=list)

    @classmethod
    def begin(cls, task: Task, rule: EarlyStopping | None = None) -> "TrainingState":
        """Return the state of a run that has not begun.

        Raises
        ------
        OptionError
            If `rule` tests significance, and `task` has no ``validation_misclassified``.
        """
        params, rest = task.get_params(), task.get_rest() if task.get_rest else []
        patience = _start_patience(task, rule or EarlyStopping())
        return cls(patience, task.n_train_batches, params=params, best_params=params, rest=rest)

    def copy(self, **changes: Any) -> "TrainingState":
        """Return an independent copy, which shares only the arrays with this one."""
        own = {
            "early_stopping": dataclasses.replace(self.early_stopping),
            "costs": list(self.costs),
            "history": list(self.history),
        }
        return dataclasses.replace(self, **{**own, **changes})

    def add_record(
        self, loss: float | None, is_best: bool, patience: float | None, seconds: float
    ) -> Record:
        """Add the record of a validation to the history; later costs belong to the next record."""
        epoch, index = divmod(self.iteration, self.n_train_batches)
        record: Record = {"phase": self.phase} if self.phase else {}
        record |= {
            "epoch": epoch + 1,
            "minibatch": index + 1,
            "iteration": self.n_iterations_before + self.iteration,
            "cost": math.fsum(self.costs) / len(self.costs),
            "validation_loss": loss,
            "is_best": is_best,
            "test_score": self.test_score if is_best else None,
            "patience": patience,
            "seconds": seconds,
        }
        self.history.append(record)
        self.costs = []
        return record

    def place(self) -> str:
        """Return the position in the run, in words."""
        epoch, index = divmod(max(self.iteration, 0), self.n_train_batches)
        phase = f"{self.phase}, " if self.phase else ""
        return f"{phase}epoch {epoch + 1}, minibatch {index + 1}/{self.n_train_batches}"

    def check_fits(self, task: Task, rule: EarlyStopping | None = None) -> None:
        """Refuse to continue with another model, number of minibatches or rule.

        Raises
        ------
        ResumeError
            If any of these differs; the values of `task` are left unchanged.
        """
        if self.n_train_batches != task.n_train_batches:
            raise ResumeError(
                f"cannot resume: the state has {self.n_train_batches} minibatches an epoch, "
                f"the task {task.n_train_batches}; give it the same data and batch size"
            )
        rest = task.get_rest() if task.get_rest else []
        for there, here, name in (
            (self.params, task.get_params(), "parameters"),
            (self.best_params, task.get_params(), "best parameters"),
            (self.rest, rest, "random streams and the like"),
        ):
            described = [_describe(value) for value in there], [_describe(value) for value in here]
            if described[0] != described[1]:
                raise ResumeError(
                    f"cannot resume: the state has {name} {described[0]}, the model {described[1]}"
                )
        expected = _start_patience(task, rule or self.early_stopping.rule)
        for name in ("rule", "validation_frequency", "loss"):
            before, now = getattr(self.early_stopping, name), getattr(expected, name)
            if before != now:
                raise ResumeError(f"cannot resume: {name} was {before} and is now {now}")


def _start_patience(task: Task, rule: EarlyStopping) -> PatienceState:
    is_validated = task.validate is not None
    can_tell_misclassified = is_validated and task.validation_misclassified is not None
    return rule.start(
        task.n_train_batches, can_tell_misclassified, task.reported_loss, is_validated
    )


def _describe(value: Array) -> tuple[Any, str]:
    return getattr(value, "shape", ()), str(getattr(value, "dtype", type(value).__name__))
