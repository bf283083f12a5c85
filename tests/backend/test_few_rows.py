"""Products of few rows use one thread of OpenBLAS."""

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


def test_they_are_the_same_bytes_with_any_number_of_threads(product):
    rng = numpy.random.RandomState(1)
    x, y = (rng.normal(size=s).astype("float32") for s in ((20, 784), (784, 500)))
    results = set()
    for n_threads in (1, 2, 3):
        with threadpoolctl.threadpool_limits(n_threads):
            results.add(product(x, y).tobytes())
    assert len(results) == 1
