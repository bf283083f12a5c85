"""Callbacks: how the training loop reports, and asks whether to stop.

A callback is an instance of a subclass of :class:`Callback` that overrides the methods it needs:

>>> class CountImprovements(Callback):
...     n = 0
...     def on_improvement(self, params):
...         self.n += 1
>>> counter = CountImprovements()
>>> hooks = Hooks([counter])
>>> for on_improvement in hooks.on_improvement:
...     on_improvement([])
>>> counter.n, hooks.on_minibatch
(1, [])

Only overridden methods are called, so that unused ones take no time.
"""

from collections.abc import Callable, Sequence
from typing import Any

from dltutorials.exceptions import OptionError
from dltutorials.training.state import Record, TrainingState
from dltutorials.training.task import Task


class Callback:
    """The base of all callbacks of :func:`dltutorials.train`; it does nothing."""

    def on_begin(self, task: Task, state: TrainingState, n_epochs: int) -> None:
        """Handle the start of training, or its continuation from `state`; once per phase."""

    def on_minibatch(self, iteration: int, cost: float, patience: float) -> None:
        """Handle a minibatch: its iteration (from 0), its cost and the patience; must be quick.

        If the cost is still on a device (:class:`~dltutorials.training.task.Task`), reading it
        waits for it.
        """

    def on_improvement(self, params: list[Any]) -> None:
        """Handle better parameters, or the newest ones if nothing is validated."""

    def on_record(self, record: Record) -> None:
        """Handle a new record of the history."""

    def on_checkpoint(self, state: TrainingState) -> None:
        """Handle the complete training state, after each record and at the end.

        The callback may keep the state; training does not change it. ``state.stop_reason`` says
        whether it is the last one.
        """

    def stop_requested(self) -> bool:
        """Return whether to end the run; called after each minibatch, never within a step."""
        return False


class Hooks:
    """The overridden methods of callbacks, one list per method name.

    Raises
    ------
    OptionError
        If one of them is not an instance of :class:`Callback`.
    """

    def __init__(self, callbacks: Sequence[Callback]) -> None:
        for callback in callbacks:
            if not isinstance(callback, Callback):
                raise OptionError(
                    f"callbacks: got {callback!r}, expected instances of dltutorials.Callback"
                )

        def overridden(name: str) -> list[Callable]:
            empty = getattr(Callback, name)
            return [getattr(c, name) for c in callbacks if getattr(type(c), name) is not empty]

        self.on_begin = overridden("on_begin")
        self.on_minibatch = overridden("on_minibatch")
        self.on_improvement = overridden("on_improvement")
        self.on_record = overridden("on_record")
        self.on_checkpoint = overridden("on_checkpoint")
        self.stop_requested = overridden("stop_requested")
