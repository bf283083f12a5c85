"""The toy models train, stop, are killed and go on, and nothing outside this folder knows them."""

import argparse
from pathlib import Path

from dltutorials import OptionError, backend, load_data, save_params, train
from dltutorials.cli.options import add_classifier_arguments, add_training_arguments
from dltutorials.cli.outputs import CheckpointFile, HistoryFile, LinePrinter
from dltutorials.cli.prepare import make_placeholders, prepare_task
from dltutorials.exceptions import ResumeError
from dltutorials.prediction.saved_model import load_model
from dltutorials.training.checkpoint import load_state, save_state
from dltutorials.training.description import Description
from dltutorials.training.history import read_history
from dltutorials.training.phases import Phase, train_phases
from dltutorials.training.state import TrainingState

import numpy
import pytest
import theano.tensor as T
import train_autoencoder
import train_dropout
from autoencoder import Autoencoder
from dropout import Dropout
from helpers import At, kill, killed, load_script, without_seconds

FOLDER = Path(__file__).parent
SCRIPTS = {"dropout": train_dropout, "autoencoder": train_autoencoder}


def make_sets():
    """Return three pairs that a few hidden units can learn: the largest of 12 inputs tells y."""
    rng = numpy.random.RandomState(5)
    sets = []
    for n_examples in (60, 30, 30):
        y = rng.randint(0, 3, n_examples)
        x = (rng.rand(n_examples, 12) * 0.5).astype("float32")
        x[numpy.arange(n_examples), y * 4] = 1
        sets.append((x, y))
    return sets


def make_task(name, *rows_of_options, groups=()):
    """Compile a toy as its script does; once for each list of options."""
    x, y = make_placeholders()
    rng = numpy.random.RandomState(3)
    parser = argparse.ArgumentParser()
    add_training_arguments(parser, learning_rate=0.1, batch_size=10)
    for add_group in groups:
        add_group(parser)
    if name == "dropout":
        add_classifier_arguments(parser)
        model = Dropout(rng, x, n_in=12, n_hidden=8, n_out=3)
    else:
        model = Autoencoder(rng, x, n_in=12, n_hidden=8)
    data = load_data(make_sets())
    return [prepare_task(parser.parse_args(row), model, x, y, data) for row in rows_of_options]


MOMENTUM = ["--momentum", "0.5", "--learning-rate-decay", "0.5"]
RUNS = {
    "dropout": (["dropout", []], [("", 3)]),
    "autoencoder": (["autoencoder", []], [("", 3)]),
    "momentum and decay": (["autoencoder", MOMENTUM], [("", 3)]),
    "two phases": (["dropout", [], ["--learning-rate", "0.5"]], [("first", 2), ("second", 2)]),
}


@pytest.fixture(scope="module", params=list(RUNS))
def run(request, tmp_path_factory):
    """Return a training run that can begin again and again, and how it ends undisturbed."""
    how, phases = RUNS[request.param]
    run = Run(make_task(*how), phases, tmp_path_factory.mktemp("run"))
    run.undisturbed = run.finish("undisturbed")
    return run


class Run:
    """Phases over tasks that are compiled once; each attempt begins where a new process would."""

    def __init__(self, tasks, phases, folder):
        self.tasks, self.folder = tasks, folder
        self.starts = [TrainingState.begin(task) for task in tasks]
        self.phases = [
            Phase(name, lambda task=task: task, n_epochs)
            for task, (name, n_epochs) in zip(tasks, phases)
        ]

    def finish(self, name, *callbacks):
        """Begin, or go on from the checkpoint of that name; return all that it ends in."""
        for task, start in zip(self.tasks, self.starts):
            task.set_params(start.params)
            if task.set_rest is not None:
                task.set_rest(start.rest)
        state_file, history = self.folder / f"{name}.state", self.folder / f"{name}.jsonl"
        state = load_state(state_file).state if state_file.exists() else None
        files = [HistoryFile(history, lambda task: {}), CheckpointFile(state_file, 1, {}, {})]
        result = train_phases(self.phases, [*callbacks, *files], state)
        rest = self.tasks[-1].get_rest()
        arrays = [value.tobytes() for value in [*result.best_params, *rest]]
        records = read_history(history).records
        assert without_seconds(records) == without_seconds(result.history)
        return arrays, without_seconds(records), result.stop_reason


class Stop(At):
    """Asks for an end after a minibatch."""

    def __init__(self, minibatch):
        super().__init__(minibatch, lambda: None)

    def stop_requested(self):
        return self.n_done >= self.minibatch


@pytest.mark.numbers
@pytest.mark.parametrize("minibatch", [1, 6, 8, 15, 18])
def test_a_stopped_run_that_goes_on_ends_in_the_same_bytes(run, minibatch):
    name = f"stopped-{minibatch}"
    assert run.finish(name, Stop(minibatch))[2] == "interrupted"
    assert run.finish(name) == run.undisturbed


@pytest.mark.numbers
@pytest.mark.parametrize("minibatch", [3, 7, 12, 16])
def test_a_killed_run_that_goes_on_ends_in_the_same_bytes(run, minibatch):
    name = f"killed-{minibatch}"
    killed(lambda: run.finish(name, At(minibatch, kill)))
    assert run.finish(name) == run.undisturbed


STATES = FOLDER / "states"


def write_state():
    """Write the state after an epoch on the engine that is installed, for the test below."""
    [task] = make_task("dropout", [])
    file = CheckpointFile(STATES / f"{backend.name().lower()}.npz", 1, {}, {})
    train(task, 1, callbacks=[file])


@pytest.mark.numbers
@pytest.mark.parametrize("engine", ["theano", "pytensor"])
def test_a_state_of_either_engine_goes_on_with_its_streams(engine):
    [task] = make_task("dropout", [])
    undisturbed, streams = train(task, 3), task.get_rest()
    state = load_state(STATES / f"{engine}.npz").state
    assert not numpy.array_equal(state.rest[0], streams[0])
    result = train(task, 3, resume=state)
    assert [r["validation_loss"] for r in result.history] == [
        r["validation_loss"] for r in undisturbed.history
    ]
    costs = [[r["cost"] for r in each.history] for each in (result, undisturbed)]
    assert costs[0] == pytest.approx(costs[1], rel=1e-5)
    for value, expected in zip(result.best_params, undisturbed.best_params):
        numpy.testing.assert_allclose(value, expected, atol=1e-5)
    for value, expected in zip(task.get_rest(), streams):
        numpy.testing.assert_array_equal(value, expected)


@pytest.mark.parametrize("run", ["dropout", "momentum and decay", "two phases"], indirect=True)
def test_a_state_whose_rest_has_another_shape_is_refused_and_kept(run):
    run.finish("other", Stop(8))
    path, history = run.folder / "other.state", run.folder / "other.jsonl"
    state = load_state(path).state
    save_state(state.copy(rest=[value[:1] for value in state.rest]), path)
    before = path.read_bytes(), history.read_bytes()
    with pytest.raises(ResumeError, match="cannot resume: the state has random streams and the"):
        run.finish("other")
    assert (path.read_bytes(), history.read_bytes()) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--significance", "0.05"], "significance: this model has no mistakes to test"),
        (["--exact-evaluation"], "exact_evaluation: this model has no errors to evaluate"),
    ],
)
def test_options_of_an_evaluation_that_there_is_not_are_refused(arguments, message):
    with pytest.raises(OptionError, match=f"{message}; leave it out"):
        make_task("autoencoder", arguments, groups=(add_classifier_arguments,))


@pytest.mark.parametrize("command", ["plot.py errors", "predict.py --index 0"])
def test_what_predicts_no_labels_is_refused_where_labels_are_wanted(command, start, capsys):
    params = Autoencoder(numpy.random.RandomState(3), T.matrix("x"), 12, 8).params
    values = [param.get_value() for param in params]
    save_params(values, "model.pkl", Description("autoencoder"))
    before = Path("model.pkl").read_bytes()
    script, *arguments = command.split()
    main = load_script(script.removesuffix(".py")).main
    assert main([*arguments, "--dataset", "unlabelled.npz", "model.pkl"]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert "model.pkl: is of a model 'autoencoder', expected one of logreg, mlp" in line
    assert sorted(path.name for path in Path().iterdir() if path.suffix != ".npz") == ["model.pkl"]
    assert Path("model.pkl").read_bytes() == before


@pytest.mark.parametrize(
    ("option", "value"),
    [("--momentum", "1"), ("--momentum", "-0.1"), ("--learning-rate-decay", "0")],
)
def test_a_number_out_of_its_range_is_one_line(option, value, start, capsys):
    assert start("autoencoder", f"{option}={value}") == 2
    [line] = capsys.readouterr().err.splitlines()
    name = option.strip("-").replace("-", "_")
    assert f"error: {name}: got {float(value)}, expected a number" in line
    assert not Path("best_model.pkl").exists()


@pytest.fixture
def start(tmp_path, monkeypatch, capsys):
    """Return a function that runs a toy's script in an empty folder."""
    monkeypatch.chdir(tmp_path)
    sets = dict(zip(("train", "valid", "test"), make_sets()))
    numpy.savez("labelled.npz", **{f"{n}_{k}": a for n in sets for k, a in zip("xy", sets[n])})
    numpy.savez("unlabelled.npz", **{f"{name}_x": pair[0] for name, pair in sets.items()})

    def start(name, *arguments, data=None):
        data = data or {"dropout": "labelled.npz", "autoencoder": "unlabelled.npz"}[name]
        monkeypatch.setattr("sys.argv", [f"train_{name}.py"])
        sizes = ["--n-hidden", "8", "--batch-size", "10", "--n-epochs", "3"]
        return SCRIPTS[name].main([*sizes, "--dataset", data, *arguments])

    return start


@pytest.mark.slow
@pytest.mark.parametrize("name", list(SCRIPTS))
def test_a_script_that_is_killed_and_resumed_saves_the_same_bytes(name, start, monkeypatch):
    assert start(name, "--save", "all.pkl", "--history", "all.jsonl") == 0
    files = ["--save", "some.pkl", "--history", "some.jsonl", "--checkpoint", "some.state"]
    on_minibatch = At(10, kill).on_minibatch
    with monkeypatch.context() as patch:
        patch.setattr(LinePrinter, "on_minibatch", lambda self, *about: on_minibatch(*about))
        killed(lambda: start(name, *files))
    assert start(name, *files, "--resume", "some.state") == 0
    assert Path("some.pkl").read_bytes() == Path("all.pkl").read_bytes()
    all_records, some_records = (read_history(f"{n}.jsonl").records for n in ("all", "some"))
    assert without_seconds(some_records) == without_seconds(all_records)


@pytest.mark.slow
def test_what_learns_without_labels_shows_a_cost(start, capsys):
    assert start("autoencoder", "--history", "run.jsonl") == 0
    out, err = capsys.readouterr()
    assert [line.split(" cost ")[0] for line in out.splitlines()[:4]] == [
        *(f"epoch {epoch}, minibatch 6/6," for epoch in (1, 2, 3)),
        "Optimization complete with",
    ]
    assert err.endswith("all 3 epochs are done; the newest parameters are in best_model.pkl\n")
    assert "error" not in out
    saved = load_model("best_model.pkl", model_class=Autoencoder)
    assert saved.sizes == {"n_in": 12, "n_hidden": 8}
    assert [record["validation_loss"] for record in read_history("run.jsonl").records] == [None] * 3


def test_toys_are_small():
    for name in SCRIPTS:
        assert len((FOLDER / f"train_{name}.py").read_text().splitlines()) <= 60
