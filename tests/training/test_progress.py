import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

from dltutorials import Callback, Loss, ProgressBar, Task, TrainingState, train

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


@pytest.fixture
def terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)


@pytest.mark.usefixtures("terminal")
def test_the_bar_ends_where_the_patience_or_the_last_epoch_does():
    with ProgressBar(n_train_batches=10, n_epochs=5) as bar:
        assert bar.is_shown
        bar.on_minibatch(4, 0.5, 30)
        assert (bar._bar.n, bar._bar.total) == (5, 31)
        bar._next = 0
        bar.on_record({"validation_loss": 0.125})
        bar.on_minibatch(29, 0.25, 60.5)
        assert (bar._bar.n, bar._bar.total) == (30, 50)
        assert bar._bar.desc == "epoch 3, 10/10"
        assert bar._bar.postfix == "cost 0.250, error 12.50 %, patience 31"


@pytest.mark.usefixtures("terminal")
def test_a_disabled_bar_shows_nothing(capsys):
    with ProgressBar(10, disable=True) as bar:
        assert not bar.is_shown
        bar.on_minibatch(4, 0.5, 30)
        bar.on_record({"validation_loss": None})
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("terminal")
def test_a_bar_knows_from_the_run_how_long_it_is_and_what_it_shows():
    theta = [0.0]
    task = Task(
        lambda index: 0.25, 10, lambda: list(theta), lambda values: None, loss=Loss("cost", False)
    )
    shown = []

    class Look(Callback):
        def on_minibatch(self, iteration, cost, patience):
            shown.append((bar._bar.n, bar._bar.total, bar._bar.desc, bar._bar.postfix))

    with ProgressBar() as bar:
        state = TrainingState.begin(task).copy(phase="pretraining")
        train(task, 5, callbacks=[bar, Look()], resume=state)
    assert shown[0] == (1, 50, "pretraining, epoch 1, 1/10", "cost 0.250")
