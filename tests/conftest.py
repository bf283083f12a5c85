import gzip
import pickle

import dltutorials

import numpy
import pytest
import theano


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


def make_split(rng, n_examples):
    """Make examples in the format of MNIST that a linear model can learn."""
    y = rng.randint(0, 10, n_examples)
    x = rng.randint(0, 64, (n_examples, 784))
    for row, label in zip(x, y):
        row[label * 78 : label * 78 + 20] = 160
    return (x / 256).astype("float32"), y.astype("int64")


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
