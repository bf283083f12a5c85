r"""When to stop: the tutorial's early stopping with geometrically growing patience.

The rule looks at the validation loss every ``validation_frequency`` minibatches. A training run
gets at least ``patience`` minibatches; each time the loss falls below ``improvement_threshold``
times the best loss so far, in iteration :math:`t`, this is extended to at least
``patience_increase`` :math:`\cdot\ t` minibatches. A smaller improvement still gives a new best
model, but does not extend the patience. With ``significance``, a test replaces the threshold: an
improvement extends the patience if it is more than luck on these examples.

Iterations are minibatches, numbered from 0 over the whole run; patience
is compared with that number after *every* minibatch, so that a run may end in
the middle of an epoch. The rule is plain Python and can be tried by hand:

>>> rule = EarlyStopping(patience=4, validation_frequency=2)
>>> state = rule.start(n_train_batches=2)
>>> losses = [0.5, 0.3, 0.3, 0.3, 0.3]
>>> iteration = 0
>>> while not state.is_exhausted(iteration - 1):
...     if state.is_validation_due(iteration):
...         print(iteration, state.observe(iteration, losses[iteration // 2]))
...     iteration += 1
1 True
3 True
5 False
>>> state.patience, state.best_iteration, iteration
(6, 3, 7)

:class:`EarlyStopping` holds the options and never changes;
:class:`PatienceState` is what one training run has seen so far.
"""

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dltutorials.checks import require_fraction, require_integer, require_level, require_positive
from dltutorials.exceptions import OptionError
from dltutorials.loss import ERROR, Loss
from dltutorials.training.significance import mcnemar_p_value


@dataclass(frozen=True)
class EarlyStopping:
    """The options of the rule.

    Parameters
    ----------
    patience : int
        The initial patience, in minibatches; at least 2.
    patience_increase : float
        A sufficient improvement in iteration `t` extends patience to ``t * patience_increase``
        minibatches; positive.
    improvement_threshold : float
        A new loss below this fraction of the best one is a sufficient improvement; in (0, 1].
        For a loss below 0, or one where larger is better, the threshold is at the same distance
        from the best one.
    significance : float, optional
        If given, an improvement is sufficient if it is significant at this level instead: if
        the p-value of McNemar's exact test
        (:func:`dltutorials.training.significance.mcnemar_p_value`) is at most this; in (0, 1).
    validation_frequency : int, optional
        Minibatches between two validations; by default one epoch or half the patience, whichever is
        less, so that patience cannot run out before the second validation.

    Raises
    ------
    OptionError
        If a value lies outside its range.

    Notes
    -----
    Source: Getting Started, "Early-Stopping".
    Differs: the chapter's comment counts patience in examples and its code halves it with ``/``;
    the code really counts minibatches, and here the division is an integer division.
    """

    patience: int = 5000
    patience_increase: float = 2
    improvement_threshold: float = 0.995
    validation_frequency: int | None = None
    significance: float | None = None

    def __post_init__(self) -> None:
        """Refuse values that the rule cannot work with."""
        require_integer("patience", self.patience, at_least=2)
        require_positive("patience_increase", self.patience_increase)
        require_fraction("improvement_threshold", self.improvement_threshold)
        if self.validation_frequency is not None:
            require_integer("validation_frequency", self.validation_frequency, at_least=1)
        if self.significance is not None:
            require_level("significance", self.significance)

    def start(
        self,
        n_train_batches: int,
        can_tell_misclassified: bool = True,
        loss: Loss = ERROR,
        is_validated: bool = True,
    ) -> "PatienceState":
        """Return the state of a training run that has not begun.

        Parameters
        ----------
        n_train_batches : int
            Minibatches in one epoch; at least 1.
        can_tell_misclassified : bool
            Whether it is known which validation examples are misclassified.
        loss : Loss
            The loss that is observed; it says whether larger is better.
        is_validated : bool
            Whether there is a validation loss; without one, records are an epoch apart unless
            `validation_frequency` says otherwise.

        Returns
        -------
        PatienceState

        Raises
        ------
        OptionError
            If significance is to be tested, but it is not known which examples are
            misclassified.
        """
        if self.significance is not None and not can_tell_misclassified:
            raise OptionError(
                "significance: there are no mistakes on validation examples to test; give the "
                "task a validation set, and compile_task(..., misclassified=model.misclassified(y))"
            )
        require_integer("n_train_batches", n_train_batches, at_least=1)
        an_epoch = min(n_train_batches, self.patience // 2) if is_validated else n_train_batches
        frequency = self.validation_frequency or an_epoch
        return PatienceState(self, frequency, self.patience, loss, loss.worst)


@dataclass
class PatienceState:
    """The validation losses of one run so far, and the decisions that follow from them.

    Attributes
    ----------
    rule : EarlyStopping
    validation_frequency : int
        Minibatches between two validations.
    patience : float
        The run ends with the first iteration that reaches this number.
    loss : Loss
        The loss that is observed.
    best_validation_loss : float
        The best loss so far; initially inf, or -inf if larger is better.
    best_iteration : int or None
        The iteration in which it was observed.
    best_misclassified : bool array or None
        Which examples were misclassified in that iteration, if the rule tests significance.
    """

    rule: EarlyStopping
    validation_frequency: int
    patience: float
    loss: Loss = ERROR
    best_validation_loss: float = math.inf
    best_iteration: int | None = None
    best_misclassified: Any | None = None

    def is_validation_due(self, iteration: int) -> bool:
        """Return whether to validate after this iteration."""
        return (iteration + 1) % self.validation_frequency == 0

    def observe(
        self,
        iteration: int,
        validation_loss: float,
        find_misclassified: Callable[[], Any] | None = None,
    ) -> bool:
        """Record a validation loss; return whether it is the best so far.

        `find_misclassified` returns which validation examples are misclassified;
        it is called for a new best loss if the rule tests significance.
        """
        if not self.loss.is_better(validation_loss, self.best_validation_loss):
            return False
        if self.rule.significance is None:
            is_good_enough = self.loss.is_better(validation_loss, self._threshold())
        else:
            is_good_enough = self._is_significant(find_misclassified, self.rule.significance)
        if is_good_enough:
            extended = min(iteration * self.rule.patience_increase, sys.float_info.max)
            self.patience = max(self.patience, extended)
        self.best_validation_loss = validation_loss
        self.best_iteration = iteration
        return True

    def _threshold(self) -> float:
        """Return the loss that a sufficient improvement must beat."""
        best, factor = self.best_validation_loss, self.rule.improvement_threshold
        is_towards_zero = (best > 0) != self.loss.larger_is_better
        return best * (factor if is_towards_zero else 2 - factor)

    def _is_significant(self, find_misclassified: Callable[[], Any] | None, level: float) -> bool:
        """Compare the mistakes of the new best model with those of the previous one."""
        if find_misclassified is None:
            raise OptionError("significance: needs the mistakes on each validation example")
        before, self.best_misclassified = self.best_misclassified, find_misclassified()
        return before is None or mcnemar_p_value(before, self.best_misclassified) <= level

    def is_exhausted(self, iteration: int) -> bool:
        """Return whether the run ends after this iteration."""
        return self.patience <= iteration
