import sys

from dltutorials import DLTutorialsError

import pytest
from helpers import SCRIPTS, load_module


@pytest.fixture(scope="module")
def benchmark():
    return load_module(SCRIPTS / "benchmarks" / "benchmark_rbm.py")


def reports(numpy_reaches):
    def report(library, seconds, reached):
        return {"seconds": seconds, "pseudo_likelihood": reached, "versions": {library: "1.0"}}

    ours = [report("Theano", [0.02, 0.021, 0.03], -130.0), report("Theano", [0.02], -130.0)]
    return {"dltutorials": ours, "numpy": [report("NumPy", [0.041], numpy_reaches)]}


def test_a_row_has_the_median_of_all_epochs_and_its_ratio_to_ours(benchmark):
    assert benchmark.rows(reports(-128.0)) == [
        ["dltutorials (Theano 1.0)", "20.5 ms", "1.00 x", "-130.0"],
        ["numpy (NumPy 1.0)", "41.0 ms", "2.00 x", "-128.0"],
    ]


def test_a_library_that_learns_something_else_is_refused(benchmark):
    with pytest.raises(DLTutorialsError, match=r"numpy: pseudo-likelihood -9.40, ours -130.00"):
        benchmark.rows(reports(-9.4))


@pytest.mark.parametrize(
    ("python", "message"),
    [("nowhere", "torch: nowhere: No such file"), (sys.executable, "torch failed: ")],
)
def test_a_peer_that_fails_is_one_line(benchmark, tmp_path, python, message):
    with pytest.raises(DLTutorialsError, match=message):
        benchmark.run_peer("torch", python, tmp_path / "missing.npy")
