import itertools

from dltutorials.exceptions import DataError, OptionError
from dltutorials.plotting import choose_units, plot_filters

import numpy
import pytest
from drawings import fits
from matplotlib.figure import Figure


class TestFilters:
    W = numpy.random.RandomState(0).randn(6, 4)

    def test_each_column_is_an_image_on_one_scale(self):
        ax = plot_filters(self.W, img_shape=(2, 3), labels="abcd")
        [image] = ax.images
        limit = abs(self.W).max()
        assert image.get_clim() == (-limit, limit)
        raster = numpy.ma.filled(image.get_array(), numpy.nan)
        tiles = [raster[:2, 4 * n : 4 * n + 3] for n in range(4)]
        for column, tile in zip(self.W.T, tiles):
            assert (tile == column.reshape(2, 3)).all()
        assert numpy.isnan(raster).sum() == raster.size - 24
        assert [text.get_text() for text in ax.texts] == list("abcd")
        assert ax.figure.axes[1].get_ylabel() == "weight"
        assert fits(ax.figure)

    @pytest.mark.slow
    @pytest.mark.parametrize("n_units", [1, 2, 10, 100, 101, 500])
    def test_any_number_of_units(self, n_units):
        ax = plot_filters(numpy.random.RandomState(0).randn(784, n_units))
        assert fits(ax.figure)
        boxes = [text.get_window_extent() for text in ax.texts]
        assert not any(a.overlaps(b) for a, b in itertools.pairwise(boxes))

    def test_shades_of_grey_and_given_axes(self):
        ax = Figure().add_subplot()
        assert plot_filters(self.W, (2, 3), colours="grey", ax=ax) is ax
        assert ax.images[0].cmap.name == "gray"

    def test_choice_of_units(self):
        W_hidden, b_hidden = self.W, numpy.zeros(4)
        W = numpy.array([[1.0, 0], [0, 3], [2, 0], [0, 0]])
        mlp = [W_hidden, b_hidden, W, numpy.zeros(2)]
        assert choose_units(mlp, 3, "first").tolist() == [0, 1, 2]
        assert choose_units(mlp, 3, "strongest").tolist() == [1, 2, 0]
        strongest = choose_units(mlp[:2], 9, "strongest")
        assert strongest.tolist() == numpy.argsort(-(W_hidden**2).sum(axis=0)).tolist()
        with pytest.raises(OptionError, match="units: got 0"):
            choose_units(mlp, 0, "first")
        with pytest.raises(OptionError, match="choose: got 'last'"):
            choose_units(mlp, 1, "last")

    def test_filters_of_a_convolution_are_turned_and_their_maps_stacked(self):
        W = numpy.arange(36.0).reshape(3, 2, 2, 3)
        [image] = plot_filters(W).images
        raster = numpy.ma.filled(image.get_array(), numpy.nan)
        for n in range(3):
            stacked = numpy.concatenate([W[n, 0, ::-1, ::-1], W[n, 1, ::-1, ::-1]])
            assert (raster[:4, 4 * n : 4 * n + 3] == stacked).all()

    def test_the_strongest_filters_are_those_that_the_next_layer_uses_most(self):
        W, to_filters = numpy.ones((3, 1, 2, 2)), numpy.zeros((5, 3, 2, 2))
        to_filters[:, 2], to_filters[:, 0] = 2, 1
        chosen = choose_units([W, numpy.zeros(3), to_filters], 2, "strongest")
        assert chosen.tolist() == [2, 0]
        to_units = numpy.zeros((12, 7))  # of each map 2 x 2 features
        to_units[4:8], to_units[8:] = 2, 1
        chosen = choose_units([W, numpy.zeros(3), to_units], 2, "strongest")
        assert chosen.tolist() == [1, 2]

    @pytest.mark.parametrize(
        ("W", "img_shape", "message"),
        [
            (numpy.zeros(4), None, r"shape \(4,\), expected \(n_in, n_units\)"),
            (numpy.zeros((4, 0)), None, r"shape \(4, 0\)"),
            (numpy.full((4, 1), numpy.nan), None, "nan or inf"),
            (numpy.zeros((5, 1)), None, "got 5 numbers for an image, expected a square number"),
            (numpy.zeros((5, 1)), (2, 3), "got 5 numbers for an image, expected 2 x 3 = 6"),
            (numpy.zeros((4, 10_001)), None, "has 10,001 units"),
        ],
    )
    def test_what_makes_no_images_is_refused(self, W, img_shape, message):
        with pytest.raises(DataError, match=message):
            plot_filters(W, img_shape)

    def test_unknown_colours_are_refused(self):
        with pytest.raises(OptionError, match="colours: got 'jet'"):
            plot_filters(self.W, (2, 3), colours="jet")
