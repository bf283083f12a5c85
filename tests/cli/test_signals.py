import math
import os
import signal
import sys

from dltutorials.cli import console
from dltutorials.cli.signals import handled
from dltutorials.training.interrupts import StopSignals

import pytest
from helpers import ROOT, SCRIPTS, run_python

NUMBERS = (signal.SIGINT, signal.SIGTERM)


@pytest.fixture
def run(monkeypatch):
    """Return console.run, in a process that is the program's own."""
    monkeypatch.setitem(vars(sys.modules["__main__"]), "of_a_program", True)
    monkeypatch.setattr(StopSignals, "latest", -math.inf)
    before = [signal.getsignal(number) for number in NUMBERS]
    yield lambda program: console.run(lambda _: program(), console.Parser(prog="program"), [])
    for number, handler in zip(NUMBERS, before):
        signal.signal(number, handler)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_that_come_together_end_a_program_once_and_in_good_order(
    run, capsys, number, status
):
    tidied = []

    def program():
        try:
            os.kill(os.getpid(), number)
        finally:
            for each in NUMBERS:
                os.kill(os.getpid(), each)
            tidied.append(True)

    assert run(program) == status
    assert tidied == [True]
    [line] = capsys.readouterr().err.splitlines()
    assert line.endswith(": interrupted")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_after_one_that_a_run_has_noted_do_not_disturb_its_end(run, capsys, number, status):
    def program():
        with StopSignals() as signals:
            os.kill(os.getpid(), number)
            os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)  # while the run is reported
        return signals.exit_status

    assert run(program) == status
    os.kill(os.getpid(), number)  # while Python ends
    assert capsys.readouterr().err == ""


def test_a_program_that_swallows_ctrl_c_gets_the_next_one(run, monkeypatch):
    def program():
        try:
            os.kill(os.getpid(), signal.SIGINT)
        except KeyboardInterrupt:
            monkeypatch.setattr("time.monotonic", lambda: 1e9)
        os.kill(os.getpid(), signal.SIGINT)
        raise AssertionError

    assert run(program) == 130


def test_at_the_end_there_is_nothing_to_interrupt(run):
    assert run(lambda: 0) == 0
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("start", ["import launcher; launcher.start()", "import dltutorials"])
def test_a_program_that_ignores_ctrl_c_says_that_sigterm_ended_it(start):
    program = f"""
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)  # as for a shell's background jobs
sys.argv = ["dltutorials"]
{start}
from dltutorials.cli import console

def program(_):
    os.kill(os.getpid(), signal.SIGINT)
    print("not interrupted")
    os.kill(os.getpid(), signal.SIGTERM)

sys.exit(console.run(program, console.Parser(prog="dltutorials"), []))
"""
    done = run_python("-c", program, check=False, PYTHONPATH=f"{SCRIPTS}{os.pathsep}{ROOT}")
    assert (done.returncode, done.stdout) == (143, "not interrupted\n")
    assert done.stderr == "dltutorials: interrupted\n"


def test_the_handlers_of_a_notebook_are_left_alone(capsys):
    before = [signal.getsignal(number) for number in NUMBERS]
    assert console.run(lambda _: 0, console.Parser(prog="program"), []) == 0
    assert before == [signal.getsignal(number) for number in NUMBERS]


def test_a_signal_is_handled_differently_for_a_while():
    before = signal.getsignal(signal.SIGTERM)
    with handled(signal.SIGTERM, signal.SIG_IGN):
        os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == before
