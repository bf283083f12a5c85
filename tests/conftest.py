import gzip
import pickle
import signal
import sys
import textwrap
from pathlib import Path

import dltutorials
from dltutorials import backend

import numpy
import pytest
import theano
from helpers import load_script, make_split, run_python

# The modules of one backend that cannot be imported where the other is.
OF_THE_OTHER = {
    "Theano": (
        "image_operation_numba",
        "jax_arrays",
        "jax_faults",
        "jax_indices",
        "jax_kernels",
        "jax_mrg",
        "lazy_numba",
        "mrg_numba",
        "mrg_states",
        "mrg_streams",
        "mrg_uniform",
        "numba_functions",
        "numba_kernels",
        "pytensor_index",
        "pytensor_numba",
        "reductions_numba",
        "pytensor_scan",
        "random_streams",
    ),
    "PyTensor": (
        "few_rows",
        "narrow_layer",
        "whole_graph_linker",
        "sum_of_squares",
        "theano_patches",
        "vector_functions",
    ),
}[backend.name()]
FLOATX = theano.config.floatX
collect_ignore = [f"backend/test_{name}.py" for name in OF_THE_OTHER]


def pytest_configure(config):
    # A shell's background jobs ignore Ctrl-C, and so would the programs that the tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    folder = Path(dltutorials.__file__).parent / "backend"
    ignored = [str(folder / f"{name}.py") for name in OF_THE_OTHER]
    config.option.ignore = [*(config.option.ignore or []), *ignored]


@pytest.fixture(autouse=True)
def _the_same_beginning():
    """Begin every test with the same seed and type of numbers, whatever was chosen before it."""
    theano.config.floatX = FLOATX  # a module's fixture may have run a script
    numpy.random.seed(1234)
    yield
    theano.config.floatX = FLOATX


@pytest.fixture(params=["float32", "float64"])
def floatX(request):
    """Run a test with both types of numbers."""
    dltutorials.set_floatX(request.param)
    return request.param


@pytest.fixture
def tiny_sets():
    """Make a training, validation and test set of 60, 30 and 30 examples."""
    rng = numpy.random.RandomState(99)
    return tuple(make_split(rng, n) for n in (60, 30, 30))


@pytest.fixture
def write_dataset(tmp_path):
    """Return a function that writes anything the way mnist.pkl.gz is written."""

    def write(content, name="tiny.pkl.gz"):
        path = tmp_path / name
        with gzip.open(path, "wb", compresslevel=1) as file:
            pickle.dump(content, file, 4)
        return path

    return write


@pytest.fixture
def tiny_file(tiny_sets, write_dataset):
    return write_dataset(tiny_sets)


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def run_program(tmp_path, shared_cache):
    """Return a function: run a program in a process that knows nothing of this user.

    It has a home of its own. Its cache of compiled code is shared with other tests, so that what
    Theano compiles at every first start is compiled once.
    """

    def run(program, flags="", check=True, cache=shared_cache, **variables):
        flags = ",".join(filter(None, [f"base_compiledir={cache}", flags]))
        own = {"HOME": str(tmp_path), "THEANO_FLAGS": flags, "THEANORC": None}
        variables = {**own, "PYTENSOR_FLAGS": None, **variables}
        program = textwrap.dedent(program)
        return run_python("-c", program, folder=tmp_path, check=check, **variables)

    return run


@pytest.fixture
def find_main(tmp_path, monkeypatch):
    """Return a function that finds the main function of a script, to run in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def find(name):
        monkeypatch.setattr(sys, "argv", [f"{name}.py"])
        return load_script(name).main

    return find


@pytest.fixture
def main(find_main, tiny_file):
    """Return the main function of train_logreg, on the tiny data set, with a file to save to."""
    script = find_main("train_logreg")
    defaults = ["--dataset", str(tiny_file), "--batch-size", "10", "--save", "saved.pkl"]
    return lambda *arguments: script([*defaults, *arguments])
