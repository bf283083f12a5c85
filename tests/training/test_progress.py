import contextlib
import fcntl
import io
import itertools
import os
import pty
import re
import struct
import subprocess
import sys
import termios

from dltutorials import Loss, ProgressBar, Task, TrainingState, train

import pytest
from helpers import SCRIPTS

SCRIPT = SCRIPTS / "train_logreg.py"


def train_on_a_terminal(folder, tiny_file, **variables):
    """Return what a terminal receives of a training."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    arguments = ["--dataset", str(tiny_file), "--batch-size", "10", "--n-epochs", "400"]
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), *arguments],
        cwd=folder,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", **variables},
    )
    os.close(theirs)
    received = b""
    while True:
        try:
            part = os.read(ours, 1 << 16)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        received += part
    os.close(ours)
    assert process.wait(timeout=60) == 0
    return received.decode()


BAR = r"epoch \d+, \d/6 \|.*\| \S+ left, cost \d\.\d{3}(, error \d+\.\d\d %)?, patience \d,\d{3}"


@pytest.mark.slow
def test_a_bar_on_a_terminal_and_every_line_whole(tmp_path, tiny_file):
    received = train_on_a_terminal(tmp_path, tiny_file)
    assert re.search(BAR, received)
    assert "\x1b[32m" in received
    lines = [line.split("\r")[-1] for line in received.replace("\r\n", "\n").split("\n")]
    n_validations = sum(bool(re.fullmatch(r"epoch \d+, minibatch 6/6, .*", s)) for s in lines)
    assert n_validations == 400
    assert "Optimization complete" in lines[-4]
    assert lines[-2].startswith("all 400 epochs are done; the best parameters are in")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variables", "has_bar"), [({"NO_COLOR": "1"}, True), ({"TERM": "dumb"}, False)]
)
def test_no_colour_where_it_is_not_wanted(tmp_path, tiny_file, variables, has_bar):
    received = train_on_a_terminal(tmp_path, tiny_file, **variables)
    assert bool(re.search(BAR, received)) == has_bar
    assert "\x1b[3" not in received


class Terminal(io.StringIO):
    """What is written to a terminal."""

    def isatty(self):
        return True

    def bars(self):
        """Return what has been drawn: text, full tenths of the bar, text."""
        found = re.findall(r"([^|\r]+) \|([^|]*)\|[^|\r]* left, ([^\r\x1b]*)", self.getvalue())
        return [
            (re.sub(r"\x1b\[\w*", "", place), bar.count("#"), rest.strip())
            for place, bar, rest in found
        ]


@pytest.fixture
def drawing(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("time.monotonic", itertools.count().__next__)  # always time to draw
    return contextlib.redirect_stderr(Terminal())  # pytest has its own stderr until the test begins


def test_the_bar_ends_where_the_patience_or_the_last_epoch_does(drawing):
    with drawing as terminal, ProgressBar(n_train_batches=10, n_epochs=5) as bar:
        assert bar.is_shown
        bar.on_minibatch(14, 0.5, 30)  # 15 of 31
        bar.on_record({"validation_loss": 0.125})
        bar.on_minibatch(29, 0.25, 60.5)  # 30 of 50
    assert terminal.bars() == [
        ("epoch 2, 5/10", 4, "cost 0.500, patience 16"),
        ("epoch 3, 10/10", 6, "cost 0.250, error 12.50 %, patience 31"),
    ]


def test_a_disabled_bar_shows_nothing(drawing):
    with drawing as terminal, ProgressBar(10, disable=True) as bar:
        assert not bar.is_shown
        bar.on_minibatch(4, 0.5, 30)
        bar.on_record({"validation_loss": None})
    assert terminal.getvalue() == ""


def test_a_bar_knows_from_the_run_how_long_it_is_and_what_it_shows(drawing):
    theta = [0.0]
    task = Task(
        lambda index: 0.25, 10, lambda: list(theta), lambda values: None, loss=Loss("cost", False)
    )
    with drawing as terminal, ProgressBar() as bar:
        state = TrainingState.begin(task).copy(phase="pretraining")
        train(task, 5, callbacks=[bar], resume=state)
    shown = terminal.bars()
    assert shown[0] == ("pretraining, epoch 1, 1/10", 0, "cost 0.250")
    assert shown[-1] == ("pretraining, epoch 5, 10/10", 10, "cost 0.250")
