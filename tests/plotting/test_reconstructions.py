from dltutorials import MLP, DataError, OptionError
from dltutorials.models import Autoencoder
from dltutorials.plotting import plot_reconstructions

import numpy
import pytest
import theano.tensor as T
from drawings import fits


@pytest.fixture(scope="module")
def model():
    return Autoencoder(numpy.random.RandomState(0), T.matrix("x"), 16, 3, corruption_level=0.5)


X = numpy.random.RandomState(1).uniform(0.5, 1, (3, 16))


def rows_of(ax, n_rows):
    """Return what is drawn, as one array of images for each row of the picture."""
    raster = numpy.ma.filled(ax.images[0].get_array(), numpy.nan)
    height, width = (n // each for n, each in zip(numpy.add(raster.shape, 1), (n_rows, len(X))))
    grey = (raster - 0.07) / 0.93  # plot_images lifts white a little
    return [
        [grey[r * height :, c * width :][:4, :4].ravel() for c in range(len(X))]
        for r in range(n_rows)
    ]


def test_noise_is_that_of_the_model_and_below_is_what_it_makes_of_it(model):
    ax = plot_reconstructions(model, X)
    assert [text.get_text() for text in ax.texts][-3:] == [
        "example",
        "with noise",
        "reconstruction",
    ]
    example, noisy, reconstruction = rows_of(ax, 3)
    assert example == pytest.approx(X, abs=1e-6)
    is_masked = numpy.isclose(noisy, 0)
    assert 0.3 < is_masked.mean() < 0.7
    assert numpy.where(is_masked, X, noisy) == pytest.approx(X, abs=1e-6)
    expected = model.reconstruct(numpy.where(is_masked, 0, X))
    assert reconstruction == pytest.approx(expected, abs=1e-5)
    assert fits(ax.figure)


def test_without_noise_there_are_two_rows(model):
    ax = plot_reconstructions(model, X, corruption_level=0)
    assert [text.get_text() for text in ax.texts][-2:] == ["example", "reconstruction"]
    assert rows_of(ax, 2)[1] == pytest.approx(model.reconstruct(X), abs=1e-5)


def test_what_cannot_be_reconstructed_is_refused(model):
    with pytest.raises(OptionError, match="corruption_level: got 2, expected a number from 0 to"):
        plot_reconstructions(model, X, 2)
    with pytest.raises(DataError, match=r"got examples of shape \(15,\), expected \(16,\)"):
        plot_reconstructions(model, X[:, 1:])
    mlp = MLP(numpy.random.RandomState(0), T.matrix("x"), 4, 3, 2)
    with pytest.raises(DataError, match="class MLP reconstructs nothing; give an autoencoder"):
        plot_reconstructions(mlp, X)
