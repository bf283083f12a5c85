"""The restricted Boltzmann machine, checked against the sums over all states of a tiny one."""

import itertools
from pathlib import Path

from dltutorials import DataError, OptionError, load_model, save_params
from dltutorials.backend.loops import repeat, unroll
from dltutorials.models import RBM, Autoencoder

import numpy
import pytest
import theano
import theano.tensor as T
from helpers import save_npz, theano_only

pytestmark = pytest.mark.numbers
STATES = numpy.array(list(itertools.product((0.0, 1.0), repeat=4)))
HIDDEN = numpy.array(list(itertools.product((0.0, 1.0), repeat=3)))
DATA = STATES[[3, 5, 5, 12]]


def rbm(**options):
    model = RBM(numpy.random.RandomState(3), T.matrix("x"), 4, 3, **options)
    rng = numpy.random.RandomState(7)
    for param in model.params:
        values = rng.normal(size=param.get_value().shape)
        param.set_value(values.astype(param.dtype))
    return model


def energies(W, c, b):
    """Return the energy of each of the 16 x 8 states, by the definition."""
    return -(STATES @ b)[:, None] - HIDDEN @ c - STATES @ W @ HIDDEN.T


def probabilities(params):
    """Return those of the visible states."""
    p = numpy.exp(-energies(*params)).sum(axis=1)
    return p / p.sum()


def values_of(model):
    return [param.get_value().astype("float64") for param in model.params]


def log_likelihood(params):
    """Return the mean of the data: of states 3, 5, 5 and 12."""
    return numpy.log(probabilities(params)[[3, 5, 5, 12]]).mean()


@pytest.fixture(scope="module")
def machine():
    """Return a machine, and a step of 6,000 chains: what is shown, gradients, samples."""
    model = rbm(k=20, n_chains=6000)
    cost = model.cost()
    samples = model._chain.outputs[1]
    outputs = [model.watched(), *T.grad(cost, model.params), samples]
    outputs.append(model.free_energy(model.input))
    updates = model.updates(cost, 0.1)
    step = theano.function([model.input], outputs, updates=updates[len(model.params) :])
    return model, lambda x: step(x.astype(model.W.dtype))


def test_the_free_energy_is_what_a_sum_over_all_hidden_states_leaves(machine):
    model, step = machine
    expected = -numpy.log(numpy.exp(-energies(*values_of(model))).sum(axis=1))
    assert step(STATES)[-1] == pytest.approx(expected, abs=1e-5)


def test_the_pseudo_likelihood_takes_one_pixel_after_the_other(machine):
    model, step = machine
    p = probabilities(values_of(model))
    for _ in range(5):
        pixel = int(model._chain.updates[-1][0].get_value())
        flipped = DATA.copy()
        flipped[:, pixel] = 1 - flipped[:, pixel]
        number = lambda v: (v @ [8, 4, 2, 1]).astype(int)  # noqa: E731
        given = p[number(DATA)] / (p[number(DATA)] + p[number(flipped)])
        assert step(DATA * 0.9 + 0.05)[0] == pytest.approx(4 * numpy.log(given).mean(), rel=1e-4)
        assert int(model._chain.updates[-1][0].get_value()) == (pixel + 1) % 4


def test_samples_have_the_machines_distribution(machine):
    """Chi-square of 16 states: the 99.9 % quantile of 15 degrees of freedom is 37.7."""
    model, step = machine
    v = numpy.asarray(step(DATA)[-2])
    counts = numpy.bincount((v @ [8, 4, 2, 1]).astype(int), minlength=16)
    expected = 6000 * probabilities(values_of(model))
    assert ((counts - expected) ** 2 / expected).sum() < 37.7
    assert ((counts - 6000 / 16) ** 2 * 16 / 6000).sum() > 1000  # of equal probabilities


def test_the_gradient_is_that_of_the_exact_likelihood(machine):
    """But for the standard error of the samples, of which there are 6,000."""
    model, step = machine
    gradients = step(DATA)[1:4]
    values = values_of(model)
    for number, gradient in enumerate(gradients):
        for place in numpy.ndindex(gradient.shape):
            ends = []
            for shift in (1e-5, -1e-5):
                moved = [value.copy() for value in values]
                moved[number][place] += shift
                ends.append(log_likelihood(moved))
            exact = -(ends[0] - ends[1]) / 2e-5
            assert gradient[place] == pytest.approx(exact, abs=4 * 0.5 / 6000**0.5)


def test_cd_starts_at_the_minibatch_and_shows_the_cross_entropy_of_its_reconstruction():
    model = rbm(k=1, persistent=False)
    for param in model.params:  # so sure that nothing is left to chance
        param.set_value(30 * param.get_value())
    W, c, b = values_of(model)
    outputs = [model.watched(), model._chain.outputs[1]]
    updates = model._chain.updates
    shown, samples = theano.function([model.input], outputs, updates=updates)(
        DATA.astype(model.W.dtype)
    )
    scores = (DATA @ W + c > 0) @ W.T + b
    assert (samples == (scores > 0)).all()
    expected = numpy.logaddexp(0, scores) - DATA * scores
    assert shown == pytest.approx(expected.sum(axis=1).mean(), rel=1e-5)


@theano_only
def test_a_loop_that_is_written_out_draws_the_numbers_of_scan():
    ends = []
    for loop in (unroll, lambda *of: repeat(*of, n_others=2)):
        model = rbm()
        start = theano.shared(numpy.zeros((5, 3), theano.config.floatX))
        outputs, updates = loop(model.gibbs_hvh, start, 60)
        function = theano.function([], outputs[1:], updates=updates)
        ends.append([*function(), *function()])
    for ours, theirs in zip(*ends):
        numpy.testing.assert_array_equal(ours, theirs)


def test_a_file_gives_the_machine_back_and_says_what_it_is(tmp_path):
    model, path = rbm(k=2, persistent=False), tmp_path / "rbm.pkl"
    save_params(model, path)
    saved = load_model(path).model
    assert type(saved) is RBM
    assert saved.options == {"k": 2, "persistent": False}
    assert saved.reconstruct(DATA) == pytest.approx(model.reconstruct(DATA))
    with pytest.raises(DataError, match="is of the chapter 'rbm', not of Autoencoder"):
        load_model(path, model_class=Autoencoder)


@pytest.mark.parametrize("options", [{"k": 0}, {"k": 1.5}, {"n_chains": 0}])
def test_options_out_of_their_range_are_refused(options):
    with pytest.raises(OptionError, match=f"{next(iter(options))}: got "):
        rbm(**options)


@pytest.fixture
def main(find_main, tiny_file):
    script = find_main("train_rbm")
    defaults = ["--dataset", str(tiny_file), "--batch-size", "10", "--n-hidden", "5", "--k", "2"]
    return lambda *arguments: script([*defaults, "--save", "saved.pkl", *arguments])


@pytest.mark.slow
def test_a_resumed_run_goes_on_with_the_same_chains_pixel_and_streams(main, capsys):
    assert main("--n-epochs", "3") == 0
    expected = Path("saved.pkl").read_bytes()
    assert capsys.readouterr().out.startswith("epoch 1, minibatch 6/6, pseudo-likelihood -")
    assert main("--n-epochs", "1", "--checkpoint", "state") == 0
    assert main("--n-epochs", "3", "--resume", "state") == 0
    assert Path("saved.pkl").read_bytes() == expected
    assert main("--n-epochs", "3", "--resume", "state", "--k", "3") == 1
    assert "cannot resume: k was 2 and is now 3" in capsys.readouterr().err


@pytest.mark.slow
def test_after_training_the_script_draws_what_plot_samples_draws(
    main, find_main, tiny_file, capsys
):
    how = ["--n-chains", "3", "--n-samples", "2", "--plot-every", "2"]
    assert main("--n-epochs", "1", *how) == 0
    assert capsys.readouterr().err.endswith("\nthe samples of 3 chains are in samples.png\n")
    drawn = Path("samples.png").read_bytes()
    Path("saved.pkl").rename("../saved.pkl")
    arguments = ["samples", "../saved.pkl", "--dataset", str(tiny_file), "--output", "s.png"]
    assert find_main("plot")([*arguments, *how]) == 0
    assert Path("s.png").read_bytes() == drawn


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--n-chains 0", "n_chains: got 0, expected an integer of at least 1"),
        ("--n-chains 5000", "n_chains: got 5,000, but the test set has "),
        ("--plot-every 0", "plot_every: got 0, expected an integer of at least 1"),
        ("--n-samples 5000", "n_samples: got 5,000 of each of 20 chains, expected at most 10,000"),
        ("--samples a.gif", "samples: got a.gif, expected a name that ends in .png, .svg, .pdf"),
        (
            "--samples s.png --history s.png",
            "samples: got s.png, which --history names too;",
        ),
    ],
)
def test_samples_that_cannot_be_drawn_are_refused_before_training(main, capsys, arguments, message):
    assert main(*arguments.split()) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"train_rbm.py: error: {message}")
    assert not any(Path(name).exists() for name in ("saved.pkl", "s.png", "samples.png"))


def test_samples_that_are_not_square_are_left_to_plot_samples(main, tmp_path, capsys):
    sets = [(numpy.full((20, 15), 0.5, "float32"), numpy.zeros(20, "int64"))] * 3
    path = save_npz(tmp_path / "odd.npz", sets)
    assert main("--dataset", str(path), "--samples", "s.png", "--n-chains", "3") == 1
    [line] = capsys.readouterr().err.splitlines()[-1:]
    assert "samples: got 15 numbers in an example" in line
    assert line.endswith("; draw them with plot.py samples, which has --img-shape")


def test_the_script_refuses_no_steps_and_momentum(main, capsys):
    assert main("--k", "0") == 2
    assert "error: k: got 0, expected an integer of at least 1" in capsys.readouterr().err
    assert main("--momentum", "0.5") == 2
    assert "but RBM has updates of its own; leave it out" in capsys.readouterr().err
