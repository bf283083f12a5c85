"""tanh and sigmoid of float32, by Theano's one module and by Numba."""

import ctypes
import shutil
import subprocess
from pathlib import Path

from dltutorials import backend
from dltutorials.backend import default_mode

import numpy
import pytest
import theano
import theano.tensor as T
from helpers import theano_only

HEADER = Path(backend.__file__).with_name("vector_functions.h")
PROGRAM = f"""
#include <cstddef>
typedef ptrdiff_t npy_intp;
#include "{HEADER}"
extern "C" void compute(const float* x, float* z, npy_intp n)
{{
    dltutorials::FUNCTION(x, z, n);
}}
"""
SPECIAL = [0, 1e-45, 1e-38, 1e-8, 3.4e38, numpy.inf, 9.010913, 9.011, 15, 87.3, 88.8, 103.2, 104]


def rounded(x):
    """Return what tanh and sigmoid of float32 numbers are, computed in float64."""
    x = x.astype("float64")
    with numpy.errstate(over="ignore"):
        return numpy.tanh(x).astype("float32"), (1 / (1 + numpy.exp(-x))).astype("float32")


def numbers(n):
    """Return float32 numbers of all sizes and both signs, and the special ones."""
    bits = numpy.random.RandomState(7).randint(0x2F000000, 0x42D80000, n, dtype="int32")
    x = numpy.concatenate([bits.view("float32"), numpy.array(SPECIAL, "float32")])
    return numpy.concatenate([x, -x, [numpy.float32("nan")]])


@pytest.fixture(scope="module")
def function():
    x = T.fmatrix("x")
    return theano.function([x], [T.tanh(x), T.nnet.sigmoid(x)], mode=default_mode())


def same_bits(values, expected):
    values, expected = (numpy.where(v == v, v, numpy.float32("nan")) for v in (values, expected))
    return values.dtype == "float32" and numpy.array_equal(
        values.view("int32"), expected.view("int32")
    )


@pytest.mark.numbers
@pytest.mark.skipif(backend.uses_jax(), reason="JAX has its own tanh")
def test_every_number_is_rounded_as_it_should_be(function):
    x = numbers(200_000)[:, None]
    for values, expected in zip(function(x), rounded(x)):
        assert same_bits(values, expected)


@pytest.mark.numbers
def test_rows_and_columns_may_lie_anyhow_in_memory(function):
    x = numpy.random.RandomState(1).normal(size=(33, 14)).astype("float32")
    for view in (x.T, x[::2, ::3], x[::-1], x[:0], x[:1], x):
        for values, expected in zip(function(view), rounded(view)):
            assert values.shape == view.shape
            assert values == pytest.approx(expected, abs=2e-7)


@pytest.mark.numbers
def test_gradients_and_stable_expressions_are_those_without_it():
    x = T.fmatrix("x")
    h = T.tanh(x + x[0]) * T.nnet.sigmoid(x)
    outputs = [h, T.grad(T.sum(h**2), x), T.log(T.nnet.sigmoid(x)), T.log(1 - T.nnet.sigmoid(x))]
    values = numpy.random.RandomState(2).normal(scale=3, size=(5, 4)).astype("float32")
    values[0, 0], values[1, 1] = 100, -100
    without = theano.Mode("py", "fast_run").excluding("vector_functions")
    expected = theano.function([x], outputs, mode=without)(values)
    for got, value in zip(theano.function([x], outputs, mode=default_mode())(values), expected):
        assert got == pytest.approx(value, rel=1e-5, abs=1e-6)
    assert expected[2][1, 1] == expected[3][0, 0] == -100


@theano_only
def test_only_float32_tensors_are_replaced_and_a_flag_turns_it_off():
    x, number, double = T.fmatrix(), T.fscalar(), T.dmatrix()
    outputs = [T.tanh(v) for v in (x, number, double)]

    def count(mode):
        function = theano.function([x, number, double], outputs, mode=mode)
        return str(function.maker.fgraph).count("VectorFunction")

    mode = theano.Mode("py", "fast_run")
    assert (count(mode), count(mode.excluding("vector_functions"))) == (1, 0)


@theano_only
@pytest.mark.parametrize("name", ["tanh", "sigmoid"])
def test_without_a_compiler_it_is_the_same(name):
    x = T.fvector()
    function = theano.function(
        [x], getattr(T.nnet if name == "sigmoid" else T, name)(x), mode=theano.Mode("py")
    )
    expected = rounded(numbers(100))[name == "sigmoid"]
    assert same_bits(function(numbers(100)), expected)


@pytest.mark.skipif(not shutil.which("g++"), reason="needs g++")
@pytest.mark.parametrize("processor", ["x86-64", "x86-64-v3", "x86-64-v4"])
@pytest.mark.parametrize("name", ["tanh", "sigmoid"])
def test_it_is_vectors_on_every_processor(name, processor, tmp_path):
    """Of plain x86-64, with AVX2 and with AVX-512."""
    tmp_path.joinpath("program.cpp").write_text(PROGRAM)
    options = ["-O3", f"-march={processor}", f"-DFUNCTION={name}", "-fPIC"]
    command = ["g++", *options, "-S", "program.cpp", "-o", "it.s"]
    built = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    if "-march" in built.stderr:
        pytest.skip("the compiler is for another kind of processor")
    assert built.returncode == 0, built.stderr
    assert "divpd" in tmp_path.joinpath("it.s").read_text()
    subprocess.run(["g++", "-shared", "it.s", "-o", "it.so"], cwd=tmp_path, check=True)
    if processor == "x86-64" or can_run(processor):
        x = numbers(200_000)
        values = numpy.empty_like(x)
        pointers = [ctypes.c_void_p(v.ctypes.data) for v in (x, values)]
        ctypes.CDLL(str(tmp_path / "it.so")).compute(*pointers, ctypes.c_ssize_t(len(x)))
        assert same_bits(values, rounded(x)[name == "sigmoid"])


def can_run(processor):
    flag = {"x86-64-v3": "avx2", "x86-64-v4": "avx512vl"}[processor]
    with open("/proc/cpuinfo") as file:
        return flag in file.read().split()
