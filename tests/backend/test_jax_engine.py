"""JAX under PyTensor, on the processor: what is on the device stays there."""

import importlib.util
import re
from pathlib import Path

from dltutorials import backend
from dltutorials.backend import jax_engine
from dltutorials.backend.devices import gpu_number, refuse_gpu, wanted_device
from dltutorials.backend.flags import UserSettings
from dltutorials.exceptions import SetupError

import pytest
from helpers import SCRIPTS, on_pytensor, run_python, theano_only

needs_jax = pytest.mark.skipif(
    backend.name() == "Theano" or importlib.util.find_spec("jax") is None, reason="needs JAX"
)


@pytest.mark.parametrize("device", ["tpu", "cuda-1", "cuda:0", "opencl0:0", "CUDA"])
def test_a_device_that_there_is_not_is_refused(monkeypatch, device):
    monkeypatch.setenv("THEANO_FLAGS", f"device={device}")
    with pytest.raises(SetupError, match=f"^device: got {device}, expected cpu, cuda, or cuda0"):
        wanted_device(UserSettings())


def test_the_old_name_of_a_gpu_is_told(monkeypatch):
    monkeypatch.setenv("THEANO_FLAGS", "device=gpu1")
    with pytest.warns(UserWarning, match="device=gpu1: the old name of cuda1, which is used"):
        assert wanted_device(UserSettings()) == "cuda1"


def test_theano_says_who_has_a_gpu(monkeypatch):
    monkeypatch.setenv("THEANO_FLAGS", "device=cuda")
    with pytest.raises(SetupError, match=r"got cuda, but Theano .* use Python 3\.12 or later"):
        refuse_gpu(UserSettings())


@theano_only
def test_theano_does_not_go_on_without_the_gpu(run_program):
    done = run_program("import dltutorials", flags="device=cuda", check=False)
    assert done.returncode == 1
    assert "device: got cuda, but Theano computes on the processor only" in done.stderr


@pytest.mark.parametrize(("device", "command"), [("cpu", "jax"), ("cuda1", r"'jax\[cuda12\]'")])
def test_without_jax_the_message_has_the_command(monkeypatch, device, command):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SetupError, match=f"needs JAX, .* pip install {command}$"):
        jax_engine.require_jax(device)


@needs_jax
def test_a_gpu_that_is_not_there_is_one_line(run_program):
    program = """if True:
        import sys
        sys.argv = ["dltutorials"]
        import dltutorials
    """
    done = run_program(program, flags="device=cuda7", check=False, CUDA_VISIBLE_DEVICES="")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
    assert "error: device: got cuda7, but JAX cannot use a GPU here" in done.stderr
    assert "pip install 'jax[cuda12]'" in done.stderr


class FakeJax:
    """JAX on a machine with some GPUs, or with a driver that it cannot use."""

    def __init__(self, gpus, error=None):
        self.gpus, self.error, self.config = gpus, error, self

    def update(self, name, value):
        pass

    def devices(self, platform):
        if self.error is not None:
            raise self.error
        return self.gpus


def test_gpus_are_counted_from_0():
    here = FakeJax(["first", "second"])
    chosen = [
        jax_engine._find_device(here, device, gpu_number(device))
        for device in ("cuda", "cuda0", "cuda1")
    ]
    assert chosen == ["first", "first", "second"]
    with pytest.raises(SetupError, match=r"got cuda9, expected one of the GPUs here: cuda0, cuda1"):
        jax_engine._find_device(here, "cuda9", 9)


def test_a_driver_that_is_too_old_is_one_line():
    error = RuntimeError(
        "Unable to initialize backend 'cuda': INTERNAL: no supported devices found:\n CUDA driver "
        "version is insufficient for CUDA runtime version"
    )
    with pytest.raises(SetupError) as raised:
        jax_engine._find_device(FakeJax([], error), "cuda", 0)
    message = str(raised.value)
    assert "driver version is insufficient" in message
    assert "nvidia-smi shows GPUs and their driver" in message
    assert "\n" not in message


@on_pytensor
def test_a_gpu_needs_jax_as_the_linker(run_program):
    done = run_program("import dltutorials", flags="device=cuda,linker=numba", check=False)
    if importlib.util.find_spec("jax") is not None:
        assert "device: got cuda, which needs linker=jax; got linker=numba" in done.stderr
    assert done.returncode == 1


@needs_jax
@pytest.mark.slow
@pytest.mark.numbers
@pytest.mark.skipif(backend.uses_jax(), reason="they run by themselves with linker=jax")
def test_nothing_crosses_to_the_device_but_chunks(tmp_path):
    """Run the tests of this where JAX computes."""
    tests = Path(__file__).with_name("test_residency.py")
    command = ["-m", "pytest", "-q", "-m", "not slow", "-p", "no:cacheprovider", tests]
    flags = f"linker=jax,base_compiledir={tmp_path}"
    done = run_python(*command, check=False, THEANO_FLAGS=flags, PYTENSOR_FLAGS=None)
    assert done.returncode == 0, done.stdout
    assert re.fullmatch(r"\d+ passed, \d+ deselected.*", done.stdout.splitlines()[-1]), done.stdout


@needs_jax
@pytest.mark.slow
@pytest.mark.numbers
def test_the_published_numbers_and_resuming(tmp_path):
    """Stopped after two epochs and resumed, a run ends in the same bytes."""
    script = [SCRIPTS / "train_logreg.py", "--checkpoint", "run.state"]

    def train(*options):
        return run_python(*script, *options, folder=tmp_path, THEANO_FLAGS="linker=jax")

    train("--n-epochs", 3, "--save", "whole.pkl")
    first = train("--n-epochs", 2)
    assert "epoch 2, minibatch 83/83, validation error 11.010417 %" in first.stdout
    assert "test error of best model 10.958333 %" in first.stdout
    resumed = train("--n-epochs", 3, "--resume", "run.state", "--save", "parts.pkl")
    assert "test error of best model 10.312500 %" in resumed.stdout
    assert (tmp_path / "whole.pkl").read_bytes() == (tmp_path / "parts.pkl").read_bytes()
