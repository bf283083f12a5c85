import itertools

from dltutorials import MLP, LogisticRegression, save_params
from dltutorials.exceptions import DataError, DataWarning, OptionError
from dltutorials.prediction.saved_model import load_model, rebuild_model
from dltutorials.training.description import Description

import numpy
import pytest
import theano
import theano.tensor as T

pytestmark = pytest.mark.numbers


def softmax(values):
    exponentials = numpy.exp(values - values.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


def values_of(rng, *units, dtype="float64"):
    values = []
    for n_in, n_out in itertools.pairwise(units):
        values += [rng.randn(n_in, n_out).astype(dtype), rng.randn(n_out).astype(dtype)]
    return values


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_logistic_regression_predicts_what_numpy_computes(tmp_path, dtype):
    rng = numpy.random.RandomState(1)
    W, b = values_of(rng, 4, 3, dtype=dtype)
    save_params([W, b], tmp_path / "model.pkl")
    before = theano.config.floatX
    saved = load_model(tmp_path / "model.pkl")
    assert theano.config.floatX == before
    assert isinstance(saved.model, LogisticRegression)
    x = rng.randn(5, 4).astype("float32")
    p_y_given_x = saved.predict_proba(x)
    assert p_y_given_x.dtype == dtype
    numpy.testing.assert_allclose(p_y_given_x, softmax(x @ W + b), rtol=1e-5)


@pytest.mark.parametrize(
    ("activation", "function"),
    [
        ("tanh", numpy.tanh),
        ("sigmoid", lambda v: 1 / (1 + numpy.exp(-v))),
        ("relu", lambda v: numpy.maximum(v, 0)),
    ],
)
def test_multilayer_perceptron_with_each_activation(activation, function):
    rng = numpy.random.RandomState(2)
    W_hidden, b_hidden, W, b = values = values_of(rng, 4, 6, 3)
    saved = rebuild_model(values, {"activation": activation})
    assert isinstance(saved.model, MLP)
    x = rng.randn(5, 4)
    expected = softmax(function(x @ W_hidden + b_hidden) @ W + b)
    numpy.testing.assert_allclose(saved.predict_proba(x), expected, rtol=1e-9)


def test_a_saved_model_predicts_what_the_model_did(tmp_path, tiny_sets):
    x = T.matrix("x")
    model = MLP(numpy.random.RandomState(3), x, 784, 7, 10, "relu")
    model.output_layer.W.set_value(numpy.random.RandomState(4).randn(7, 10).astype(x.dtype))
    save_params(model.params, tmp_path / "model.pkl")
    images = tiny_sets[2][0].astype(x.dtype)
    there = theano.function([x], model.p_y_given_x)(images)
    here = load_model(tmp_path / "model.pkl", "relu").predict_proba(images)
    numpy.testing.assert_allclose(here, there, rtol=1e-5)


def test_no_example_has_no_prediction():
    assert rebuild_model(values_of(numpy.random, 4, 3)).predict_proba(
        numpy.empty((0, 4))
    ).shape == (0, 3)


@pytest.mark.parametrize(
    "shapes",
    [
        [(4, 3)],
        [(4,), (3,)],
        [(4, 3), (4,)],
        [(4, 0), (0,)],
        [(4, 3), (3,), (3, 2)],
        [(4, 3), (3,), (2, 3), (3,)],
        [(4, 3), (3,), (4, 3), (3,), (3, 2), (2,)],
        [()] * 2,
        [(1, 1)] * 40,
    ],
)
def test_other_shapes_are_refused_in_one_line(tmp_path, shapes):
    save_params([numpy.zeros(shape) for shape in shapes], tmp_path / "other.pkl")
    with pytest.raises(DataError) as caught:
        load_model(tmp_path / "other.pkl")
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'other.pkl'}: holds parameters of shapes (")
    assert len(message.splitlines()) == 1
    assert len(message) - len(str(tmp_path)) < 600


@pytest.mark.parametrize("bad", [numpy.nan, numpy.inf])
def test_numbers_that_are_none_are_refused(bad):
    values = values_of(numpy.random, 4, 3)
    values[1][0] = bad
    with pytest.raises(DataError, match="nan or inf"):
        rebuild_model(values)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_probabilities_that_become_nan_are_no_prediction():
    saved = rebuild_model([numpy.array([[1e308, -1e308]]), numpy.zeros(2)])
    with pytest.raises(DataError, match="probabilities become nan"):
        saved.predict_proba(numpy.array([[1e10]]))


def test_examples_of_another_length_are_refused():
    with pytest.raises(DataError, match=r"got examples of shape \(5,\), expected \(4,\)"):
        rebuild_model(values_of(numpy.random, 4, 3)).predict_proba(numpy.zeros((2, 5)))


def test_an_unknown_activation_is_refused():
    with pytest.raises(OptionError, match="activation: got 'sin'"):
        rebuild_model(values_of(numpy.random, 4, 5, 3), {"activation": "sin"})


class TestDescription:
    @pytest.fixture
    def relu(self, tmp_path):
        model = MLP(numpy.random.RandomState(3), T.matrix("x"), 4, 30, 3, "relu")
        model.output_layer.W.set_value(numpy.random.RandomState(4).randn(30, 3).astype("float32"))
        save_params(model, tmp_path / "relu.pkl")
        return model

    @pytest.mark.filterwarnings("error")
    def test_a_relu_model_is_read_back_as_one(self, relu, tmp_path):
        x = numpy.random.RandomState(5).randn(50, 4)
        saved = load_model(tmp_path / "relu.pkl")
        assert saved.model.options == {"activation": "relu"}
        numpy.testing.assert_allclose(saved.predict_proba(x), relu.predict_proba(x), rtol=1e-5)
        assert saved.predict(x).tolist() == relu.predict(x).tolist()
        assert load_model(tmp_path / "relu.pkl", "relu").predict(x[0]) == relu.predict(x[0])

    @pytest.mark.usefixtures("relu")
    def test_another_activation_is_refused(self, tmp_path):
        with pytest.raises(OptionError, match="activation: got 'tanh', but the file says 'relu'"):
            load_model(tmp_path / "relu.pkl", "tanh")

    def test_without_one_the_assumption_is_told(self, relu, tmp_path):
        save_params(relu.params, tmp_path / "old.pkl")
        with pytest.warns(DataWarning, match="perceptron with activation 'tanh'") as caught:
            saved = load_model(tmp_path / "old.pkl")
        assert str(tmp_path / "old.pkl") in str(caught[0].message)
        assert caught[0].filename == __file__
        assert saved.model.options == {"activation": "tanh"}

    @pytest.mark.filterwarnings("error")
    def test_what_the_caller_says_is_no_assumption(self, relu, tmp_path):
        save_params(relu.params, tmp_path / "old.pkl")
        assert load_model(tmp_path / "old.pkl", "relu").model.options == {"activation": "relu"}
        save_params([numpy.zeros((4, 3)), numpy.zeros(3)], tmp_path / "logreg.pkl")
        assert load_model(tmp_path / "logreg.pkl").assumption is None

    def test_an_activation_for_logistic_regression_is_refused(self, tmp_path):
        save_params([numpy.zeros((4, 3)), numpy.zeros(3)], tmp_path / "logreg.pkl")
        with pytest.raises(OptionError, match="activation: got 'relu', but the model in"):
            load_model(tmp_path / "logreg.pkl", "relu")

    def test_labels_have_the_names_of_the_file(self, tmp_path):
        about = Description("logreg", class_names=("ant", "bee", "cow"))
        save_params([numpy.eye(4, 3), numpy.zeros(3)], tmp_path / "named.pkl", about)
        saved = load_model(tmp_path / "named.pkl")
        assert saved.predict([[0, 1, 0, 0], [0, 0, 2, 0]]).tolist() == ["bee", "cow"]
        assert saved.class_names == ("ant", "bee", "cow")

    @pytest.mark.parametrize(
        ("about", "message"),
        [
            (Description("mlp"), "holds parameters of shapes .*expected .*of a multilayer perc"),
            (Description("rnn"), "is of a model 'rnn', expected one of logreg, mlp"),
            (Description("logreg", {"activation": "relu"}), "does not take: 'activation'"),
            (Description("logreg", class_names=("a", "b")), "names 2 classes, expected 3"),
        ],
    )
    def test_one_that_does_not_fit_is_refused(self, tmp_path, about, message):
        save_params([numpy.eye(4, 3), numpy.zeros(3)], tmp_path / "model.pkl", about)
        with pytest.raises(DataError, match=message) as caught:
            load_model(tmp_path / "model.pkl")
        assert str(caught.value).startswith(f"{tmp_path / 'model.pkl'}: ")
        assert len(str(caught.value).splitlines()) == 1

    @pytest.mark.parametrize(
        ("chapter", "options"),
        [
            ("mlp", {"activation": ["tanh"]}),
            ("sda", {"corruption_levels": True}),
            ("sda", {"corruption_levels": [None]}),
            ("sda", {"corruption_levels": [10**400]}),
        ],
    )
    def test_an_option_of_a_wrong_type_is_refused(self, chapter, options):
        values = values_of(numpy.random.RandomState(0), 4, 3, 2)
        with pytest.raises(DataError, match="its description does not fit: "):
            rebuild_model(values, about=Description(chapter, options))

    def test_an_option_of_an_unknown_value_is_refused(self):
        about = Description("mlp", {"activation": "sin"})
        with pytest.raises(DataError, match="its description does not fit: activation: got 'sin'"):
            rebuild_model(values_of(numpy.random, 4, 5, 3), about=about)


def test_a_saved_model_is_shown_with_its_shapes():
    assert repr(rebuild_model(values_of(numpy.random, 4, 3))) == (
        "SavedModel of LogisticRegression(n_in=4, n_out=3): 15 parameters in W (4, 3), b (3,)"
    )
