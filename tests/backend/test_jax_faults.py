"""What JAX computes of wrong labels and indices, and the errors that follow."""

import pytest

pytest.importorskip("jax")

from dltutorials import backend
from dltutorials.backend import checked_labels, jax_arrays, jax_faults
from dltutorials.backend.labels import LabelError
from dltutorials.exceptions import OptionError

import jax
import numpy
import theano
import theano.tensor as T
from pytensor.link.jax.linker import JAXLinker
from pytensor.raise_op import Assert

P = numpy.full((2, 4), 0.25)
WRONG = [(4, 4), (100, 100), (-1, -1), (-4, -4)]


@pytest.fixture(scope="module", autouse=True)
def _with_errors():
    """Compile as with linker=jax, where that is not chosen."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JAXLinker, "jit_compile", JAXLinker.jit_compile)
        if not backend.uses_jax():
            jax_arrays.check_functions()
        yield


def with_jax(inputs, outputs):
    return theano.function(inputs, outputs, mode="JAX")


@pytest.fixture(scope="module")
def cost():
    """Compile a cost of probabilities and labels."""
    p, y = T.dmatrix("p"), T.ivector("y")
    labels = checked_labels(y, *p.shape)
    return with_jax([p, y], T.mean(T.log(p)[T.arange(y.shape[0]), labels]))


def test_a_wrong_label_is_an_error(cost):
    assert float(cost(P, [0, 3])) == pytest.approx(numpy.log(0.25))
    for wrong in (4, 100, -1, -4):
        with pytest.raises(LabelError, match=f"^y: got label {wrong} for example 1, expected 0 to"):
            cost(P, [0, wrong])


def test_calls_that_do_not_wait_leave_the_error_of_the_first_to_who_fetches(cost):
    costs = [
        jax_faults.call_later(cost, P, numpy.array(y, "int32"))
        for y in ([0, 1], [7, 1], [1, 9], [2, 2])
    ]
    assert numpy.isnan(jax.device_get(costs)).tolist() == [False, True, True, False]
    with pytest.raises(LabelError, match=r"got label 7 for example 0"):
        jax_arrays.fetch(costs)
    assert len(jax_arrays.fetch(costs)) == 4  # an error is raised once


def test_a_call_that_fails_does_not_make_the_next_one_a_later_one(cost):
    with pytest.raises(TypeError):
        jax_faults.call_later(cost, P)
    with pytest.raises(LabelError):
        cost(P, [0, 4])


def test_faults_that_nobody_fetches_are_looked_at_from_time_to_time(cost, monkeypatch):
    monkeypatch.setattr(jax_faults, "_MOST_WAITING", 3)
    y = numpy.array([0, 4], "int32")
    jax_faults.call_later(cost, P, y)
    jax_faults.call_later(cost, P, y)
    with pytest.raises(LabelError):
        jax_faults.call_later(cost, P, y)


def test_an_assertion_is_checked():
    x = T.dvector("x")
    total = with_jax([x], Assert("expected a positive sum")(x, x.sum() > 0).max())
    assert float(total([1.0, -0.5])) == 1.0
    with pytest.raises(AssertionError, match="expected a positive sum"):
        total([1.0, -2.0])


def test_an_index_is_checked_against_the_array_of_its_own_call():
    x, i = T.dvector("x"), T.lvector("i")
    take = with_jax([x, i], x[i])
    for size in (3, 5):  # each shape is compiled anew
        assert take(numpy.zeros(size), [size - 1]).tolist() == [0.0]
    with pytest.raises(IndexError, match="size 3"):
        take(numpy.zeros(3), [4])


def test_in_a_loop_an_index_outside_gives_nan():
    x, places = T.dvector("x"), T.lvector("places")
    outputs, _ = theano.scan(lambda i, x: x[i], sequences=places, non_sequences=x)
    found = with_jax([x, places], outputs)([1.0, 2.0], [1, 2, -1])
    assert numpy.isnan(found).tolist() == [False, True, False]


def test_numbers_that_numpy_draws_are_refused():
    from theano.tensor.shared_randomstreams import RandomStreams

    with pytest.raises(OptionError, match=r"JAX cannot; take .*MRG_RandomStreams"):
        with_jax([], RandomStreams(1).normal((3,)))
