"""Loops of PyTensor compute what theano_numbers.json keeps of Theano's."""

import warnings

from dltutorials.backend import repeat

import numpy
import pytest
import theano
import theano.tensor as T
import theano_numbers
from helpers import on_pytensor
from theano_numbers import compute, expected

pytestmark = pytest.mark.numbers


def is_theanos(case):
    for ours, theanos in zip(compute(case), expected(case)):
        for (dtype, values), (expected_dtype, numbers) in zip(ours, theanos):
            assert dtype == expected_dtype
            numpy.testing.assert_allclose(values, numbers, rtol=1e-5, atol=1e-6)


@on_pytensor
@pytest.mark.slow
def test_a_loop_with_a_gradient_and_random_numbers_gives_theanos_numbers():
    is_theanos(theano_numbers.loop)


@on_pytensor
@pytest.mark.slow
def test_a_boltzmann_machine_draws_and_learns_as_on_theano():
    """The samples after 15 steps depend on each of their 540 random numbers."""
    is_theanos(theano_numbers.rbm)


@on_pytensor
def test_a_loop_says_nothing_and_returns_updates():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        outputs, updates = theano.scan(lambda i: 2 * i, sequences=T.arange(3))
    assert outputs.ndim == 1
    assert not updates


def test_a_step_may_have_no_outputs_besides_its_state():
    n_steps = 60  # more than are unrolled
    [last], updates = repeat(lambda number: (2 * number,), T.constant(1.0), n_steps, n_others=0)
    assert float(last.eval()) == 2.0**n_steps
    assert not updates


def test_what_is_held_constant_has_no_gradient():
    x = T.dscalar("x")
    for constant in (theano.gradient.disconnected_grad, theano.gradient.consider_constant):
        gradient = T.grad(constant(x) * x, x)
        assert float(theano.function([x], gradient)(3.0)) == 3.0
