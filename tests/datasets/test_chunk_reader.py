"""Reading in chunks, which needs no Theano."""

import dltutorials
from dltutorials.datasets.chunk_reader import ChunkReader
from dltutorials.exceptions import DataError

import numpy
import pytest
from helpers import run_python

PACKAGE = list(dltutorials.__path__)


@pytest.fixture
def data():
    rng = numpy.random.RandomState(5)
    return rng.rand(137, 6).astype("float32"), rng.randint(0, 3, 137)


@pytest.mark.parametrize("read_ahead", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_chunks_are_rows_of_the_columns(data, dtype, read_ahead):
    reader = ChunkReader(data, 10, 4, dtype, read_ahead)
    assert (reader.n_examples, reader.n_chunks) == (137, 4)
    for number in (0, 1, 3, 2, 2, 0):
        rows = slice(number * 40, number * 40 + 40)
        x, y = reader.take(number)
        assert x.dtype == y.dtype == dtype
        assert numpy.array_equal(x, data[0][rows])
        assert numpy.array_equal(y, data[1][rows])


def test_examples_without_labels(data):
    reader = ChunkReader(data[:1], 10, 4, "float64")
    (x,) = reader.take(1)
    assert numpy.array_equal(x, data[0][40:80])


def test_memory_is_used_again_and_given_up(data):
    pixels = numpy.ones((600, 4), "uint8")
    reader = ChunkReader((pixels,), 10, 4, "float32")
    addresses = {reader.take(n % 15)[0].__array_interface__["data"][0] for n in range(30)}
    assert len(addresses) == 2
    reader.forget()
    assert (reader.take(0)[0] == 1 / 256).all()


def test_a_source_that_fails_is_named_by_its_rows(data):
    x = data[0].copy()
    x[50, 2] = numpy.nan
    reader = ChunkReader((x, data[1]), 10, 4, "float32")
    reader.take(0)
    with pytest.raises(DataError, match="reading examples 40 to 79: x: got nan in example 50"):
        reader.take(1)


def test_it_is_used_without_theano():
    code = (
        "import sys, types\n"
        f"package = types.ModuleType('dltutorials'); package.__path__ = {PACKAGE!r}\n"
        "sys.modules['dltutorials'] = package  # its own __init__ imports Theano\n"
        "import dltutorials.datasets.chunk_reader, dltutorials.datasets\n"
        "print([name for name in ('theano', 'pytensor') if name in sys.modules])"
    )
    assert run_python("-c", code).stdout == "[]\n"
