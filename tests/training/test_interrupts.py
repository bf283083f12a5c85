import os
import signal
import threading
import time

from dltutorials.training.interrupts import AT_ONCE, StopSignals

import pytest

HANDLED = (signal.SIGINT, signal.SIGTERM)


@pytest.fixture(autouse=True)
def _usual_handlers():
    """Start from what a program in a terminal has, whatever the tests run under."""
    before = [signal.signal(signal.SIGINT, signal.default_int_handler)]
    before.append(signal.signal(signal.SIGTERM, signal.SIG_DFL))
    yield
    for number, handler in zip(HANDLED, before):
        signal.signal(number, handler)


def handlers():
    return [signal.getsignal(number) for number in HANDLED]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_is_noted_and_gives_the_exit_status(number, status):
    before = handlers()
    with StopSignals() as signals:
        assert not signals.stop_requested()
        assert handlers() != before
        os.kill(os.getpid(), number)
        assert signals.stop_requested()
    assert handlers() == before
    assert signals.received == number
    assert signals.exit_status == status


def test_signals_that_come_together_count_as_one_and_a_later_one_acts_at_once(monkeypatch):
    before = handlers()
    with StopSignals() as signals:
        for number in (signal.SIGINT, signal.SIGINT, signal.SIGTERM):
            os.kill(os.getpid(), number)
        assert signals.received == signal.SIGINT
        later = time.monotonic() + AT_ONCE
        monkeypatch.setattr("time.monotonic", lambda: later)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
        assert handlers() == before


def test_handlers_are_put_back_without_a_signal():
    before = handlers()
    with StopSignals():
        assert handlers() != before
    assert handlers() == before


def test_a_signal_that_the_process_ignores_stays_ignored():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with StopSignals() as signals:
        os.kill(os.getpid(), signal.SIGINT)
        assert not signals.stop_requested()


def test_nothing_is_installed_outside_the_main_thread():
    before, seen = handlers(), []

    def enter():
        with StopSignals() as signals:
            seen.append((handlers(), signals.stop_requested()))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert seen == [(before, False)]


def test_they_are_noted_from_the_first_phase_on_until_closed():
    before = handlers()
    signals = StopSignals()
    for _ in range(2):
        signals.on_begin(task=None, state=None, n_epochs=1)
        assert handlers() != before
    signals.close()
    assert handlers() == before
