from dltutorials.exceptions import OptionError
from dltutorials.plotting.tiles import scale_to_unit_interval, tile_raster_images

import numpy
import pytest


def images(n=6, height=3, width=2):
    return numpy.random.RandomState(0).randn(n, height * width)


def test_tiles_are_the_images_row_by_row():
    X = images()
    raster = tile_raster_images(
        X, (3, 2), (2, 3), (1, 2), scale_rows_to_unit_interval=False, output_pixel_vals=False
    )
    assert raster.shape == (2 * 4 - 1, 3 * 4 - 2)
    for number, image in enumerate(X):
        top, left = number // 3 * 4, number % 3 * 4
        assert (raster[top : top + 3, left : left + 2] == image.reshape(3, 2)).all()
    assert (raster[3] == 0).all()
    assert (raster[:, 2:4] == 0).all()


def test_each_image_is_scaled_by_itself_to_bytes():
    X = images() * numpy.array([[1.0], [10], [100], [1], [1], [1]])
    raster = tile_raster_images(X, (3, 2), (6, 1))
    assert raster.dtype == "uint8"
    for tile in raster.reshape(6, 3, 2):
        assert (tile.min(), tile.max()) == (0, 255)


def test_too_many_images_are_left_out_and_missing_ones_are_0():
    X = numpy.ones((3, 4))
    assert tile_raster_images(X, (2, 2), (1, 2), output_pixel_vals=False).shape == (2, 4)
    raster = tile_raster_images(X, (2, 2), (2, 2), scale_rows_to_unit_interval=False)
    assert (raster[2:, 2:] == 0).all()
    assert raster[2:, :2].min() == 255


def test_values_outside_of_0_to_1_are_cut_off():
    raster = tile_raster_images(
        numpy.array([[-1.0, 0.5, 2.0]]), (1, 3), (1, 1), scale_rows_to_unit_interval=False
    )
    assert raster.tolist() == [[0, 127, 255]]


def test_integers_are_not_scaled_to_0():
    raster = tile_raster_images(numpy.array([[0, 1, 2]]), (1, 3), (1, 1), output_pixel_vals=False)
    assert raster.tolist() == [[0.0, 0.5, 1.0]]


@pytest.mark.parametrize(("output_pixel_vals", "opaque"), [(True, 255), (False, 1)])
def test_four_channels_of_which_some_are_absent(output_pixel_vals, opaque):
    red, blue = images(), images()[::-1]
    arguments = ((3, 2), (2, 3), (1, 1), True, output_pixel_vals)
    raster = tile_raster_images((red, None, blue, None), *arguments)
    assert raster.shape == (7, 8, 4)
    assert (raster[..., 0] == tile_raster_images(red, *arguments)).all()
    assert (raster[..., 1] == 0).all()
    assert (raster[..., 2] == tile_raster_images(blue, *arguments)).all()
    assert (raster[..., 3] == opaque).all()


def test_scaling_of_equal_values_is_0():
    assert scale_to_unit_interval(numpy.full(3, 7.0)).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("X", "changes", "message"),
    [
        (images(), {"img_shape": (2, 2)}, r"X: got shape \(6, 6\), expected one image of 2 x 2"),
        (images()[0], {}, r"X: got shape \(6,\)"),
        (images(), {"img_shape": (0, 6)}, "img_shape: got"),
        (images(), {"tile_shape": (2, 1.5)}, "tile_shape: got"),
        (images(), {"tile_shape": 4}, "tile_shape: got 4"),
        (images(), {"tile_spacing": (-1, 0)}, "tile_spacing: got"),
        ((images(), None, None), {}, "X: got 3 arrays"),
        ((None,) * 4, {}, "X: got 4 arrays with 0"),
        ((images(), images(5), None, None), {}, "X: got channels of shapes"),
    ],
)
def test_what_makes_no_tiles_is_refused(X, changes, message):
    with pytest.raises(OptionError, match=message):
        tile_raster_images(X, **{"img_shape": (3, 2), "tile_shape": (2, 3), **changes})
