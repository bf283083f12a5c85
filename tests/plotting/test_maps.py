from dltutorials import MLP, DataError, OptionError
from dltutorials.models import LeNet
from dltutorials.plotting import plot_maps

import numpy
import pytest
import theano.tensor as T
from drawings import fits


def lenet():
    rng = numpy.random.RandomState(0)
    return LeNet(
        rng, T.matrix("x"), 2, (16, 12, 3), nkerns=(3, 11), n_hidden=5, filter_shape=(3, 3)
    )


def test_each_layer_shows_what_it_computes():
    model, x = lenet(), numpy.random.RandomState(1).rand(576)
    axes = plot_maps(model, x)
    assert [ax.get_title() for ax in axes] == [
        "the image",
        "layer 1: 3 maps of 7 x 5",
        "layer 2: 11 maps of 2 x 1",
    ]
    grey = numpy.ma.filled(axes[0].images[0].get_array(), numpy.nan)[:16, :12]
    assert grey == pytest.approx(x.reshape(16, 12, 3).mean(axis=2))
    raster = numpy.ma.filled(axes[1].images[0].get_array(), numpy.nan)
    maps = model.conv_layers[0].output.eval({model.input: x[None].astype(model.input.dtype)})
    layer = numpy.asarray(maps)[0]
    assert raster[:7, :5] == pytest.approx(layer[0], abs=1e-5)
    assert raster[:7, -5:] == pytest.approx(layer[2], abs=1e-5)
    assert axes[1].images[0].get_clim() == (-1, 1)
    assert fits(axes[0].figure)


def test_what_has_no_maps_is_refused():
    mlp = MLP(numpy.random.RandomState(0), T.matrix("x"), 4, 3, 2)
    with pytest.raises(DataError, match="class MLP has no convolutional layers"):
        plot_maps(mlp, numpy.zeros(4))
    with pytest.raises(DataError, match="x: got 2 examples, expected one"):
        plot_maps(lenet(), numpy.zeros((2, 576)))
    with pytest.raises(OptionError, match="axes: got 1, expected 3"):
        plot_maps(lenet(), numpy.zeros(576), axes=[None])
