import re
import signal

from dltutorials import DataError, LogisticRegression, backend, losses
from dltutorials.exceptions import OptionError

import numpy
import pytest
import theano
import theano.tensor as T

pytestmark = pytest.mark.numbers

P = [[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]]  # checked by hand below
RTOL = {"float32": 1e-6, "float64": 1e-12}


def random_case(dtype):
    rng = numpy.random.RandomState(5)
    scores = rng.normal(size=(40, 7))
    p = numpy.exp(scores) / numpy.exp(scores).sum(axis=1, keepdims=True)
    return p.astype(dtype), rng.randint(0, 7, 40).astype("int32")


def cases(dtype):
    return [(numpy.array(P, dtype), numpy.array([0, 1], "int32")), random_case(dtype)]


def test_negative_log_likelihood(floatX):
    p_y_given_x, y = T.matrix("p"), T.ivector("y")
    f = theano.function(
        [p_y_given_x, y],
        [losses.negative_log_likelihood(p_y_given_x, y, how) for how in ("sum", "mean")],
    )
    hand_sum = -(numpy.log(0.5) + numpy.log(0.2))
    for (p, labels), expected in zip(cases(floatX), (hand_sum, None)):
        if expected is None:
            expected = -sum(numpy.log(p[i, label]) for i, label in enumerate(labels))
        total, mean = f(p, labels)
        assert total.dtype == mean.dtype == floatX
        numpy.testing.assert_allclose(total, expected, RTOL[floatX])
        numpy.testing.assert_allclose(mean, expected / len(labels), RTOL[floatX])


def test_zero_one_loss_and_errors(floatX):
    p_y_given_x, y = T.matrix("p"), T.ivector("y")
    y_pred = T.argmax(p_y_given_x, axis=1)
    f = theano.function(
        [p_y_given_x, y], [losses.zero_one_loss(p_y_given_x, y), losses.errors(y_pred, y)]
    )
    for (p, labels), expected in zip(cases(floatX), (1, None)):
        if expected is None:
            expected = sum(int(row.argmax() != label) for row, label in zip(p, labels))
        assert f(p, labels)[0] == expected
        numpy.testing.assert_allclose(f(p, labels)[1], expected / len(labels), 1e-6)


def test_the_chapters_argmax_without_axis_counts_something_else():
    p, y = random_case("float64")
    as_in_the_chapter = T.sum(T.neq(T.argmax(T.constant(p)), T.constant(y))).eval()
    assert losses.zero_one_loss(T.constant(p), T.constant(y)).eval() != as_in_the_chapter


def test_penalties(floatX):
    W, V = T.matrix("W"), T.matrix("V")
    f = theano.function(
        [W, V], [losses.l1([W, V]), losses.l2_sqr([W, V]), losses.penalty([W, V], 0.5, 0.25)]
    )
    rng = numpy.random.RandomState(6)
    by_hand = numpy.array([[1, -2, 0], [3, 0, -1]], floatX), numpy.array([[-4]], floatX)
    at_random = rng.normal(size=(5, 4)).astype(floatX), rng.normal(size=(4, 2)).astype(floatX)
    for (w, v), expected in ((by_hand, (11, 31)), (at_random, None)):
        if expected is None:
            expected = abs(w).sum() + abs(v).sum(), (w**2).sum() + (v**2).sum()
        l1, l2_sqr, both = f(w, v)
        numpy.testing.assert_allclose((l1, l2_sqr), expected, RTOL[floatX] * 10)
        numpy.testing.assert_allclose(both, 0.5 * l1 + 0.25 * l2_sqr, RTOL[floatX] * 10)
        assert both.dtype == floatX


def test_penalties_of_strength_0_are_left_out():
    assert losses.penalty([T.matrix("W")]) == 0


@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_gradient_of_the_negative_log_likelihood(reduction):
    y = numpy.array([2, 0, 1, 1], "int32")
    theano.gradient.verify_grad(
        lambda scores: losses.negative_log_likelihood(T.nnet.softmax(scores), y, reduction),
        [numpy.random.RandomState(7).normal(size=(4, 3))],
        rng=numpy.random.RandomState(8),
    )


def test_gradient_of_the_penalties():
    away_from_0 = numpy.array([[1.0, -2.0], [0.5, 3.0]])
    theano.gradient.verify_grad(
        lambda W: losses.penalty([W], 0.3, 0.7), [away_from_0], rng=numpy.random.RandomState(9)
    )


def test_a_softmax_output_of_exactly_0_gives_a_finite_loss_and_gradient(floatX):
    scores, y = T.matrix("scores"), T.ivector("y")
    p_y_given_x = T.nnet.softmax(scores)
    loss = losses.negative_log_likelihood(p_y_given_x, y)
    f = theano.function([scores, y], [loss, T.grad(loss, scores)])
    extreme = numpy.array([[0, 2000]], floatX)
    assert theano.function([scores], p_y_given_x)(extreme)[0, 0] == 0
    value, gradient = f(extreme, numpy.array([0], "int32"))
    assert value == 2000
    assert gradient.tolist() == [[-1, 1]]
    ops = " ".join(str(node.op) for node in f.maker.fgraph.toposort())
    if backend.name() == "Theano":
        assert "CrossentropySoftmax" in ops
    assert not re.search(r"\blog\b", ops)


@pytest.mark.parametrize("y", [T.vector("y"), T.imatrix("y"), T.iscalar("y")])
def test_labels_that_are_no_integer_vector_are_refused(y):
    p_y_given_x = T.matrix("p")
    message = "expected an integer vector; cast labels"
    with pytest.raises(TypeError, match=message):
        losses.negative_log_likelihood(p_y_given_x, y)
    with pytest.raises(TypeError, match=message):
        losses.zero_one_loss(p_y_given_x, y)
    with pytest.raises(TypeError, match=message):
        losses.errors(T.argmax(p_y_given_x, axis=1), y)


def test_an_unknown_reduction_or_a_negative_strength_is_refused():
    with pytest.raises(OptionError, match="reduction: got 'max'"):
        losses.negative_log_likelihood(T.matrix("p"), T.ivector("y"), "max")
    with pytest.raises(OptionError, match="L2_reg: got -1"):
        losses.penalty([T.matrix("W")], 0, -1)


@pytest.mark.parametrize("optimizer", ["FAST_COMPILE", None])
def test_the_check_of_labels_does_not_wait_for_the_softmax(optimizer):
    # Else Theano, which makes one operation of softmax and loss, rewrites it without an end.
    x, y = T.matrix("x"), T.ivector("y")
    model = LogisticRegression(x, n_in=2, n_out=3)
    cost = model.negative_log_likelihood(y)
    signal.alarm(60)
    try:
        f = theano.function([x, y], [cost, model.errors(y)], mode=optimizer)
    finally:
        signal.alarm(0)
    assert f(numpy.ones((2, 2), theano.config.floatX), [0, 2])[0] == pytest.approx(numpy.log(3))
    with pytest.raises(DataError, match="got label 3 for example 1"):
        f(numpy.ones((2, 2), theano.config.floatX), [0, 3])
