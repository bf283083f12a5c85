"""The deep belief network, as a model and as a script."""

from pathlib import Path

from dltutorials import OptionError, load_data, load_model, save_params
from dltutorials.cli.outputs import LinePrinter
from dltutorials.cli.prepare import make_placeholders, prepare_phases
from dltutorials.models import DBN

import numpy
import pytest
import theano.tensor as T
from helpers import At, kill, killed, load_script, make_split

pytestmark = pytest.mark.numbers
OPTIONS = ["--batch-size", "10", "--hidden-layers-sizes", "5", "4", "3", "--k", "2"]
OPTIONS += ["--pretraining-epochs", "2", "--n-epochs", "2"]


def test_layers_are_machines_on_the_probabilities_below_and_a_file_gives_them_back(tmp_path):
    model, path = DBN(numpy.random.RandomState(1), T.matrix("x"), 6, [5, 4], 2, k=3), tmp_path / "f"
    assert [(layer.n_in, layer.n_hidden, layer.k) for layer in model.layers] == [
        (6, 5, 3),
        (5, 4, 3),
    ]
    assert model.layers[1].input is model.layers[0].code
    assert [param.name for param in model.params] == ["W", "b"] * 3
    save_params(model, path)
    saved = load_model(path)
    assert (type(saved.model), saved.model.options) == (DBN, {"k": 3})
    x = numpy.random.RandomState(0).rand(3, 6)
    assert saved.predict_proba(x) == pytest.approx(model.predict_proba(x))


@pytest.mark.parametrize(
    ("sizes", "k", "message"),
    [([], 1, "hidden_layers_sizes: got none"), ([5], 0, "k: got 0"), ([0], 1, "n_hidden: got 0")],
)
def test_what_cannot_be_a_network_is_refused(sizes, k, message):
    with pytest.raises(OptionError, match=message):
        DBN(numpy.random.RandomState(1), T.matrix("x"), 6, sizes, 2, k)


@pytest.mark.slow
def test_the_first_steps_have_their_numbers_and_change_one_layer_each():
    """On both engines: a machine's step shows what its random units make of the minibatch."""
    script, rng = load_script("train_dbn"), numpy.random.RandomState(99)
    options = script.make_parser().parse_args([*OPTIONS, "--k", "1"])
    data, (x, y) = load_data([make_split(rng, n) for n in (60, 30, 30)]), make_placeholders()
    model = script.make_model(options)(x, data.n_in, data.n_out)
    *layers, _ = prepare_phases(options, model, x, y, data)
    for number, layer in enumerate(layers):
        task = layer.prepare()
        before = task.get_params()
        costs = [float(task.train_minibatch(index)) for index in (0, 1)]
        assert number or costs == pytest.approx(FIRST, rel=1e-4)
        assert numpy.isfinite(costs).all()
        changed = [not (a == b).all() for a, b in zip(before, task.get_params())]
        assert changed == [index // 2 == number for index in range(8)]


FIRST = [558.057318, 553.437424]  # of the first layer


@pytest.fixture
def main(find_main, tiny_file):
    script = find_main("train_dbn")
    defaults = [*OPTIONS, "--dataset", str(tiny_file), "--save", "saved.pkl"]
    return lambda *arguments: script([*defaults, *arguments])


@pytest.mark.slow
@pytest.mark.parametrize("minibatch", [9, 21, 45])
def test_a_run_killed_in_any_phase_goes_on_to_the_same_bytes(main, minibatch, monkeypatch):
    with monkeypatch.context() as patch:
        on_minibatch = At(minibatch, kill).on_minibatch
        patch.setattr(LinePrinter, "on_minibatch", lambda self, *about: on_minibatch(*about))
        killed(lambda: main("--checkpoint", "state"))
    assert main("--resume", "state") == 0
    resumed = Path("saved.pkl").read_bytes()
    assert main() == 0
    assert Path("saved.pkl").read_bytes() == resumed


def test_a_step_of_no_gibbs_steps_is_one_line(main, capsys):
    assert main("--k", "0") == 2
    assert "error: k: got 0, expected an integer of at least 1" in capsys.readouterr().err
