"""Products of few rows are divided among our own threads."""

import itertools
import os
import time
from pathlib import Path

from dltutorials.backend import default_mode

import numpy
import pytest
import theano
import theano.tensor as T
import threadpoolctl


@pytest.fixture(scope="module")
def product():
    x, y = T.fmatrices("x", "y")
    return theano.function([x, y], T.dot(x, y), mode=default_mode())


def switches():
    """Return how often each of the other threads has gone to sleep."""
    counts = {}
    for task in Path("/proc/self/task").iterdir():
        if int(task.name) != os.getpid():
            lines = (task / "status").read_text().splitlines()
            [counts[task.name]] = [line.split()[1] for line in lines if line.startswith("volu")]
    return counts


def woken(function, *shapes):
    """Return which threads a product of these shapes has woken."""
    arguments = [numpy.ones(shape, "float32") for shape in shapes]
    time.sleep(0.05)
    before = switches()
    for _ in range(10):
        function(*arguments)
    time.sleep(0.05)
    after = switches()
    return {thread for thread in after if after[thread] != before.get(thread)}


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux")
def test_few_rows_wake_no_thread_and_the_number_of_threads_stays(product):
    with threadpoolctl.threadpool_limits(2):
        helpers = woken(product, (400, 400), (400, 400))
        if not helpers:
            pytest.skip("OpenBLAS has one thread")
        for shapes in [((20, 784), (784, 500)), ((784, 20), (20, 500)), ((600, 500), (500, 10))]:
            assert not helpers & woken(product, *shapes)
        assert helpers & woken(product, (400, 400), (400, 400))
        assert helpers & woken(product, (64, 1024), (1024, 1024))


@pytest.fixture(scope="module", params=["float32", "float64"])
def update(request):
    """Return a function that writes ``2 z - x y / 2`` over z, one of ``x y``, and z, x and y."""
    z, x, y = (theano.shared(numpy.ones((2, 2), request.param)) for _ in range(3))
    new = T.cast(2, z.dtype) * z - T.cast(0.5, z.dtype) * T.dot(x, y)
    function = theano.function([], [], updates=[(z, new)], mode=default_mode())
    assert "Gemm{inplace}" in map(str, (node.op for node in function.maker.fgraph.toposort()))
    return function, theano.function([], T.dot(x, y), mode=default_mode()), z, x, y


def laid_out(values, order):
    """Return the values in C's or Fortran's order, or as the left or upper half of a matrix."""
    if order == "upper":
        return laid_out(values.T, "left").T
    if order != "left":
        return numpy.array(values, order=order)
    whole = numpy.full((len(values), 2 * values.shape[1]), numpy.nan, values.dtype)
    whole[:, : values.shape[1]] = values
    return whole[:, : values.shape[1]]


@pytest.mark.parametrize("size", [1, 2, 17, 600])
def test_products_of_all_shapes_are_right(update, size):
    function, product, z, *factors = update
    rng = numpy.random.RandomState(size)
    for m, n, k in set(itertools.permutations((1, 20, size))) | {
        (784, 500, size),
        (size, 784, 500),
    }:
        x, y, old = (rng.normal(size=s).astype(z.dtype) for s in ((m, k), (k, n), (m, n)))
        expected = x.astype("float64") @ y
        for orders in itertools.product(("C", "F", "left", "upper"), repeat=3):
            for variable, values, order in zip((*factors, z), (x, y, old), orders):
                variable.set_value(laid_out(values, order), borrow=True)
            function()
            assert numpy.allclose(product(), expected, rtol=1e-4, atol=1e-3)
            assert numpy.allclose(z.get_value(), 2 * old - expected / 2, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("shape", [(1, 30, 1), (20, 30, 1), (1, 30, 20), (20, 1, 30)])
def test_nothing_is_read_from_a_new_result(product, shape):
    m, n, k = shape
    x, y = numpy.ones((m, k), "float32"), numpy.ones((k, n), "float32")
    for _ in range(3):
        trash = numpy.full((m, n), numpy.nan, "float32")
        del trash  # its memory is used again
        assert numpy.array_equal(product(x, y), numpy.full((m, n), k, "float32"))


def test_they_are_the_same_bytes_with_any_number_of_threads(product):
    rng = numpy.random.RandomState(1)
    for n in (1, 20):
        x, y = (rng.normal(size=s).astype("float32") for s in ((n, 784), (784, 2000)))
        results = set()
        for n_threads in (1, 2, 3, 8, 1):
            with threadpoolctl.threadpool_limits(n_threads):
                results.add(product(x, y).tobytes())
        assert len(results) == 1
