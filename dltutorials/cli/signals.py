"""Ctrl-C and SIGTERM: a program ends only once, in an orderly way, with the right status.

>>> exit_status(KeyboardInterrupt()), exit_status(KeyboardInterrupt(143))
(130, 143)
"""

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

INTERRUPTED = 130
_AT_ONCE = 1.0  # seconds within which several signals count as one


def exit_status(interrupt: KeyboardInterrupt) -> int:
    """Return the exit status of a program that a signal ended: 130 or 143."""
    return int(interrupt.args[0]) if interrupt.args else INTERRUPTED


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """In a program with its own process, treat several signals in quick succession as one.

    The first one raises a KeyboardInterrupt; a second would interrupt the clean-up that this
    starts. After the block, there is nothing left to interrupt. Such a program's main module is
    marked (:mod:`dltutorials._startup`). A signal that it ignores (``nohup``) stays ignored.
    """
    if not vars(sys.modules["__main__"]).pop("of_a_program", False):
        yield
        return
    latest = -_AT_ONCE

    def interrupt(number: int, _frame: Any) -> None:
        nonlocal latest
        before, latest = latest, time.monotonic()
        if latest - before >= _AT_ONCE:
            raise KeyboardInterrupt(128 + number)

    after = {signal.SIGINT: signal.SIG_IGN, signal.SIGTERM: signal.SIG_DFL}
    numbers = [number for number in after if signal.getsignal(number) is not signal.SIG_IGN]
    for number in numbers:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, after[number])


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
