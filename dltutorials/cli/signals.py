"""Ctrl-C and SIGTERM: a program ends only once, in an orderly way, with the right status.

>>> exit_status(KeyboardInterrupt()), exit_status(KeyboardInterrupt(143))
(130, 143)
"""

import contextlib
import math
import signal
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

from dltutorials.training.interrupts import AT_ONCE, StopSignals

INTERRUPTED = 130
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def exit_status(interrupt: KeyboardInterrupt) -> int:
    """Return the exit status of a program that a signal ended: 130 or 143."""
    return int(interrupt.args[0]) if interrupt.args else INTERRUPTED


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """In a program with its own process, treat several signals in quick succession as one.

    The first one raises a KeyboardInterrupt, unless a training run notes it
    (:class:`~dltutorials.training.interrupts.StopSignals`); a second would interrupt the clean-up
    or the report that follows. After the block, there is nothing left to interrupt. Such a
    program's main module is marked (:mod:`dltutorials._startup`). A signal that it ignores
    (``nohup``) stays ignored.
    """
    if not vars(sys.modules["__main__"]).pop("of_a_program", False):
        yield
        return
    latest = -math.inf

    def interrupt(number: int, _frame: Any) -> None:
        nonlocal latest
        before, latest = max(latest, StopSignals.latest), time.monotonic()
        if latest - before >= AT_ONCE:
            raise KeyboardInterrupt(128 + number)

    numbers = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    for number in numbers:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        is_ending = math.isfinite(max(latest, StopSignals.latest))
        for number in numbers:
            must_end = number == signal.SIGTERM and not is_ending
            signal.signal(number, signal.SIG_DFL if must_end else signal.SIG_IGN)


@contextlib.contextmanager
def handled(number: int, handler: Any) -> Iterator[None]:
    """Handle a signal differently during the block, if Python allows it: in the main thread."""
    previous = signal.getsignal(number)
    if previous is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, previous)
