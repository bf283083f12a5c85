r"""The result of a training run, and its display in the tutorial's own lines.

Errors are fractions of a set; they are shown as percentages with six decimals, enough to tell
any two counts of 9,600 images apart.

>>> record = {"epoch": 1, "minibatch": 83, "validation_loss": 1196 / 9600, "test_score": 0.12375}
>>> print(*record_lines(record, n_train_batches=83), sep="\n")
epoch 1, minibatch 83/83, validation error 12.458333 %
     epoch 1, minibatch 83/83, test error of best model 12.375000 %
"""

import math
from dataclasses import dataclass, field
from typing import Any

from dltutorials.loss import ERROR, Loss
from dltutorials.training.state import Record, TrainingState


@dataclass(repr=False)
class Result:
    """The result of a training run.

    Attributes
    ----------
    best_params : list
        The parameters with the best validation loss; the model has them too. Without validation:
        the last ones or, if the cost became nan or inf, those of the last record or of the start.
    best_validation_loss : float
        inf (or -inf if larger is better) without validation.
    best_iteration : int or None
        The iteration of `best_params`: the minibatch, from 0, over all epochs.
    test_score : float or None
        The test loss of `best_params`.
    history : list of dict
        One record of plain numbers per validation, or per epoch without validation: ``epoch``
        and ``minibatch`` (from 1), ``iteration`` (from 0), ``cost`` (mean since the last
        record), ``validation_loss``, ``is_best``, ``test_score`` (if it is the best, else
        None), ``patience``, ``seconds`` (since the start); before these the ``phase``, if there
        is more than one.
    stop_reason : str
        ``"patience"``, ``"n_epochs"``, ``"interrupted"`` (on request, or Ctrl-C) or
        ``"diverged"`` (a cost or validation loss that is nan or inf).
    message : str
        The stop reason as a phrase, with the epoch and minibatch.
    n_epochs, n_iterations : int
        Epochs begun, and minibatches done.
    seconds : float
        The total time.
    loss : Loss
        The kind of loss.
    """

    best_params: list[Any] = field(default_factory=list)
    best_validation_loss: float = math.inf
    best_iteration: int | None = None
    test_score: float | None = None
    history: list[Record] = field(default_factory=list)
    stop_reason: str = ""
    message: str = ""
    n_epochs: int = 0
    n_iterations: int = 0
    seconds: float = 0.0
    loss: Loss = ERROR

    @classmethod
    def of(cls, state: TrainingState, message: str, loss: Loss) -> "Result":
        """Return the result of a run that ended in this state."""
        patience = state.early_stopping
        best = patience.best_iteration
        return cls(
            best_params=state.best_params,
            best_validation_loss=patience.best_validation_loss,
            best_iteration=None if best is None else state.n_iterations_before + best,
            test_score=state.test_score,
            history=state.history,
            stop_reason=state.stop_reason,
            message=message,
            n_epochs=state.n_epochs_before + max(state.iteration, 0) // state.n_train_batches + 1,
            n_iterations=state.n_iterations_before + state.iteration + 1,
            seconds=state.seconds,
            loss=loss,
        )

    @property
    def is_validated(self) -> bool:
        """Return whether there was a validation."""
        return math.isfinite(self.best_validation_loss)

    @property
    def last_cost(self) -> float | None:
        """Return the cost of the last record, if there was no validation."""
        last = self.history[-1] if self.history else {}
        return last["cost"] if last.get("validation_loss", 0) is None else None

    def __repr__(self) -> str:
        parts = [f"{name} {value}" for name, value in self._scores()]
        parts.append(f"{self.n_epochs} epochs in {self.seconds:.1f} s")
        if self.message:
            parts.append(self.message)
        return f"<Result: {', '.join(parts)}>"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: a plain table that runs and loads nothing."""
        from html import escape  # few runs are shown in a notebook

        place = "".join(f" in epoch {r['epoch']}" for r in self.history if self._is_best(r))
        scores = dict(self._scores())
        rows = {}
        for name, value in scores.items():
            is_best = name.startswith("validation")
            rows[f"best {name}" if is_best else name] = value + (place if is_best else "")
        rows["epochs"] = f"{self.n_epochs} in {self.seconds:.1f} s"
        if self.message:
            rows["ended because"] = self.message
        lines = [
            f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>"
            for name, value in rows.items()
        ]
        return f"<table>{''.join(lines)}</table>"

    def _is_best(self, record: Record) -> bool:
        return record["iteration"] == self.best_iteration

    def _scores(self) -> list[tuple[str, str]]:
        scores = []
        if self.is_validated:
            value = self.loss.format(self.best_validation_loss)
            scores.append((f"validation {self.loss.name}", value))
        elif self.last_cost is not None:
            scores.append((self.loss.name, self.loss.format(self.last_cost)))
        if self.test_score is not None:
            scores.append((f"test {self.loss.name}", self.loss.format(self.test_score)))
        return scores


def record_lines(record: Record, n_train_batches: int, loss: Loss = ERROR) -> list[str]:
    """Return the lines for one record of the history.

    Parameters
    ----------
    record : dict
        As :class:`Result` describes it.
    n_train_batches : int
        Minibatches in an epoch.
    loss : Loss
        The kind of loss.

    Returns
    -------
    list of str
        One line, and a second one if the test set was evaluated.

    Notes
    -----
    Source: Classifying MNIST digits using Logistic Regression, its output.
    """
    place = f"epoch {record['epoch']}, minibatch {record['minibatch']}/{n_train_batches}"
    if "phase" in record:
        place = f"{record['phase']}, {place}"
    if record["validation_loss"] is None:
        return [f"{place}, {loss.name} {loss.format(record['cost'])}"]
    lines = [f"{place}, validation {loss.name} {loss.format(record['validation_loss'])}"]
    if record["test_score"] is not None:
        test_score = loss.format(record["test_score"])
        lines.append(f"     {place}, test {loss.name} of best model {test_score}")
    return lines


def result_lines(result: Result) -> list[str]:
    """Return the two closing lines of a training run.

    Parameters
    ----------
    result : Result

    Returns
    -------
    list of str

    Notes
    -----
    Source: Classifying MNIST digits using Logistic Regression, its output.
    """
    line = "Optimization complete"
    if result.is_validated:
        best = result.loss.format(result.best_validation_loss)
        line += f" with best validation score of {best}"
    elif result.last_cost is not None:
        line += f" with {result.loss.name} {result.loss.format(result.last_cost)}"
    if result.test_score is not None:
        line += f", with test performance {result.loss.format(result.test_score)}"
    return [
        line,
        f"The code ran for {result.n_epochs} epochs, with "
        f"{result.n_epochs / result.seconds:f} epochs/sec",
    ]
