"""The table of chapters, and a model that is not in it: this file is all that it needs."""

import inspect

from dltutorials import DataError, load_model, load_params, save_params
from dltutorials.models import CHAPTERS, Classifier, find_chapter
from dltutorials.training.description import Description
from dltutorials.training.parameters import read_params_and_description

import numpy
import pytest
import theano
import theano.tensor as T
from helpers import load_script


class Cubic(Classifier):
    """Logistic regression on powers of the inputs: a model that no chapter has."""

    chapter = "cubic"

    def __init__(self, input, n_in, n_out, power=3):
        self.input, self.n_in, self.n_out, self.options = input, n_in, n_out, {"power": power}
        self.W = theano.shared(numpy.zeros((n_in, n_out), theano.config.floatX), name="W")
        self.params = self.weights = [self.W]
        self.p_y_given_x = T.nnet.softmax(T.dot(input**power, self.W))
        self.y_pred = T.argmax(self.p_y_given_x, axis=1)

    @staticmethod
    def sizes(shapes):
        return {"n_in": shapes[0][0], "n_out": shapes[0][1]} if len(shapes) == 1 else None


def cubic(power=3):
    model = Cubic(T.matrix("x"), 2, 2, power)
    model.W.set_value(numpy.array([[1, -1], [-1, 1]], model.W.dtype))
    return model


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_is_its_model_and_its_script(name):
    chapter = CHAPTERS[name]
    assert chapter.model.chapter == name
    arguments = inspect.signature(chapter.model).parameters
    assert {"input", *chapter.assumed} <= set(arguments)
    for option, values in chapter.assumed.items():
        assert arguments[option].default == values[0]
    options = load_script(f"train_{name}").make_parser().parse_args([])
    for option, values in chapter.assumed.items():
        assert getattr(options, option) == values[0]


def test_chapters_are_known_by_the_shapes_of_their_parameters():
    assert find_chapter([(4, 3), (3,)]) == "logreg"
    assert find_chapter([(4, 5), (5,), (5, 3), (3,)]) == "mlp"
    assert find_chapter([(4, 5), (5,), (5, 6), (6,), (6, 3), (3,)]) == "sda"
    assert find_chapter([(4, 5), (5,), (6, 6), (6,), (6, 3), (3,)]) is None
    assert find_chapter([]) is None


def test_a_model_of_your_own_is_saved_and_loaded_by_its_class(tmp_path):
    path = tmp_path / "cubic.pkl"
    save_params(cubic(power=2), path)
    assert read_params_and_description(path)[1] == Description("cubic", {"power": 2})
    saved = load_model(path, model_class=Cubic)
    assert saved.model.options == {"power": 2}
    x = [[0.5, -2], [-1, 0.5]]
    assert saved.predict(x).tolist() == cubic(power=2).predict(x).tolist() == [1, 0]
    again = cubic(power=2)
    again.W.set_value(again.W.get_value() * 0)
    load_params(again, path)
    assert again.W.get_value().tolist() == [[1, -1], [-1, 1]]


def test_a_model_of_your_own_is_not_taken_for_another(tmp_path):
    path = tmp_path / "cubic.pkl"
    save_params(cubic(), path)
    with pytest.raises(
        DataError, match="is of a model 'cubic', expected one of logreg, mlp, lenet, da, "
    ):
        load_model(path)
    with pytest.raises(DataError, match=r"options \{'power': 3\}, not \{'power': 2\}"):
        load_params(cubic(power=2), path)
    mlp = CHAPTERS["mlp"].model
    with pytest.raises(DataError, match="is of the chapter 'cubic', not of MLP"):
        load_model(path, model_class=mlp)
    save_params([numpy.eye(2)], path, Description("cubic", {"power": 3, "depth": 2}))
    with pytest.raises(DataError, match="names options that Cubic does not take: 'depth'"):
        load_model(path, model_class=Cubic)
    save_params([numpy.eye(2)], path, Description("cubic", {"n_in": 3}))
    with pytest.raises(DataError, match="does not take: 'n_in'"):
        load_model(path, model_class=Cubic)
    save_params([numpy.eye(2), numpy.zeros(2)], path, Description("cubic"))
    with pytest.raises(DataError, match="expected those of its model"):
        load_model(path, model_class=Cubic)


def test_a_class_without_sizes_or_labels_is_named(tmp_path):
    class Plain:
        def __init__(self, input):
            self.params = [theano.shared(numpy.zeros((2, 2)), name="W")]

    save_params([numpy.eye(2)], tmp_path / "plain.pkl")
    with pytest.raises(DataError, match="Plain has no method sizes"):
        load_model(tmp_path / "plain.pkl", model_class=Plain)
    Plain.sizes = staticmethod(lambda shapes: {})
    saved = load_model(tmp_path / "plain.pkl", model_class=Plain)
    with pytest.raises(DataError, match="a model of the class Plain predicts no labels"):
        saved.predict([[1, 2]])
