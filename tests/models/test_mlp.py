"""The multilayer perceptron, as a model and as a script."""

import pickle
from pathlib import Path

from dltutorials import MLP, OptionError, compile_task, penalty, sgd, shared_dataset
from dltutorials.backend import default_mode
from dltutorials.models.mlp import ACTIVATIONS, HiddenLayer

import numpy
import pytest
import theano
import theano.tensor as T
from helpers import SCRIPTS, run_python


@pytest.mark.numbers
@pytest.mark.parametrize(
    ("name", "function", "bound"),
    [
        ("tanh", numpy.tanh, (6 / 50) ** 0.5),
        ("sigmoid", lambda z: 1 / (1 + numpy.exp(-z)), 4 * (6 / 50) ** 0.5),
        ("relu", lambda z: numpy.maximum(z, 0), (6 / 30) ** 0.5),
    ],
)
def test_the_hidden_layer(name, function, bound, floatX):
    x = T.matrix("x")
    layer = HiddenLayer(numpy.random.RandomState(7), x, 30, 20, name)
    expected = numpy.random.RandomState(7).uniform(-bound, bound, (30, 20)).astype(floatX)
    assert numpy.array_equal(layer.W.get_value(), expected)
    assert layer.W.dtype == layer.b.dtype == floatX
    assert not layer.b.get_value().any()
    assert layer.params == [layer.W, layer.b]
    rows = numpy.random.RandomState(8).uniform(-1, 1, (5, 30)).astype(floatX)
    output = theano.function([x], layer.output, mode=default_mode())(rows)
    assert output == pytest.approx(function(rows.dot(expected)), abs=1e-5)


@pytest.mark.numbers
def test_the_gradient_of_the_whole_cost_is_right():
    before, theano.config.floatX = theano.config.floatX, "float64"
    try:
        rng = numpy.random.RandomState(3)
        x, y = rng.rand(6, 4), numpy.array([0, 1, 2, 0, 1, 2], "int32")
        model = MLP(numpy.random.RandomState(1), T.dmatrix("x"), 4, 5, 3)
        values = [rng.normal(size=param.get_value().shape) for param in model.params]

        def cost(*params):
            model = MLP(numpy.random.RandomState(1), T.constant(x), 4, 5, 3)
            total = model.negative_log_likelihood(T.constant(y))
            total += penalty(model.weights, L1_reg=0.01, L2_reg=0.02)
            return theano.clone(total, dict(zip(model.params, params)))

        T.verify_grad(cost, values, rng=rng, mode=default_mode())
    finally:
        theano.config.floatX = before


@pytest.mark.numbers
def test_a_step_is_that_of_plain_numpy(floatX):
    rng = numpy.random.RandomState(5)
    data = rng.rand(20, 6).astype(floatX), rng.randint(0, 3, 20)
    x, y = T.matrix("x"), T.ivector("y")
    model = MLP(numpy.random.RandomState(1234), x, 6, 4, 3)
    cost = model.negative_log_likelihood(y) + penalty(model.weights, L2_reg=0.1)
    W1, b1, W2, b2 = (param.get_value().astype("float64") for param in model.params)
    updates = sgd(cost, model.params, 0.5)
    sets = [shared_dataset(data)] * 3
    task = compile_task(x, y, cost, updates, model.errors(y), model.params, sets, 20)
    got_cost = float(task.train_minibatch(0))

    h = numpy.tanh(data[0].dot(W1) + b1)
    scores = h.dot(W2) + b2
    p = numpy.exp(scores) / numpy.exp(scores).sum(axis=1, keepdims=True)
    nll = -numpy.log(p[numpy.arange(20), data[1]]).mean()
    assert got_cost == pytest.approx(nll + 0.1 * ((W1**2).sum() + (W2**2).sum()), rel=1e-5)
    d_scores = (p - numpy.eye(3)[data[1]]) / 20
    d_h = d_scores.dot(W2.T) * (1 - h**2)
    expected = [
        W1 - 0.5 * (data[0].T.dot(d_h) + 0.2 * W1),
        b1 - 0.5 * d_h.sum(axis=0),
        W2 - 0.5 * (h.T.dot(d_scores) + 0.2 * W2),
        b2 - 0.5 * d_scores.sum(axis=0),
    ]
    for param, value in zip(model.params, expected):
        assert param.get_value() == pytest.approx(value, abs=1e-5)


def test_the_seed_decides_the_first_weights():
    def weights(seed):
        return MLP(numpy.random.RandomState(seed), T.matrix(), 6, 4, 3).params[0].get_value()

    assert numpy.array_equal(weights(1), weights(1))
    assert not numpy.array_equal(weights(1), weights(2))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_hidden": 0}, "n_hidden: got 0, expected an integer of at least 1"),
        ({"n_in": 2.5}, "n_in: got 2.5"),
        ({"n_out": -1}, "n_out: got -1"),
        ({"activation": "step"}, "activation: got 'step', expected one of tanh, sigmoid, relu"),
    ],
)
def test_a_wrong_size_or_activation_is_refused(changes, message):
    sizes = {"n_in": 4, "n_hidden": 3, "n_out": 2, **changes}
    with pytest.raises(OptionError, match=message):
        MLP(numpy.random.RandomState(0), T.matrix("x"), **sizes)


@pytest.mark.numbers
@pytest.mark.slow
@pytest.mark.parametrize("floatX", ["float32", "float64"])
def test_the_first_epoch_gives_the_published_numbers(tmp_path, floatX):
    arguments = ["--n-epochs", "1", "--floatX", floatX]
    result = run_python(SCRIPTS / "train_mlp.py", *arguments, folder=tmp_path)
    assert result.stdout.startswith(
        "epoch 1, minibatch 2500/2500, validation error 9.620000 %\n"
        "     epoch 1, minibatch 2500/2500, test error of best model 10.090000 %\n"
    )
    with open(tmp_path / "best_model.pkl", "rb") as file:
        values = [pickle.load(file) for _ in range(4)]
    assert [value.shape for value in values] == [(784, 500), (500,), (500, 10), (10,)]
    assert {str(value.dtype) for value in values} == {floatX}


@pytest.fixture
def main(find_main, tiny_file):
    script = find_main("train_mlp")
    defaults = ["--dataset", str(tiny_file), "--batch-size", "10", "--save", "saved.pkl"]
    defaults += ["--n-hidden", "5", "--n-epochs", "2"]
    return lambda *arguments: script([*defaults, *arguments])


@pytest.mark.slow
def test_options_reach_the_model(main, capsys):
    saved = []
    for arguments in ([], ["--seed", "1"], *(["--activation", name] for name in ACTIVATIONS)):
        assert main(*arguments) == 0
        saved.append(Path("saved.pkl").read_bytes())
    assert saved[0] == saved[2]  # tanh is the default
    assert len(set(saved)) == 4
    assert main("--n-hidden", "7") == 0
    with open("saved.pkl", "rb") as file:
        assert pickle.load(file).shape == (784, 7)


@pytest.mark.numbers
@pytest.mark.slow
def test_a_resumed_run_ends_in_the_same_bytes_and_another_seed_is_refused(main, capsys):
    assert main("--n-epochs", "4") == 0
    expected = Path("saved.pkl").read_bytes()
    assert main("--checkpoint", "state") == 0
    assert main("--n-epochs", "4", "--resume", "state") == 0
    assert Path("saved.pkl").read_bytes() == expected
    assert main("--n-epochs", "4", "--resume", "state", "--seed", "5") == 1
    assert "cannot resume: seed was 1234 and is now 5" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--n-hidden", "0"], "n_hidden: got 0, expected an integer of at least 1"),
        (["--activation", "step"], "invalid choice: 'step'"),
        (["--seed", "-1"], "got -1, expected an integer from 0 to 4294967295"),
        (["--seed", "one"], "invalid seed value: 'one'"),
    ],
)
def test_wrong_options_exit_with_status_2(main, capsys, arguments, message):
    status = main(*arguments)
    out, err = capsys.readouterr()
    assert (status, out) == (2, "")
    line = err.splitlines()[-1]
    assert line.startswith("train_mlp.py: error: ")
    assert message in line
