import gzip
import pickle
import sys
from pathlib import Path

import dltutorials
from dltutorials import backend

import numpy
import pytest
import theano
from helpers import load_script, make_split

# What is about Theano itself, and cannot be imported where another engine takes its place.
ABOUT_THEANO = ("whole_graph_linker", "sum_of_squares", "theano_patches")
collect_ignore = []


def pytest_configure(config):
    if backend.name() != "Theano":
        folder = Path(dltutorials.__file__).parent / "backend"
        ignored = [str(folder / f"{name}.py") for name in ABOUT_THEANO]
        config.option.ignore = [*(config.option.ignore or []), *ignored]
        collect_ignore.extend(f"backend/test_{name}.py" for name in ABOUT_THEANO)


@pytest.fixture(autouse=True)
def _seed():
    numpy.random.seed(1234)


@pytest.fixture(params=["float32", "float64"])
def floatX(request):
    """Run a test with both types of numbers."""
    before = theano.config.floatX
    dltutorials.set_floatX(request.param)
    yield request.param
    theano.config.floatX = before


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


@pytest.fixture
def main(tmp_path, monkeypatch, tiny_file):
    """Return the main function of train_logreg, on the tiny data set, with a file to save to."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["train_logreg.py"])
    before = theano.config.floatX
    script = load_script("train_logreg")
    defaults = ["--dataset", str(tiny_file), "--batch-size", "10", "--save", "saved.pkl"]
    yield lambda *arguments: script.main([*defaults, *arguments])
    theano.config.floatX = before
