from dltutorials import DataError
from dltutorials.backend import temporary_floatX
from dltutorials.models import RBM, Autoencoder
from dltutorials.plotting import plot_free_energy
from dltutorials.training.snapshots import save_snapshot

import numpy
import pytest
import theano.tensor as T
from drawings import fits

RNG = numpy.random.RandomState(1)
SETS = TRAIN_X, VALID_X = RNG.rand(5, 4), RNG.rand(3, 4)


@pytest.fixture(scope="module")
def model():
    with temporary_floatX("float64"):
        return RBM(numpy.random.RandomState(0), T.matrix("x"), n_in=4, n_hidden=3)


def test_means_of_both_sets_at_each_snapshot_and_their_gap(model, tmp_path):
    expected = []
    for iteration in (9, 19, 29):
        W, b, b_prime = values = [RNG.randn(4, 3), RNG.randn(3), RNG.randn(4)]
        save_snapshot(values, tmp_path, iteration)
        energies = (-x @ b_prime - numpy.log1p(numpy.exp(x @ W + b)).sum(1) for x in SETS)
        expected.append([each.mean() for each in energies])
    own = [param.get_value() for param in model.params]
    above, below = plot_free_energy(model, tmp_path, TRAIN_X, VALID_X)
    training, validation = (line.get_ydata() for line in above.lines)
    assert [*zip(training, validation)] == [pytest.approx(means) for means in expected]
    assert below.lines[-1].get_ydata() == pytest.approx(validation - training)
    assert below.lines[-1].get_xdata().tolist() == [10, 20, 30]
    assert fits(above.figure)
    for param, value in zip(model.params, own):
        assert (param.get_value() == value).all()


def test_other_models_and_snapshots_are_refused(model, tmp_path):
    with pytest.raises(DataError, match="no snapshot in it"):
        plot_free_energy(model, tmp_path, TRAIN_X, VALID_X)
    with pytest.raises(DataError, match=r"got examples of shape \(3,\), expected \(4,\)"):
        plot_free_energy(model, tmp_path, TRAIN_X[:, 1:], VALID_X)
    save_snapshot([numpy.zeros((5, 3)), numpy.zeros(3), numpy.zeros(5)], tmp_path, 0)
    with pytest.raises(DataError, match=r"iteration-0000000000.pkl: W: expected floats of shape"):
        plot_free_energy(model, tmp_path, TRAIN_X, VALID_X)
    da = Autoencoder(numpy.random.RandomState(0), T.matrix("x"), 4, 3)
    with pytest.raises(DataError, match="class Autoencoder has no free energy; give an RBM"):
        plot_free_energy(da, tmp_path, TRAIN_X, VALID_X)
