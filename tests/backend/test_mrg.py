import shutil
import warnings

from dltutorials import backend

import numpy
import pytest
import theano
import theano.tensor as T
import theano_numbers
from helpers import known_shapes, numpys_numbers, on_pytensor
from theano.sandbox.rng_mrg import MRG_RandomStreams, guess_n_streams
from theano_numbers import compute, expected

pytestmark = pytest.mark.numbers
NEEDS_COMPILER = pytest.mark.skipif(not shutil.which("g++"), reason="needs a compiler")


def test_the_numbers_are_theanos_to_the_bit():
    assert compute(theano_numbers.mrg) == expected(theano_numbers.mrg)


def test_normal_numbers_are_theanos_but_for_the_last_bits_of_logarithms_and_cosines():
    pairs = zip(compute(theano_numbers.mrg_normal), expected(theano_numbers.mrg_normal))
    for ours, theanos in pairs:
        for (dtype, values), (expected_dtype, numbers) in zip(ours, theanos):
            assert dtype == expected_dtype
            numpy.testing.assert_allclose(values, numbers, 8 * numpy.finfo(dtype).eps)


def test_the_streams_are_theanos():
    assert compute(theano_numbers.mrg_streams) == expected(theano_numbers.mrg_streams)
    sizes = [(3,), (6,), (7,), (20, 784), (600, 700), T.ivector()]
    assert [guess_n_streams(size) for size in sizes] == [3, 6, 1, 2613, 15360, 15360]


@on_pytensor
@pytest.mark.parametrize("mode", ["NUMBA", pytest.param("CVM", marks=NEEDS_COMPILER)])
@pytest.mark.parametrize("inplace", [True, False])
def test_without_a_compiler_numpy_draws_the_same(floatX, inplace, mode):
    from dltutorials.backend.mrg_states import as_state, substreams
    from dltutorials.backend.mrg_uniform import MrgUniform

    symbols = T.imatrix(), T.lvector()
    symbols = [theano.In(symbol, mutable=inplace, borrow=inplace) for symbol in symbols]
    op = MrgUniform(floatX, 2)
    compiled = theano.function(symbols, op(*(symbol.variable for symbol in symbols)), mode=mode)
    assert compiled.maker.fgraph.toposort()[0].op.inplace is inplace
    for shape in ((0, 3), (2, 2), (5, 7)):
        before = substreams(as_state(7), 6)
        states, outputs = before.copy(), [[None], [None]]
        others = compiled(before.copy(), shape)
        MrgUniform(floatX, 2, inplace).perform(None, [states, numpy.array(shape)], outputs)
        for [value], other in zip(outputs, others):
            assert value.dtype == other.dtype
            assert value.shape == other.shape
            assert (value == other).all()
        assert (outputs[0][0] is states) is inplace
        assert inplace or (states == before).all()


def test_a_call_moves_the_streams_on_and_seeding_puts_them_back():
    rng = MRG_RandomStreams(seed=42)
    draw = theano.function([], [rng.uniform((2,)), rng.binomial((9,))])
    first, second = draw(), draw()
    assert (first[0] != second[0]).all()
    rng.seed(42)
    assert (draw()[0] == first[0]).all()
    rng.seed(43)
    assert (draw()[0] != first[0]).all()
    rng.seed()
    again = draw()
    assert all((a == b).all() for a, b in zip(again, first))
    assert len(rng.updates()) == 2


def test_making_a_function_ready_does_not_move_the_streams():
    rng = MRG_RandomStreams(seed=42)
    draw = theano.function([], rng.uniform((2,)))
    [(states, *_)] = rng.updates()
    before = states.get_value()
    backend.compile_now(draw)
    assert (states.get_value() == before).all()
    draw()
    assert (states.get_value() != before).any()


def test_streams_stay_where_they_are_if_their_updates_are_not_wanted():
    sample = MRG_RandomStreams(seed=42).uniform((2,))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # PyTensor's
        draw = theano.function([], sample, no_default_updates=True)
    assert draw().tolist() == draw().tolist()


def test_a_mask_lets_the_gradient_of_what_it_keeps_through():
    x = T.matrix("x")
    mask = MRG_RandomStreams(seed=42).binomial(x.shape, p=0.5, dtype=theano.config.floatX)
    function = theano.function([x], [mask, T.grad(T.sum(mask * x**2), x)])
    value = numpy.arange(6, dtype=theano.config.floatX).reshape(2, 3)
    kept, gradient = function(value)
    assert (gradient == 2 * value * kept).all()
    assert set(kept.ravel().tolist()) == {0, 1}


def test_a_probability_has_no_gradient():
    p = T.scalar("p")
    drawn = MRG_RandomStreams(seed=42).uniform((2,), high=p)
    with pytest.raises(theano.gradient.NullTypeGradError):
        T.grad(T.sum(drawn), p)


@pytest.mark.parametrize(
    ("seed", "error"),
    [
        (0, ValueError),
        (2147462579, ValueError),
        ([1, 2, 3], TypeError),
        ([0, 0, 0, 1, 1, 1], ValueError),
    ],
)
def test_seeds_that_are_none_are_refused(seed, error):
    with pytest.raises(error, match="seed"):
        MRG_RandomStreams(seed)


@on_pytensor
def test_sizes_and_types_that_are_none_are_refused():
    rng = MRG_RandomStreams(1)
    with pytest.raises(ValueError, match=r"size: got \(2, 0\), expected positive integers"):
        rng.uniform((2, 0))
    with pytest.raises(TypeError, match=r"size: got \(2.5,\), expected integers"):
        rng.normal((2.5,))
    with pytest.raises(TypeError, match="dtype: got int32, expected float32 or float64"):
        rng.uniform((2,), dtype="int32")
    with pytest.raises(NotImplementedError, match="n: got 2, expected 1"):
        rng.binomial((2,), n=2)
    with pytest.raises(ValueError, match="multinomial: expected a matrix"):
        rng.multinomial((2,), pvals=[[0.5, 0.5]])


@on_pytensor
@known_shapes
def test_more_numbers_than_a_stream_can_count_are_refused():
    size = T.lvector("size")
    draw = theano.function([size], MRG_RandomStreams(1).uniform(size, ndim=2))
    with pytest.raises(ValueError, match="2"):
        draw([1 << 20, 1 << 20])


@pytest.mark.slow
@numpys_numbers
def test_a_training_run_goes_on_upon_the_other_engine_with_its_streams():
    (state, [[_, cost]]) = expected(theano_numbers.interrupted)
    params, *rest = [numpy.array(values, dtype) for dtype, values in state]
    with backend.temporary_floatX("float32"):
        task = theano_numbers.make_task()
    assert [array.shape for array in task.get_rest()] == [array.shape for array in rest]
    task.set_params([params])
    task.set_rest(rest)
    assert float(task.train_minibatch(0)) == pytest.approx(cost, rel=1e-5)
