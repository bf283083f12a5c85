"""What JAX computes of our own operations, against NumPy and Theano's rules."""

import pytest

pytest.importorskip("jax")

from dltutorials.backend import (
    checked_labels,
    conv2d,
    jax_mrg,
    max_pool_2d,
    mrg_uniform,
    repeat,
)
from dltutorials.backend.jax_kernels import Rows
from dltutorials.backend.mrg_uniform import MrgUniform

import numpy
import theano
import theano.tensor as T
from pytensor.compile import Mode
from theano.sandbox.rng_mrg import MRG_RandomStreams


def with_jax(inputs, outputs):
    return theano.function(inputs, outputs, mode="JAX")


def by_numpy(inputs, outputs):
    return theano.function(inputs, outputs, mode=Mode("py"))


def test_convolution_and_pooling_with_their_gradients():
    rng = numpy.random.RandomState(1)
    x, W = T.tensor4("x", dtype="float64"), T.tensor4("W", dtype="float64")
    output = max_pool_2d(conv2d(x, W), (2, 3))
    cost = T.sum(output * T.sin(output))
    outputs = [output, *T.grad(cost, [x, W])]
    # Integers: windows have several numbers that are equally the largest.
    values = [rng.randint(-1, 2, shape).astype("float64") for shape in ((2, 3, 8, 9), (4, 3, 4, 2))]
    for found, expected in zip(
        with_jax([x, W], outputs)(*values), by_numpy([x, W], outputs)(*values)
    ):
        numpy.testing.assert_allclose(found, expected, atol=1e-9)


def test_rows_beyond_the_end_are_nan_and_never_others():
    x, y, first = T.dmatrix("x"), T.ivector("y"), T.lscalar("first")
    take = with_jax([x, y, first], [Rows(2)(x, first), Rows(2)(y, first)])
    values, labels = numpy.arange(6.0).reshape(3, 2), numpy.arange(3, dtype="int32")
    rows, taken = take(values, labels, 1)
    assert (rows.tolist(), taken.tolist()) == ([[2, 3], [4, 5]], [1, 2])
    for beyond in (2, 3, -1):
        rows, taken = take(values, labels, beyond)
        assert numpy.isnan(rows).all()
        assert (numpy.asarray(taken) == 2**31 - 1).all()


def test_the_chapters_own_slice_is_a_minibatch():
    x, index, size = T.dmatrix("x"), T.lscalar("index"), T.lscalar("size")
    values = numpy.arange(12.0).reshape(6, 2)
    rows = x[index * 2 : (index + 1) * 2]
    outputs = [rows, rows[:1], x[index - 1 : index + 2].sum(axis=1), x[-2:]]
    found = [each.tolist() for each in with_jax([x, index], outputs)(values, 1)]
    assert found == [[[4, 5], [6, 7]], [[4, 5]], [1, 5, 9], [[8, 9], [10, 11]]]
    with pytest.raises(IndexError, match="static"):
        with_jax([x, index, size], x[index * size : (index + 1) * size])(values, 1, 2)


def test_labels_without_a_limit_are_only_looked_at_for_their_sign():
    y = T.ivector("y")
    assert with_jax([y], checked_labels(y, 3))([0, 7, 2**31 - 1]).tolist() == [0, 7, 2**31 - 1]


def test_integers_and_small_floats_meet_in_float64_as_in_numpy():
    n, x = T.lvector("n"), T.fvector("x")
    product, total = with_jax([n, x], [n * x, T.sum(x)])(
        numpy.array([2**24 + 1]), numpy.ones(1, "float32")
    )
    assert (float(product[0]), str(total.dtype)) == (2**24 + 1, "float32")


@pytest.mark.parametrize("size", [(4, 3), (5,), (2,), (13,)])
def test_random_numbers_are_those_of_theano(size):
    assert jax_mrg
    states = numpy.arange(1, 31, dtype="int32").reshape(5, 6) * 1000
    expected_states = states.copy()
    integers = mrg_uniform.draw(expected_states, int(numpy.prod(size)))
    x = T.imatrix("states")
    new_states, sample = with_jax([x], MrgUniform("float32", len(size))(x, size))(states)
    assert numpy.array_equal(new_states, expected_states)
    norm = numpy.float32(mrg_uniform.NORM["float32"])
    assert numpy.array_equal(sample, (integers.astype("float32") * norm).reshape(size))


def test_as_many_random_numbers_as_a_minibatch_has():
    states, x, first = T.imatrix("states"), T.dmatrix("x"), T.lscalar("first")
    sample = MrgUniform("float64", 2)(states, Rows(2)(x, first).shape)[1]
    draw = with_jax([states, x, first], sample)
    numbers = draw(numpy.full((5, 6), 12345, "int32"), numpy.zeros((4, 3)), 2)
    assert (numbers.shape, numbers[0, 0]) == ((2, 3), pytest.approx(1579097239 / 2**31))


def test_a_backward_loop_has_a_gradient():
    """XLA's compiler for the CPU aborted the process here (jaxlib 0.12)."""
    x, start = T.dvector("x"), T.constant(1.0, dtype="float64")
    h, _ = theano.scan(lambda x, h: h * x + 1, x, start, go_backwards=True)
    gradient = theano.function([x], T.grad(h[-1], x), mode=Mode("jax", "fast_run"))
    assert gradient([2.0, 3.0]).tolist() == [4.0, 2.0]


def test_a_loop_in_a_loop_draws_theanos_numbers_and_needs_no_outputs():
    def total_by(mode):
        rng, total = MRG_RandomStreams(3), theano.shared(numpy.zeros(3))

        def step():
            inner = repeat(lambda h: (h * rng.uniform((3,)),), T.ones(3), n_steps=2, n_others=0)
            return {**dict(inner.updates), total: total + inner.outputs[0] + rng.uniform((3,))}

        _, updates = theano.scan(step, n_steps=2)
        run = theano.function([], [], updates=updates, mode=mode)
        run(), run()
        return total.get_value()

    by_numpys = total_by(Mode("py"))
    numpy.testing.assert_allclose(total_by("JAX"), by_numpys, rtol=1e-6)
    assert 0.5 < by_numpys.min() < by_numpys.max() < 8
