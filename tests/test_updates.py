from dltutorials import LogisticRegression, OptionError, compile_task, sgd, shared_dataset, train
from dltutorials.backend import default_mode
from dltutorials.updates import decaying_learning_rate, momentum

import numpy
import pytest
import theano
import theano.tensor as T

X = numpy.array([[1.0, 0.0, -1.0], [0.5, 2.0, 0.0]])  # 2 x 3
Y = numpy.array([0, 1])


def numpy_step(W, b, x, y, learning_rate):
    """Take one step of gradient descent on the mean negative log-likelihood."""
    scores = x.dot(W) + b
    p = numpy.exp(scores - scores.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    p[numpy.arange(len(y)), y] -= 1
    return W - learning_rate * x.T.dot(p) / len(y), b - learning_rate * p.mean(axis=0)


def random_data():
    rng = numpy.random.RandomState(3)
    return rng.normal(size=(24, 3)), rng.randint(0, 2, 24)


def train_on(data, batch_size, learning_rate, n_epochs):
    """Return a model after some epochs from zeros, without any validation."""
    x, y = T.matrix("x"), T.ivector("y")
    model = LogisticRegression(x, 3, 2)
    cost = model.negative_log_likelihood(y)
    datasets = [shared_dataset(data)] * 3
    updates = sgd(cost, model.params, learning_rate)
    task = compile_task(x, y, cost, updates, model.errors(y), model.params, datasets, batch_size)
    train(task._replace(validate=None), n_epochs)
    return model


@pytest.mark.slow
def test_a_step_by_hand(floatX):
    model = train_on((X, Y), batch_size=2, learning_rate=1.0, n_epochs=1)
    # Both probabilities are 1/2, so the errors p - y are -+1/2 on one, +-1/2 on the other.
    by_hand = numpy.array([[0.125, -0.125], [-0.5, 0.5], [-0.25, 0.25]])
    assert model.W.get_value() == pytest.approx(by_hand)
    assert model.b.get_value() == pytest.approx(numpy.zeros(2))


@pytest.mark.slow
@pytest.mark.parametrize(
    "batch_size",
    [
        24,  # gradient descent
        1,  # stochastic gradient descent
        8,  # minibatch stochastic gradient descent
    ],
)
def test_one_rule_at_three_batch_sizes_agrees_with_numpy(floatX, batch_size):
    data = random_data()
    model = train_on(data, batch_size, learning_rate=0.13, n_epochs=2)
    W, b = numpy.zeros((3, 2)), numpy.zeros(2)
    for _ in range(2):
        for start in range(0, len(data[0]), batch_size):
            rows = slice(start, start + batch_size)
            W, b = numpy_step(W, b, data[0][rows], data[1][rows], 0.13)
    rtol = {"float32": 1e-4, "float64": 1e-10}[floatX]
    numpy.testing.assert_allclose(model.W.get_value(), W, rtol, 1e-6)
    numpy.testing.assert_allclose(model.b.get_value(), b, rtol, 1e-6)


def test_updates_keep_the_type_of_their_parameter():
    theano.config.floatX = "float64"
    theta = theano.shared(numpy.ones(2, "float32"))
    [(param, new)] = sgd(T.sum(theta**2), [theta], 0.1)
    assert param is theta
    assert new.dtype == "float32"


@pytest.mark.parametrize("learning_rate", [0, -0.1, float("nan"), float("inf"), "0.1"])
def test_a_learning_rate_that_is_no_positive_number_is_refused(learning_rate):
    theta = theano.shared(1.0)
    with pytest.raises(OptionError, match="learning_rate: got"):
        sgd(theta**2, [theta], learning_rate)


def steps_on(theta, updates, preparations):
    """Take a step after each preparation; return the values of theta after each."""
    step = theano.function([], [], updates=updates, mode=default_mode())
    values = []
    for prepare in preparations:
        prepare()
        step()
        values.append(theta.get_value())
    return numpy.array(values)


@pytest.mark.numbers
def test_momentum_agrees_with_numpy(floatX):
    start = numpy.array([1.0, -2.0], floatX)
    theta = theano.shared(start, "theta")
    updates = momentum(T.sum(theta**2), [theta], learning_rate=0.1, momentum=0.9)
    got = steps_on(theta, updates, [lambda: None] * 5)
    expected, velocity, value = [], numpy.zeros(2), start.astype("float64")
    for _ in range(5):
        velocity = 0.9 * velocity - 0.1 * 2 * value
        value = value + velocity
        expected.append(value)
    assert got.dtype == floatX
    numpy.testing.assert_allclose(got, expected, {"float32": 1e-5, "float64": 1e-12}[floatX])


@pytest.mark.numbers
def test_a_decaying_learning_rate_agrees_with_numpy(floatX):
    start = numpy.array([1.0, -2.0], floatX)
    theta = theano.shared(start, "theta")
    rate, begin_epoch = decaying_learning_rate(0.1, decay=0.5)
    epochs = [lambda epoch=epoch: begin_epoch(epoch) for epoch in range(4)]
    got = steps_on(theta, sgd(T.sum(theta**2), [theta], rate), epochs)
    factors = numpy.cumprod([1 - 2 * 0.1 * 0.5**epoch for epoch in range(4)])
    assert got.dtype == floatX
    expected = factors[:, None] * start
    numpy.testing.assert_allclose(got, expected, {"float32": 1e-5, "float64": 1e-12}[floatX])


@pytest.mark.parametrize("value", [-0.1, 1, 1.5, float("nan"), "0.9"])
def test_a_momentum_out_of_its_range_is_refused(value):
    theta = theano.shared(1.0)
    with pytest.raises(OptionError, match=r"momentum: got .*, expected a number of at least 0 and"):
        momentum(theta**2, [theta], 0.1, value)


@pytest.mark.parametrize("value", [0, -1, 1.5, float("nan")])
def test_a_decay_out_of_its_range_is_refused(value):
    with pytest.raises(OptionError, match=r"learning_rate_decay: got .*, expected a number above"):
        decaying_learning_rate(0.1, value)
