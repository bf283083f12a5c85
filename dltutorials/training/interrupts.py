"""Ending a training run cleanly when the user or the system asks.

While it is open, a :class:`StopSignals` notes Ctrl-C (SIGINT) and SIGTERM. As a callback of the
training loop, it is asked after each minibatch whether to stop; the loop then ends, and its
results are reported and saved. Signals in quick succession count as one; a later one has its usual
effect, so that a program that hangs can still be stopped.

>>> import os, signal
>>> with StopSignals() as signals:
...     before = signals.stop_requested()
...     os.kill(os.getpid(), signal.SIGTERM)
...     print(before, signals.stop_requested(), signals.exit_status)
False True 143
"""

import math
import signal
import threading
import time
from typing import Any

from dltutorials.training.callbacks import Callback
from dltutorials.training.state import TrainingState
from dltutorials.training.task import Task

AT_ONCE = 1.0  # seconds within which several signals count as one
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopSignals(Callback):
    """Notes signals instead of letting them interrupt, and makes the training loop end.

    Handlers are installed when the ``with`` block is entered, or else when training begins (so
    that compilation can be interrupted). The previous ones are restored when the block is left,
    by :meth:`close`, or by a second signal more than a second later. All this happens only in the
    main thread, where Python allows it, and not for a signal that the process ignores (``nohup``).

    Attributes
    ----------
    received : int or None
        The number of the received signal.
    latest : float
        Of the class: when a run in this process last noted a signal, as ``time.monotonic()``.
    """

    latest = -math.inf

    def __init__(self) -> None:
        self.received: int | None = None
        self._previous: dict[int, Any] = {}

    def stop_requested(self) -> bool:
        """Return whether a signal has been received."""
        return self.received is not None

    @property
    def exit_status(self) -> int:
        """The exit status of a program that the signal ended: 130 or 143."""
        return 128 + (self.received or signal.SIGINT)

    def on_begin(self, task: Task, state: TrainingState, n_epochs: int) -> None:
        """Note signals from here on."""
        self._install()

    def close(self) -> None:
        """Restore the previous handlers."""
        while self._previous:
            signal.signal(*self._previous.popitem())

    def __enter__(self) -> "StopSignals":
        self._install()
        return self

    def __exit__(self, *_exception: Any) -> None:
        self.close()

    def _install(self) -> None:
        is_main = threading.current_thread() is threading.main_thread()
        if not is_main or self._previous or self.stop_requested():
            return
        for number in _SIGNALS:
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                self._previous[number] = signal.signal(number, self._note)

    def _note(self, number: int, _frame: Any) -> None:
        now = time.monotonic()
        if self.received is None:
            self.received, StopSignals.latest = number, now
        elif now - StopSignals.latest >= AT_ONCE:
            self.close()
            signal.raise_signal(number)
