"""Ctrl-C and SIGTERM: what ends a program ends it once, in good order, with the right status.

>>> exit_status(KeyboardInterrupt()), exit_status(KeyboardInterrupt(143))
(130, 143)
"""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

INTERRUPTED = 130
_AT_ONCE = 1.0  # seconds within which several signals are one


def exit_status(interrupt: KeyboardInterrupt) -> int:
    """Return the exit status of a program that ends for a signal: 130 or 143."""
    return int(interrupt.args[0]) if interrupt.args else INTERRUPTED


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """In a program that has a process of its own, take several signals at a time for one.

    The first one raises a KeyboardInterrupt, and a second would end what that has begun. When
    the block is left, there is nothing to interrupt any more. Until it is entered, the program
    has a handler of Ctrl-C of its own (:mod:`dltutorials._startup`), by which it is known.
    """
    if not getattr(signal.getsignal(signal.SIGINT), "of_a_program", False):
        yield
        return
    latest = -_AT_ONCE

    def interrupt(number: int, _frame: Any) -> None:
        nonlocal latest
        before, latest = latest, time.monotonic()
        if latest - before >= _AT_ONCE:
            raise KeyboardInterrupt(128 + number)

    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


@contextlib.contextmanager
def handled(number: int, handler: Any) -> Iterator[None]:
    """Handle a signal differently during the block, where Python allows it: in the main thread."""
    previous = signal.getsignal(number)
    if previous is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, previous)
