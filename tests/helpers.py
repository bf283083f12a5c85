"""What many tests share, beside the fixtures in conftest.py: scripts, processes, small data."""

import contextlib
import importlib
import importlib.util
import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path

from dltutorials import backend
from dltutorials.__main__ import find_commands
from dltutorials.training.callbacks import Callback

import numpy
import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ROOT / "scripts"

theano_only = pytest.mark.skipif(backend.name() != "Theano", reason="about Theano itself")
known_shapes = pytest.mark.skipif(
    backend.uses_jax(), reason="JAX compiles for shapes that it knows"
)
numpys_memory = pytest.mark.skipif(
    backend.uses_jax(), reason="shared variables do not keep NumPy's arrays with JAX"
)
numpys_numbers = pytest.mark.skipif(
    backend.uses_jax(), reason="shared_randomstreams, whose numbers NumPy draws, refuses JAX"
)
on_pytensor = pytest.mark.skipif(backend.name() == "Theano", reason="Theano is installed here")


def load_module(path):
    """Import a file by its path."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load_script(name):
    """Import a script or a command, by its name without an ending."""
    return importlib.import_module(find_commands()[name.replace("_", "-")])


def run_python(*arguments, folder=None, check=True, **variables):
    """Run Python in a process of its own; variables of None are not in its environment."""
    variables = {**os.environ, **variables}
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=folder,
        env={name: value for name, value in variables.items() if value is not None},
        capture_output=True,
        text=True,
    )
    assert not check or done.returncode == 0, done.stderr
    return done


def make_split(rng, n_examples):
    """Make examples in the format of MNIST that a linear model can learn."""
    y = rng.randint(0, 10, n_examples)
    x = rng.randint(0, 64, (n_examples, 784))
    for row, label in zip(x, y):
        row[label * 78 : label * 78 + 20] = 160
    return (x / 256).astype("float32"), y.astype("int64")


def save_npz(path, sets, **changes):
    """Write three pairs of examples and labels as a data set of your own; return its path."""
    names = [f"{part}_{kind}" for part in ("train", "valid", "test") for kind in "xy"]
    arrays = dict(zip(names, [array for pair in sets for array in pair]))
    numpy.savez(path, **{**arrays, **changes})
    return path


def damage(content, rng):
    """Return bytes with a few of the first 2,000 changed, and often cut."""
    damaged = bytearray(content)
    for _ in range(rng.choice([1, 1, 4])):
        damaged[rng.randrange(min(len(damaged), 2000))] = rng.randrange(256)
    if rng.random() < 0.3:
        del damaged[rng.randrange(len(damaged)) :]
    return bytes(damaged)


def without_seconds(history):
    """Return records without the time, which no two training runs share."""
    return [{name: record[name] for name in record if name != "seconds"} for record in history]


class Recorder(Callback):
    """Notes what the loop tells, in its order; ends it when `stop` returns True."""

    def __init__(self, stop=lambda: False):
        self.stop, self.calls = stop, []

    def of(self, name):
        return [value for each, value in self.calls if each == name]

    @property
    def states(self):
        return self.of("checkpoint")

    @property
    def records(self):
        return self.of("record")

    def on_improvement(self, params):
        self.calls.append(("improvement", list(params)))

    def on_record(self, record):
        self.calls.append(("record", record))

    def on_checkpoint(self, state):
        self.calls.append(("checkpoint", state))

    def stop_requested(self):
        return self.stop()


class At(Callback):
    """Does something after a minibatch, counted over all phases."""

    def __init__(self, minibatch, act):
        self.minibatch, self.act = minibatch, act
        self.n_done = 0

    def on_minibatch(self, iteration, cost, patience):
        self.n_done += 1
        if self.n_done == self.minibatch:
            self.act()


def kill():
    os.kill(os.getpid(), signal.SIGKILL)


def killed(program):
    """Run a program in a process of its own, and require that SIGKILL ends it."""
    if backend.uses_jax():
        pytest.skip("JAX's threads are lost in a fork, and it waits for them")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads, which do nothing here
        process = os.fork()
    if process == 0:
        with contextlib.suppress(BaseException):
            program()
        os._exit(1)
    _, status = os.waitpid(process, 0)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGKILL
