"""The autoencoder, as a model and as a script."""

from pathlib import Path

from dltutorials import OptionError, load_model, save_params
from dltutorials.backend import default_mode
from dltutorials.models import Autoencoder, find_chapter

import numpy
import pytest
import theano
import theano.tensor as T
from helpers import ROOT, load_script

pytestmark = pytest.mark.numbers


def autoencoder(**levels):
    return Autoencoder(numpy.random.RandomState(3), T.matrix("x"), 6, 4, **levels)


def sigmoid(v):
    return 1 / (1 + numpy.exp(-v))


def test_cost_and_contraction_are_those_of_plain_numpy(floatX):
    model = autoencoder(contraction_level=0.5)
    x = numpy.random.RandomState(0).uniform(size=(5, 6)).astype(floatX)
    W = model.W.get_value()
    h = sigmoid(x @ W)
    z = sigmoid(h @ W.T)
    cross_entropy = -(x * numpy.log(z) + (1 - x) * numpy.log(1 - z)).sum(axis=1).mean()
    jacobian = (h * (1 - h))[:, :, None] * W.T
    contraction = (jacobian**2).sum() / 5
    outputs = [model.cost(), model.contraction(), T.grad(model.contraction(), model.W)]
    cost, penalty, gradient = theano.function([model.input], outputs, mode=default_mode())(x)
    assert penalty == pytest.approx(contraction, rel=1e-5)
    assert cost == pytest.approx(cross_entropy + 0.5 * contraction, rel=1e-5)
    assert abs(gradient).max() > 0.01  # the original's is 0
    assert model.reconstruct(x) == pytest.approx(z, abs=1e-5)
    assert model.reconstruct(x[0]) == pytest.approx(z[0], abs=1e-5)


def test_noise_sets_inputs_to_0_and_is_new_in_each_call():
    model = autoencoder(corruption_level=0.5)
    function = theano.function([model.input], model.cost(), mode=default_mode())
    x = numpy.ones((5, 6), theano.config.floatX)
    assert len({float(function(x)) for _ in range(3)}) == 3


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ({"corruption_level": 1.5}, "corruption_level: got 1.5, expected a number from 0 to 1"),
        ({"corruption_level": -0.1}, "corruption_level: got -0.1"),
        ({"corruption_level": "some"}, "corruption_level: got 'some'"),
        ({"contraction_level": -1}, "contraction_level: got -1"),
    ],
)
def test_levels_out_of_their_range_are_refused(levels, message):
    with pytest.raises(OptionError, match=message):
        autoencoder(**levels)


def test_a_file_gives_the_model_back(tmp_path):
    model, path = autoencoder(corruption_level=0.25), tmp_path / "da.pkl"
    save_params(model, path)
    assert find_chapter([param.get_value().shape for param in model.params]) == "da"
    saved = load_model(path).model
    assert saved.options == {"corruption_level": 0.25, "contraction_level": 0.0}
    x = numpy.random.RandomState(0).uniform(size=(2, 6))
    assert saved.reconstruct(x) == pytest.approx(model.reconstruct(x))


@pytest.mark.slow
@pytest.mark.parametrize(("level", "published"), [(0.3, 81.764986), (0, 63.289169)])
def test_the_first_epoch_costs_what_the_original_prints(find_main, capsys, level, published):
    main = find_main("train_da")
    dataset = ["--dataset", str(ROOT / "data" / "mnist.pkl.gz")]
    assert main([*dataset, "--corruption-level", str(level), "--n-epochs", "1"]) == 0
    cost = float(capsys.readouterr().out.split()[5])
    assert cost == pytest.approx(published, abs=5e-6)


@pytest.fixture
def main(find_main, tiny_file):
    script = find_main("train_da")
    defaults = ["--dataset", str(tiny_file), "--batch-size", "10", "--n-hidden", "5"]
    return lambda *arguments: script([*defaults, "--save", "saved.pkl", *arguments])


@pytest.mark.slow
def test_a_resumed_run_goes_on_with_the_same_noise(main, capsys):
    assert main("--n-epochs", "3") == 0
    expected = Path("saved.pkl").read_bytes()
    assert capsys.readouterr().out.startswith("epoch 1, minibatch 6/6, cost ")
    assert main("--n-epochs", "1", "--checkpoint", "state") == 0
    assert main("--n-epochs", "3", "--resume", "state") == 0
    assert Path("saved.pkl").read_bytes() == expected
    assert main("--n-epochs", "3", "--resume", "state", "--corruption-level", "0.2") == 1
    assert "cannot resume: corruption_level was 0.3 and is now 0.2" in capsys.readouterr().err


def test_what_the_script_and_predictions_refuse(main, capsys):
    assert main("--corruption-level", "2") == 2
    assert "corruption_level: got 2.0, expected a number from 0 to 1" in capsys.readouterr().err
    assert main("--n-epochs", "1") == 0
    assert load_script("predict").main(["saved.pkl", "--index", "0"]) == 1
    message = "error: saved.pkl: a model of the class Autoencoder predicts no labels"
    assert message in capsys.readouterr().err
