import os
import shutil
import subprocess
import sys

from dltutorials import backend

import numpy
import pytest
import theano
from helpers import theano_only

PROGRAM = """if True:
    from dltutorials import backend
    print(backend.describe_numerics())
"""


def numerics(tmp_path, flags="", **variables):
    """Return what another process with other settings says of itself."""
    environment = {**os.environ, "HOME": str(tmp_path), "THEANO_FLAGS": flags, **variables}
    output = subprocess.check_output([sys.executable, "-c", PROGRAM], env=environment, text=True)
    return eval(output.splitlines()[-1])


def test_it_names_what_computes():
    facts = backend.describe_numerics()
    assert facts["backend"] == f"{backend.name()} {theano.__version__}"
    assert facts["NumPy"] == numpy.__version__
    if backend.uses_jax():
        assert facts["compiler"].startswith("JAX ")
    else:
        assert facts["BLAS"].startswith("openblas 0.")
        assert facts["BLAS threads"].isdigit()
    assert all(isinstance(value, str) for value in facts.values())
    assert facts == backend.describe_numerics()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "variables", "differs"),
    [
        ("", {"OPENBLAS_NUM_THREADS": "2"}, {"BLAS threads"}),
        ("", {"OPENBLAS_CORETYPE": "Sandybridge"}, {"BLAS kernel"}),
        ("optimizer=fast_compile", {}, {"optimizer"}),
        ("optimizer_excluding=fusion", {}, {"optimizer"}),
        ("mode=FAST_RUN", {}, {"mode"}),
        ("exception_verbosity=high", {}, set()),
    ],
)
def test_what_decides_the_last_bits_differs_by_name(tmp_path, flags, variables, differs):
    here = numerics(tmp_path, OPENBLAS_NUM_THREADS="1")
    there = numerics(tmp_path, flags, **{"OPENBLAS_NUM_THREADS": "1", **variables})
    assert {name for name in {*here, *there} if here.get(name) != there.get(name)} == differs


@pytest.mark.slow
@theano_only
@pytest.mark.skipif(not shutil.which("g++"), reason="needs a compiler")
def test_the_blas_is_the_one_that_theano_computes_with(tmp_path):
    linked, of_numpy = numerics(tmp_path), numerics(tmp_path, "blas.ldflags=")
    assert linked["BLAS"] != of_numpy["BLAS"]
    assert numerics(tmp_path, "gcc.cxxflags=-O1")["compiler flags"] == "-O1"
    assert numerics(tmp_path, "cxx=")["compiler"] == "none"


@pytest.mark.skipif(backend.name() == "Theano", reason="about PyTensor")
def test_the_blas_is_the_one_that_pytensor_computes_with(tmp_path):
    numba = numerics(tmp_path)
    assert (numba["linker"], numba["compiler flags"]) == ("numba", "fastmath=False")
    if shutil.which("g++"):
        c = numerics(tmp_path, "linker=cvm")
        assert c["linker"] == "cvm"
        assert c["BLAS"] != numba["BLAS"]
        assert c["compiler"].startswith("g++ ")
