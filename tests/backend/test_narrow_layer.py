"""Logistic regression's training step as one operation, against the operations that it replaces."""

import ctypes
import os
import shutil
import subprocess
from pathlib import Path

import dltutorials
from dltutorials import LogisticRegression, backend
from dltutorials.backend import narrow_layer
from dltutorials.backend.labels import LabelError
from dltutorials.minibatch import minibatch
from dltutorials.updates import sgd

import numpy
import pytest
import theano
import theano.tensor as T
import threadpoolctl
from theano.gradient import numeric_grad

BATCH = 120
SHAPES = [(784, 10), (37, 7), (5, 2), (16, 5), (33, 16), (8, 1), (40, 23)]
PROGRAM = """
#include <cstddef>
typedef ptrdiff_t npy_intp;
#define sgemm_
#define scipy_openblas_get_num_threads get_num_threads  // not those of the linked OpenBLAS
#define scipy_openblas_set_num_threads set_num_threads
#include "vector_functions.h"
#include "parallel.h"
#include "narrow_layer.h"
int n_threads = 1;
extern "C" int get_num_threads() { return n_threads; }
extern "C" void set_num_threads(int) {}
extern "C" void compute(const float* x, const float* W, const float* b, const int* y, npy_intp* n,
    float scale, int threads, float* nll, float* gradient_W, float* gradient_b)
{
    static dltutorials::NarrowLayer layer;
    n_threads = threads;
    layer.x = x, layer.W = W, layer.b = b, layer.scale = scale;
    layer.n_rows = n[0], layer.n_in = n[1], layer.n_out = n[2];
    layer.compute(y, nll, gradient_W, gradient_b);
}
"""


def values(n_rows, n_in, n_out, seed=1):
    """Return examples, weights, biases and labels, and some scores that are far apart."""
    rng = numpy.random.RandomState(seed)
    x = rng.uniform(size=(n_rows, n_in)).astype("float32")
    W = rng.normal(scale=0.3, size=(n_in, n_out)).astype("float32")
    b = rng.normal(scale=3, size=n_out).astype("float32")
    x[:2] *= 100
    return x, W, b, rng.randint(0, n_out, n_rows).astype("int32")


def expected(x, W, b, y):
    """Return the negative log-likelihoods, and the gradients of W and b, in float64."""
    x, W, b = (v.astype("float64") for v in (x, W, b))
    scores, rows = x @ W + b, numpy.arange(len(x))
    scores -= scores.max(axis=1, keepdims=True)
    p = numpy.exp(scores) / numpy.exp(scores).sum(axis=1, keepdims=True)
    nll = numpy.log(numpy.exp(scores).sum(axis=1)) - scores[rows, y]
    p[rows, y] -= 1
    p /= len(x)
    return nll, x.T @ p, p.sum(axis=0)


def build(batch_size=BATCH, n_out=10, change=lambda cost, model: cost, floatX="float32"):
    """Return the shared variables, and what compiles a training step on them."""
    dltutorials.set_floatX(floatX)
    x, y, index = T.matrix("x"), T.ivector("y"), T.lscalar("index")
    model = LogisticRegression(x, 6, n_out)
    data = dltutorials.shared_dataset((numpy.zeros((600, 6)), numpy.zeros(600, "int64")))
    cost = change(model.negative_log_likelihood(y), model)
    givens = dict(zip((x, y), minibatch(data, index, batch_size)))
    updates = sgd(cost, model.params, learning_rate=1.0)

    def compile_it(mode):
        return theano.function([index], cost, updates=updates, givens=givens, mode=mode)

    return data.stored, model, compile_it


def is_fused(function):
    return "NarrowLayer" in str(function.maker.fgraph)


@pytest.fixture(scope="module")
def step():
    """Return a function of values and a minibatch's number: the cost and the gradients."""
    data, model, compile_it = build()
    function = compile_it(backend.default_mode())
    assert is_fused(function)

    def compute(x, W, b, y, index=0):
        data[0].set_value(x)
        data[1].set_value(y.astype("float32"))
        for param, value in zip(model.params, (W, b)):
            param.set_value(value)
        cost = function(index)
        return cost, W - model.W.get_value(), b - model.b.get_value()

    return compute


@pytest.mark.parametrize(("n_in", "n_out"), SHAPES)
@pytest.mark.parametrize("n_rows", [BATCH, 119, 81, 13, 1])
def test_cost_and_gradients_are_right_for_any_shape(step, n_rows, n_in, n_out):
    x, W, b, y = values(n_rows, n_in, n_out)
    nll, gradient_W, gradient_b = expected(x, W, b, y)
    cost, *gradients = step(x, W, b, y)
    assert cost == pytest.approx(nll.mean(), rel=1e-5)
    for got, value in zip(gradients, (gradient_W, gradient_b)):
        assert got == pytest.approx(value, rel=1e-4, abs=3e-6 * abs(x).max())


def test_the_gradient_is_that_of_the_cost(step):
    x, W, b, y = values(60, 5, 4)
    x[:2] /= 100

    def cost(W, b):
        return expected(x, W, b, y)[0].mean()

    numeric = numeric_grad(cost, [W.astype("float64"), b.astype("float64")], 1e-6)
    for got, value in zip(step(x, W, b, y)[1:], numeric.gf):
        assert got == pytest.approx(value, abs=1e-6)


def test_the_result_does_not_depend_on_threads_nor_on_a_fork(step):
    x, W, b, y = values(BATCH, 50, 10)

    def computed():
        return b"".join(numpy.asarray(value).tobytes() for value in step(x, W, b, y))

    results = []
    for n in (1, 2, 3, 1):
        with threadpoolctl.threadpool_limits(n):
            results += [computed() for _ in range(20)]
    assert set(results) == {results[0]}
    child = os.fork()
    if not child:
        os._exit(0 if computed() == results[0] else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_wrong_labels_and_shapes_are_errors(step):
    x, W, b, y = values(BATCH, 5, 3)
    with pytest.raises(LabelError, match="y: got label 3 for example 7, expected 0 to 2"):
        step(x, W, b, numpy.where(numpy.arange(BATCH) == 7, 3, y))
    with pytest.raises(ValueError, match="got 5 columns of x and 3 biases for W of 4 x 3"):
        step(x, W[:4], b, y)
    with pytest.raises(ValueError, match="got 5 columns of x and 2 biases for W of 5 x 3"):
        step(x, W, b[:2], y)


@pytest.mark.parametrize(
    ("is_replaced", "options"),
    [
        (True, {}),
        (True, {"change": lambda cost, model: 2 * cost + (model.W**2).sum()}),
        (True, {"batch_size": 100, "n_out": 16}),
        (False, {"batch_size": 99}),
        (False, {"n_out": 17}),
        (False, {"floatX": "float64"}),
        (False, {"change": lambda cost, model: cost**2}),
        (False, {"change": lambda cost, model: cost + model.p_y_given_x[0, 0]}),
        (False, {"change": lambda cost, model: cost + T.dot(model.input, model.W).sum()}),
    ],
)
def test_only_the_pattern_is_replaced_and_the_step_stays_the_same(is_replaced, options):
    results, mode = [], theano.Mode("py", "fast_run")
    for each in (mode, mode.excluding("narrow_layer")):
        data, model, compile_it = build(**options)
        function = compile_it(each)
        assert is_fused(function) == (is_replaced and each is mode)
        floatX, n_out = model.W.dtype, options.get("n_out", 10)
        x, W, b, y = (v.astype(floatX) for v in values(300, 6, n_out))
        for variable, value in zip((*data, *model.params), (x / 100, y, W, b)):
            variable.set_value(value)
        results.append([function(1), *(param.get_value() for param in model.params)])
    for fused, plain in zip(*results):
        assert fused == pytest.approx(plain, rel=2e-5, abs=1e-6)


def test_where_the_code_does_not_compile_numpy_computes(monkeypatch):
    monkeypatch.setattr(narrow_layer, "_CODE", ["#error not here"])
    monkeypatch.setattr(theano.gof.cmodule._logger, "error", lambda *_: None)
    x, W, b, y, scale = T.fmatrix(), T.fmatrix(), T.fvector(), T.ivector(), T.fvector()
    function = theano.function(
        [x, W, b, y, scale], narrow_layer.NarrowLayer()(x, W, b, y, scale), mode="FAST_RUN"
    )
    given = values(20, 6, 3)
    for got, value in zip(function(*given, numpy.array([1 / 20], "float32")), expected(*given)):
        assert got == pytest.approx(value, rel=1e-4, abs=1e-4)


@pytest.mark.skipif(not shutil.which("g++"), reason="needs g++")
@pytest.mark.parametrize("processor", ["x86-64", "x86-64-v3", "x86-64-v4"])
def test_it_is_right_on_every_processor_and_with_many_threads(processor, tmp_path):
    """Of plain x86-64, with AVX2 and with AVX-512."""
    tmp_path.joinpath("program.cpp").write_text(PROGRAM)
    options = ["-O3", "-std=c++11", f"-march={processor}", "-I", Path(backend.__file__).parent]
    command = ["g++", *options, "-pthread", "-fPIC", "-shared", "program.cpp", "-o", "it.so"]
    built = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    if "-march" in built.stderr:
        pytest.skip("the compiler is for another kind of processor")
    assert built.returncode == 0, built.stderr
    if processor != "x86-64" and not can_run(processor):
        return
    compute = ctypes.CDLL(str(tmp_path / "it.so")).compute
    for n_in, n_out in SHAPES:
        x, W, b, y = values(301, n_in, n_out)
        outputs = [numpy.empty_like(v) for v in (x[:, 0], W, b)]
        n = numpy.array([301, n_in, n_out], "intp")
        inputs = [ctypes.c_void_p(v.ctypes.data) for v in (x, W, b, y, n)]
        pointers = [ctypes.c_void_p(v.ctypes.data) for v in outputs]
        results = set()
        for n_threads in (1, 2, 8, 3) * 5:
            compute(*inputs, ctypes.c_float(1 / 301), n_threads, *pointers)
            results.add(b"".join(v.tobytes() for v in outputs))
        assert len(results) == 1
        for got, value in zip(outputs, expected(x, W, b, y)):
            assert got == pytest.approx(value, rel=2e-4, abs=3e-4)


def can_run(processor):
    flag = {"x86-64-v3": "avx2", "x86-64-v4": "avx512vl"}[processor]
    with open("/proc/cpuinfo") as file:
        return flag in file.read().split()
