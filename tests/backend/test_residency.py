"""During training, nothing is copied to JAX's device but chunks of the data.

The phases of each script train on tiny data. test_jax_engine.py starts those of these tests that
are not slow with linker=jax.
"""

import functools

import pytest

pytest.importorskip("jax")

from dltutorials import backend, compile_task, set_floatX, sgd, train
from dltutorials.cli.prepare import make_placeholders, prepare_datasets, prepare_phases
from dltutorials.models import LogisticRegression
from dltutorials.training.conjugate_gradient import cost_and_gradients

import jax
import numpy
import theano
import theano.tensor as T
from helpers import load_script

pytestmark = pytest.mark.skipif(not backend.uses_jax(), reason="needs linker=jax")

BEGINNING_AN_EPOCH = {"--shuffle", "--learning-rate-decay"}  # one array each: the order, the rate
LAYERS = ["--hidden-layers-sizes", "4", "3", "--pretraining-epochs", "1"]
MODELS = {
    "logreg": [],
    "mlp": ["--n-hidden", "4"],
    "lenet": ["--nkerns", "2", "2", "--n-hidden", "4"],
    "da": ["--n-hidden", "4"],
    "rbm": ["--n-hidden", "4", "--k", "2"],
    "sda": [*LAYERS, "--corruption-levels", "0.1", "0.2"],
    "dbn": LAYERS,
}
IN_SHORT = [
    ("lenet", []),
    ("rbm", []),
    ("sda", []),
    ("mlp", ["--chunk-size", "2", "--momentum", "0.5", "--learning-rate-decay", "0.9"]),
]
MORE = [
    ("logreg", []),
    ("logreg", ["--exact-evaluation", "--shuffle", "1"]),
    ("mlp", []),
    ("da", []),
    ("da", ["--corruption-level", "0", "--contraction-level", "0.1"]),
    ("rbm", ["--no-persistent"]),
    ("dbn", []),
    ("da", ["--chunk-size", "2"]),
    ("dbn", ["--chunk-size", "2"]),
]


@pytest.fixture
def phases(tiny_file):
    """Return a function that prepares the phases of a script on the tiny data set."""

    def prepare(name, *arguments):
        script = load_script(f"train_{name}")
        given = ["--dataset", str(tiny_file), "--batch-size", "10", "--quiet", *arguments]
        options = script.make_parser().parse_args([*given, *MODELS[name]])
        datasets = prepare_datasets(options)
        x, y = make_placeholders()
        model = script.make_model(options)(x, datasets.n_in, datasets.n_out)
        return prepare_phases(options, model, x, y, datasets)

    return prepare


@pytest.mark.parametrize(
    ("name", "how"), [*IN_SHORT, *(pytest.param(*each, marks=pytest.mark.slow) for each in MORE)]
)
def test_an_epoch_transfers_nothing_but_chunks(phases, name, how):
    """Two arrays a chunk, x and y: of three chunks for training, two for each evaluation."""
    is_chunked = "--chunk-size" in how
    for phase in phases(name, *how):
        task = phase.prepare()
        phase.train(task, 1)  # compiles whatever is not compiled yet
        evaluations = [task.validate, task.test, task.validation_misclassified]
        evaluations = [evaluate for evaluate in evaluations if evaluate is not None]
        for evaluate in evaluations:
            evaluate()
        with jax.transfer_guard("disallow"):
            before = backend.n_transfers()
            costs = list(map(task.train_minibatch, range(task.n_train_batches)))
            after_steps = backend.n_transfers()
            task.fetch_costs(costs)
            assert (after_steps - before, backend.n_transfers()) == (6 * is_chunked, after_steps)
            for n, evaluate in enumerate(evaluations, start=1):
                evaluate()
                assert backend.n_transfers() == after_steps + n * 4 * is_chunked
            begun = backend.n_transfers()
            if task.begin_epoch is not None:
                task.begin_epoch(1)
            n_arrays = len(BEGINNING_AN_EPOCH.intersection(how))
            assert backend.n_transfers() == begun + n_arrays


def test_conjugate_gradients_transfer_only_the_parameters(phases):
    [phase] = phases("logreg", "--optimizer", "cg")
    task = phase.prepare()
    cost_and_gradients(task)
    with jax.transfer_guard("disallow"):
        before = backend.n_transfers()
        cost_and_gradients(task)
        assert backend.n_transfers() == before
        task.set_params(task.get_params())
        assert backend.n_transfers() == before + 2


def test_a_step_does_not_wait_for_the_device():
    """Ten large products take far longer than to start them, three times."""
    rows = numpy.random.RandomState(1).rand(2000, 784).astype("float32")
    x, W = T.fmatrix("x"), theano.shared(numpy.eye(784, dtype="float32"))
    cost = functools.reduce(lambda h, _: T.tanh(T.dot(h, W)), range(10), x).mean()
    task = compile_task(x, None, cost, [(W, W + cost)], None, [W], [(theano.shared(rows),)], 2000)
    costs = [task.train_minibatch(0) for _ in range(3)]
    assert not costs[-1].is_ready()
    assert numpy.isfinite(task.fetch_costs(costs)).all()


def test_a_label_that_became_wrong_ends_the_run_with_the_first_parameters(tiny_sets):
    """The labels are floats that an expression casts, as in the chapter."""
    set_floatX("float32")
    x, y, rows = T.matrix("x"), T.ivector("y"), theano.shared(tiny_sets[0][0])
    labels = theano.shared(tiny_sets[0][1].astype("float32"))
    model = LogisticRegression(x, 784, 10)
    cost = model.negative_log_likelihood(y)
    datasets = [(rows, T.cast(labels, "int32"))] * 3
    updates, errors = sgd(cost, model.params, 0.1), model.errors(y)
    task = compile_task(x, y, cost, updates, errors, model.params, datasets, 10)
    labels.set_value(numpy.where(numpy.arange(60) == 34, 12, 3).astype("float32"))
    with pytest.raises(backend.LabelError, match="got label 12 for example 4, expected 0 to 9"):
        train(task, 2)
    assert not model.W.get_value().any()


def test_a_checkpoint_says_which_device_and_compiler_computed():
    facts = backend.describe_numerics()
    found = facts["linker"], facts["device"], facts["compiler"].split()[0]
    assert found == ("jax", "cpu", "JAX")
