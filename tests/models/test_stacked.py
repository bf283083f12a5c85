"""The stacked autoencoder, as a model and as a script."""

import functools
from pathlib import Path

from dltutorials import OptionError, load_data, load_mnist, load_model, save_params
from dltutorials.backend import default_mode
from dltutorials.cli.outputs import CheckpointFile, HistoryFile
from dltutorials.cli.prepare import make_placeholders, prepare_phases
from dltutorials.models import StackedAutoencoder, find_chapter
from dltutorials.training.checkpoint import load_state
from dltutorials.training.history import read_history
from dltutorials.training.phases import train_phases
from dltutorials.training.state import TrainingState

import numpy
import pytest
import theano
import theano.tensor as T
from helpers import At, kill, killed, load_script, make_split, save_npz, without_seconds

pytestmark = pytest.mark.numbers


def stacked(sizes=(5, 4), levels=(0.25, 0.5)):
    return StackedAutoencoder(numpy.random.RandomState(3), T.matrix("x"), 6, sizes, 3, levels)


def sigmoid(v):
    return 1 / (1 + numpy.exp(-v))


def test_the_probabilities_and_the_cost_of_a_layer_are_those_of_plain_numpy(floatX):
    rng, model = numpy.random.RandomState(0), stacked(levels=None)
    for param in model.params:
        param.set_value(rng.normal(size=param.get_value().shape).astype(floatX))
    x = rng.uniform(size=(7, 6)).astype(floatX)
    W1, b1, W2, b2, W, b = (param.get_value() for param in model.params)
    h1 = sigmoid(x @ W1 + b1)
    h2 = sigmoid(h1 @ W2 + b2)
    p = numpy.exp(h2 @ W + b)
    assert model.predict_proba(x) == pytest.approx(p / p.sum(axis=1, keepdims=True), abs=1e-5)
    z = sigmoid(h2 @ W2.T)
    cross_entropy = -(h1 * numpy.log(z) + (1 - h1) * numpy.log(1 - z)).sum(axis=1).mean()
    function = theano.function([model.input], model.layers[1].cost(), mode=default_mode())
    cost = function(x)
    assert cost == pytest.approx(cross_entropy, rel=1e-5)


def test_it_is_known_by_its_shapes_and_by_its_file(tmp_path):
    path, model = tmp_path / "sda.pkl", stacked()
    shapes = [param.get_value().shape for param in model.params]
    assert shapes == [(6, 5), (5,), (5, 4), (4,), (4, 3), (3,)]
    assert find_chapter(shapes) == "sda"
    assert find_chapter(shapes[2:]) == "mlp"
    assert [StackedAutoencoder.sizes(shapes[n:]) for n in (1, 4)] == [None, None]
    assert StackedAutoencoder.sizes([*shapes[:2], (6, 4), *shapes[3:]]) is None
    model.params[-1].set_value(numpy.array([0, 2, 0], model.params[-1].dtype))
    save_params(model, path)
    saved = load_model(path)
    assert saved.model.options == {"corruption_levels": [0.25, 0.5]}
    assert saved.predict(numpy.zeros((2, 6))).tolist() == [1, 1]
    one_layer = stacked(sizes=[5], levels=[0.1])
    save_params(one_layer, path)
    assert isinstance(load_model(path).model, StackedAutoencoder)


@pytest.mark.parametrize(
    ("sizes", "levels", "message"),
    [
        ([5, 4], [0.1], "got 1 corruption_levels for 2 hidden_layers_sizes, expected one for each"),
        ([], [], "got 0 corruption_levels for 0 hidden_layers_sizes, expected one for each"),
        ([5, 0], [0, 0], "n_hidden: got 0, expected an integer of at least 1"),
        ([5, 4], [0, 1.5], "corruption_level: got 1.5, expected a number from 0 to 1"),
    ],
)
def test_layers_and_levels_that_do_not_fit_are_refused(sizes, levels, message):
    with pytest.raises(OptionError, match=message):
        stacked(sizes, levels)


OPTIONS = ["--batch-size", "10", "--hidden-layers-sizes", "5", "4", "--corruption-levels", "0.2"]
OPTIONS += ["0.3", "--pretraining-epochs", "2", "--pretrain-lr", "0.1", "--n-epochs", "2"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return a run of three phases that can begin again and again, and how it ends undisturbed."""
    script, rng = load_script("train_sda"), numpy.random.RandomState(99)
    options = script.make_parser().parse_args(OPTIONS)
    data, (x, y) = load_data([make_split(rng, n) for n in (60, 30, 30)]), make_placeholders()
    model = script.make_model(options)(x, data.n_in, data.n_out)
    phases = prepare_phases(options, model, x, y, data)
    return Run(phases, tmp_path_factory.mktemp("run"))


class Run:
    """Phases that are compiled once, and their parameters as a new process has them."""

    def __init__(self, phases, folder):
        self.tasks = [phase.prepare() for phase in phases]
        self.phases = [
            phase._replace(prepare=functools.partial(lambda task: task, task))
            for phase, task in zip(phases, self.tasks)
        ]
        self.starts = [TrainingState.begin(task) for task in self.tasks]
        self.folder = folder
        self.undisturbed = self.finish("undisturbed")

    def finish(self, name, *callbacks):
        """Begin, or go on from the checkpoint of that name; return what it ends in."""
        for task, start in zip(self.tasks, self.starts):
            task.set_params(start.params)
            task.set_rest(start.rest)
        state, history = self.folder / f"{name}.state", self.folder / f"{name}.jsonl"
        files = [HistoryFile(history, lambda task: {}), CheckpointFile(state, 1, {}, {})]
        before = load_state(state).state if state.exists() else None
        result = train_phases(self.phases, [*callbacks, *files], before)
        records = without_seconds(read_history(history).records)
        return [value.tobytes() for value in result.best_params], records


def test_layers_learn_one_after_another_and_then_all_of_them(run):
    records = run.undisturbed[1]
    phases = ["layer 1", "layer 1", "layer 2", "layer 2", "fine-tuning", "fine-tuning"]
    assert [record["phase"] for record in records] == phases
    assert [record["iteration"] for record in records] == [5, 11, 17, 23, 29, 35]
    assert records[1]["cost"] < records[0]["cost"]
    assert records[3]["cost"] < records[2]["cost"]
    assert records[0]["validation_loss"] is None
    assert records[-1]["validation_loss"] is not None
    assert run.phases[-1].early_stopping.patience == 10 * 6  # epochs
    before, after = run.starts[0].params, run.starts[-1].params
    run.tasks[0].set_params(before)
    run.tasks[0].train_minibatch(0)
    changed = [not (a == b).all() for a, b in zip(before, run.tasks[0].get_params())]
    assert changed == [True, True, False, False, False, False]
    assert len(after) == len(before)


@pytest.mark.parametrize("minibatch", [3, 8, 14, 22, 27, 34])
def test_a_run_killed_in_any_phase_goes_on_to_the_same_bytes(run, minibatch):
    name = f"killed-{minibatch}"
    killed(lambda: run.finish(name, At(minibatch, kill)))
    assert run.finish(name) == run.undisturbed


@pytest.mark.slow
def test_the_first_steps_cost_what_they_do_in_the_run_of_the_published_small_test():
    script, train_set = load_script("train_sda"), load_mnist()[0]
    options = script.make_parser().parse_args(["--batch-size", "300"])
    data, (x, y) = load_data([[rows[:600] for rows in train_set]] * 3), make_placeholders()
    model = script.make_model(options)(x, data.n_in, data.n_out)
    layers = [phase.prepare() for phase in prepare_phases(options, model, x, y, data)[:3]]
    costs = [[float(layer.train_minibatch(number)) for number in (0, 1)] for layer in layers]
    assert costs[0] == pytest.approx([935.167177, 863.831227], rel=1e-6)
    assert costs[1] == pytest.approx([1148.213173, 1096.372052], rel=1e-6)
    assert costs[2] == pytest.approx([1104.636061, 1044.642903], rel=1e-6)


@pytest.fixture
def main(find_main, tiny_file):
    script = find_main("train_sda")
    defaults = [*OPTIONS, "--dataset", str(tiny_file), "--save", "saved.pkl"]
    return lambda *arguments: script([*defaults, *arguments])


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--corruption-levels", "0.1"], 2, "corruption_levels: got 1 corruption_levels for 2"),
        (["--corruption-levels", "0.1", "2"], 2, "corruption_level: got 2.0, expected a number"),
        (["--pretraining-epochs", "-1"], 2, "pretraining_epochs: got -1, expected an integer"),
        (["--pretrain-lr", "0"], 2, "pretrain_lr: got 0.0, expected a finite number above 0"),
        (["--dataset", "unlabelled.npz"], 1, "unlabelled.npz: holds no labels, which a classifier"),
        (
            ["--dataset", "large.npz"],
            1,
            "large.npz: training set: x: got 3 in example 7, expected "
            "numbers from 0 to 1; scale them",
        ),
    ],
)
def test_what_the_script_refuses(main, capsys, tiny_sets, arguments, status, message):
    numpy.savez("unlabelled.npz", **{f"{n}_x": numpy.eye(20) for n in ("train", "valid", "test")})
    x = tiny_sets[0][0].copy()
    x[7, 5] = 3
    save_npz("large.npz", tiny_sets, train_x=x)
    assert main(*arguments) == status
    assert f"error: {message}" in capsys.readouterr().err.splitlines()[-1]
    assert not Path("saved.pkl").exists()


@pytest.mark.slow
def test_the_script_goes_on_in_each_phase_and_its_file_predicts(main, capsys, tiny_file):
    assert main("--history", "all.jsonl", "--snapshots", "snapshots") == 0
    expected = Path("saved.pkl").read_bytes()
    printed = capsys.readouterr().out
    assert printed.startswith("layer 1, epoch 1, minibatch 6/6, cost ")
    assert "\nfine-tuning, epoch 2, minibatch 6/6, validation error " in printed
    names = sorted(path.name for path in Path("snapshots").glob("*.pkl"))
    assert names[::5] == [
        "iteration-0000000005-layer-1.pkl",
        "iteration-0000000035-fine-tuning.pkl",
    ]
    header, records = read_history("all.jsonl")
    assert (header["loss"]["name"], len(records)) == ("error", 6)
    files = ["--history", "some.jsonl", "--checkpoint", "state"]
    assert main("--pretraining-epochs", "0", "--n-epochs", "1") == 0
    assert "layer" not in capsys.readouterr().out
    assert main("--n-epochs", "1", *files) == 0
    assert main("--resume", "state", *files) == 0
    assert Path("saved.pkl").read_bytes() == expected
    assert main("--resume", "state", "--pretrain-lr", "0.2") == 1
    assert "cannot resume: pretrain_lr was 0.1 and is now 0.2" in capsys.readouterr().err
    assert (
        load_script("predict").main(["saved.pkl", "--index", "0", "--dataset", str(tiny_file)]) == 0
    )
    assert capsys.readouterr().out.startswith("test image 0: label ")
