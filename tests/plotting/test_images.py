from dltutorials.exceptions import DataError, OptionError
from dltutorials.plotting import plot_images

import numpy
import pytest
from drawings import fits
from matplotlib.figure import Figure

x = numpy.random.RandomState(0).rand(10, 6)


def test_images_stand_eight_in_a_row_with_ink_dark():
    ax = plot_images(x, img_shape=(2, 3), captions=range(10))
    [image] = ax.images
    raster = image.get_array().data
    assert raster[:2, :3] == pytest.approx(x[0].reshape(2, 3) * 0.93 + 0.07)
    assert image.cmap(1.0)[:3] == (0, 0, 0)
    assert [text.get_text() for text in ax.texts] == [str(n) for n in range(10)]
    rows = {text.get_position()[1] for text in ax.texts}
    assert len(rows) == 2
    assert fits(ax.figure)


@pytest.mark.parametrize("n", [1, 7, 8, 9, 80])
def test_any_number_of_images(n):
    ax = plot_images(numpy.random.RandomState(0).rand(n, 784), ["one\ntwo\nthree"] * n)
    assert fits(ax.figure)
    below = [text.get_window_extent() for text in ax.texts]
    assert not any(a.overlaps(b) for i, a in enumerate(below) for b in below[:i])


def test_lists_and_given_axes():
    ax = Figure().add_subplot()
    assert plot_images([[0, 1, 1, 0]], ax=ax) is ax


def test_what_makes_no_images_is_refused():
    with pytest.raises(DataError, match="got 6 numbers for an image, expected a square number"):
        plot_images(x)
    with pytest.raises(OptionError, match="captions: got 1, expected 10, one per image"):
        plot_images(x, ["a"], img_shape=(2, 3))
    for bad in (numpy.zeros(4), numpy.zeros((0, 4)), numpy.zeros((10_001, 1))):
        with pytest.raises(DataError, match=r"x: got shape .*, expected \(n_examples, n_in\)"):
            plot_images(bad)
    with pytest.raises(OptionError, match="n_columns: got 0"):
        plot_images(x, img_shape=(2, 3), n_columns=0)
