import argparse

from dltutorials import DataError, save_params
from dltutorials.cli.saved_models import read_saved_model, read_test_set
from dltutorials.training.description import Description

import numpy
import pytest
from helpers import save_npz

X = numpy.random.RandomState(0).rand(6, 4)


def options(path):
    return argparse.Namespace(dataset=str(path), offline=True, activation=None)


@pytest.fixture
def read(tmp_path):
    """Return a function that reads a test set of these labels, for a model of these classes."""

    def read(y, class_names):
        path = save_npz(tmp_path / "set.npz", [(X, y)] * 3)
        return show(path, class_names)

    def show(path, class_names=None):
        n_out = 3 if class_names is None else len(class_names)
        about = Description("logreg", class_names=class_names)
        save_params([numpy.zeros((4, n_out)), numpy.zeros(n_out)], tmp_path / "m.pkl", about)
        saved = read_saved_model(tmp_path / "m.pkl", options(path))
        return read_test_set("m.pkl", options(path), saved)

    read.show = show
    return read


@pytest.mark.parametrize(
    ("y", "class_names", "expected"),
    [
        ([0, 1, 2, 0, 1, 2], None, [0, 1, 2, 0, 1, 2]),
        ([0, 1, 2, 0, 1, 2], ("b", "c", "a"), [0, 1, 2, 0, 1, 2]),
        (list("abcabc"), None, [0, 1, 2, 0, 1, 2]),
        (list("abcabc"), ("a", "b", "c"), [0, 1, 2, 0, 1, 2]),
        (list("abcabc"), ("b", "c", "a"), [2, 0, 1, 2, 0, 1]),
        (list("abbaab"), ("c", "b", "a"), [2, 1, 1, 2, 2, 1]),
    ],
)
def test_labels_have_the_numbers_of_the_model(read, y, class_names, expected):
    x, labels = read(y, class_names)
    assert labels.tolist() == expected
    numpy.testing.assert_allclose(x, X)


@pytest.mark.parametrize(
    ("y", "class_names", "message"),
    [
        ([0, 1, 2, 0, 1, 2], ("a", "b"), "m.pkl: has 2 labels, and the test set labels up to 2"),
        (list("abcabc"), ("a", "b", "d"), "m.pkl: has the classes 'a', 'b', 'd', and .* 'c'; give"),
    ],
)
def test_labels_that_the_model_lacks_are_refused(read, y, class_names, message):
    with pytest.raises(DataError, match=message):
        read(y, class_names)


def test_without_labels_there_are_none(read, tmp_path):
    numpy.savez(tmp_path / "x.npz", train_x=X, valid_x=X, test_x=X)
    x, labels = read.show(tmp_path / "x.npz")
    assert labels is None
    numpy.testing.assert_allclose(x, X)


def test_grey_values_are_divided(read, tmp_path):
    pixels = (X * 255).astype("uint8")
    save_npz(tmp_path / "x.npz", [(pixels, [0, 1, 2, 0, 1, 2])] * 3)
    numpy.testing.assert_allclose(read.show(tmp_path / "x.npz").x, pixels / 256)
