import dltutorials
from dltutorials import MLP, DataError, LogisticRegression, OptionError, compile_task, sgd
from dltutorials.models.classifier import Classifier

import numpy
import pytest
import scipy.sparse
import theano
import theano.tensor as T

X = numpy.random.RandomState(0).uniform(-1, 1, (6, 4))


def make_model(input=None):
    """Return logistic regression with random weights."""
    rng = numpy.random.RandomState(1)
    model = LogisticRegression(T.matrix("x") if input is None else input, 4, 3)
    model.W.set_value(rng.normal(size=(4, 3)).astype(model.W.dtype))
    model.b.set_value(rng.normal(size=3).astype(model.b.dtype))
    return model


def expected_probabilities(model, x=X):
    scores = numpy.asarray(x, "float64").dot(model.W.get_value()) + model.b.get_value()
    exponentials = numpy.exp(scores - scores.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True)


def test_probabilities_and_labels_are_those_of_numpy(floatX):
    model = make_model()
    p_y_given_x = model.predict_proba(X)
    assert p_y_given_x.dtype == floatX
    assert p_y_given_x == pytest.approx(expected_probabilities(model), abs=1e-6)
    assert numpy.array_equal(model.predict(X), expected_probabilities(model).argmax(axis=1))
    assert model.predict(X).dtype.kind == "i"


def test_a_model_predicts_with_the_parameters_of_the_moment():
    model = make_model()
    before = model.predict_proba(X)
    model.W.set_value(-model.W.get_value())
    assert model.predict_proba(X) == pytest.approx(expected_probabilities(model), abs=1e-6)
    assert not numpy.allclose(model.predict_proba(X), before)


def test_a_model_that_was_just_trained_predicts():
    data = X, numpy.array([0, 1, 2, 0, 1, 2])
    x, y = T.matrix("x"), T.ivector("y")
    model = MLP(numpy.random.RandomState(1), x, 4, 30, 3)
    cost, sets = model.cost(y), [dltutorials.shared_dataset(data)] * 3
    updates = sgd(cost, model.params, 1.0)
    task = compile_task(x, y, cost, updates, model.errors(y), model.params, sets, 6)
    dltutorials.train(task, 400)
    assert task.validate() == 0
    assert model.predict(X).tolist() == data[1].tolist()


def test_a_function_is_compiled_once(monkeypatch):
    compiled, real = [], theano.function
    monkeypatch.setattr(theano, "function", lambda *a, **k: compiled.append(a) or real(*a, **k))
    model = make_model()
    assert compiled == []
    for _ in range(3):
        model.predict(X)
        model.predict_proba(X[0])
    assert len(compiled) == 1


def test_the_layers_of_a_perceptron_have_the_same_methods():
    for name in ("negative_log_likelihood", "cost", "errors", "misclassified", "predict"):
        assert getattr(MLP, name) is getattr(Classifier, name)
        assert getattr(MLP, name).__doc__


@pytest.mark.parametrize(
    "convert",
    [
        list,
        tuple,
        lambda x: x.tolist(),
        lambda x: x.astype("float16"),
        lambda x: x.astype("float32"),
        lambda x: numpy.asfortranarray(x),
        lambda x: x[::-1][::-1],
        lambda x: x.reshape(6, 2, 2),
        lambda x: x.astype(">f8"),
        scipy.sparse.csr_matrix,
        scipy.sparse.coo_matrix,
    ],
)
def test_any_array_like_will_do(convert):
    model = make_model()
    assert model.predict_proba(convert(X)) == pytest.approx(expected_probabilities(model), abs=1e-3)


def test_a_data_frame():
    pandas = pytest.importorskip("pandas")
    model = make_model()
    frame = pandas.DataFrame(X, columns=list("abcd"), index=range(10, 16))
    assert model.predict_proba(frame) == pytest.approx(expected_probabilities(model), abs=1e-6)
    frame["d"] = "text"
    with pytest.raises(DataError, match="x: "):
        model.predict(frame)


@pytest.mark.parametrize("convert", [list, numpy.asarray, lambda x: x.reshape(2, 2)])
def test_one_example_has_one_label(convert):
    model = make_model()
    p = model.predict_proba(convert(X[2]))
    assert p == pytest.approx(expected_probabilities(model)[2], abs=1e-6)
    assert p.shape == (3,)
    assert model.predict(convert(X[2])) == p.argmax()
    assert numpy.ndim(model.predict(convert(X[2]))) == 0


def test_a_row_of_one_is_a_row():
    assert make_model().predict_proba(X[:1]).shape == (1, 3)
    assert make_model().predict_proba(X[:0]).shape == (0, 3)
    assert make_model().predict(X[:0]).shape == (0,)


def test_as_many_examples_as_inputs_are_examples():
    model = make_model()
    assert model.predict_proba(X[:4]).shape == (4, 3)


def test_class_names_are_predicted():
    model = make_model()
    model.class_names = ["ant", "bee", "cow"]
    labels = expected_probabilities(model).argmax(axis=1)
    assert model.predict(X).tolist() == [model.class_names[label] for label in labels]
    assert model.predict(X[0]) == model.class_names[labels[0]]


def test_blocks_of_examples_make_a_whole(monkeypatch):
    monkeypatch.setattr("dltutorials.models.classifier._ROWS_AT_A_TIME", 4)
    model = make_model()
    assert model.predict_proba(X) == pytest.approx(expected_probabilities(model), abs=1e-6)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (X[0][:3], r"got one example of shape \(3,\), expected \(4,\)"),
        (X[:, :3], r"got examples of shape \(3,\), expected \(4,\)"),
        (X[None, :, :3], r"got examples of shape \(6, 3\), expected \(4,\)"),
        (5, r"got one example of shape \(\), expected \(4,\)"),
        ([[1, 2, 3, 4], [1, 2]], "x: got "),
        ([list("abcd")], "x: got "),
        ([[1, 2, 3, None]], "x: got "),
        ([[1, 2, 3, 4j]], "x: got "),
        (None, "x: got "),
        ({"a": 1}, "x: got "),
        (numpy.where(X[3, 1] == X, numpy.nan, X), "x: got nan in example 3"),
        (numpy.where(X[5, 0] == X, numpy.inf, X), "x: got inf in example 5"),
    ],
)
def test_examples_that_are_none_are_blamed_themselves(x, message):
    with pytest.raises(DataError, match=message) as caught:
        make_model().predict(x)
    assert "parameters" not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_numbers_beyond_the_models_type_are_refused():
    x = numpy.where(X[1, 1] == X, 1e39, X)
    with pytest.raises(DataError, match=r"x: got 1e\+39 in example 1, .* as float32"):
        make_model(T.fmatrix("x")).predict(x)


class TestScale:
    """Bytes are divided by 256, as in training; what hardly means the same is told."""

    def test_bytes(self):
        pixels = numpy.random.RandomState(0).randint(0, 256, (6, 4)).astype("uint8")
        model = make_model()
        expected = expected_probabilities(model, pixels / 256)
        assert model.predict_proba(pixels) == pytest.approx(expected, abs=1e-6)
        assert model.predict_proba(pixels[1]) == pytest.approx(expected[1], abs=1e-6)

    @pytest.mark.filterwarnings("error")
    def test_what_is_like_the_training_set_is_no_doubt(self):
        model = make_model()
        model.predict(X)
        model.scale = "bytes divided by 256"
        model.predict(abs(X) * 0.99)
        model.predict(numpy.full((2, 4), 255, "uint8"))
        model.predict(X[:0])

    @pytest.mark.parametrize(
        ("x", "scale", "message"),
        [
            (abs(X) * 255, None, "x: numbers from .* are used as they are; if they are grey"),
            ((abs(X) * 9).astype("uint8"), None, "x: bytes .* of at most 8 were divided by 256"),
            (X, "bytes divided by 256", "trained on bytes divided by 256, from 0 to 0.996"),
            (abs(X) * 9, "bytes divided by 256", "x: got numbers from .* to .*; scale x alike"),
        ],
    )
    def test_what_hardly_is_is_told(self, x, scale, message):
        model = make_model()
        model.scale = scale
        with pytest.warns(dltutorials.DataWarning, match=message) as caught:
            model.predict(x)
        [warning] = caught
        assert warning.filename == __file__


def test_parameters_that_diverged_are_blamed():
    model = make_model()
    model.W.set_value(model.W.get_value() * numpy.nan)
    with pytest.raises(DataError, match=r"the parameters .* nan"):
        model.predict(X)


@pytest.mark.parametrize(
    "input",
    [
        lambda: T.matrix("x") * 2,
        lambda: T.constant(X),
        lambda: theano.shared(X),
    ],
)
def test_a_model_of_something_else_than_a_placeholder_says_what_to_compile(input):
    with pytest.raises(OptionError, match=r"input: got .*, expected a placeholder") as caught:
        make_model(input()).predict(X)
    assert len(str(caught.value).splitlines()) == 1


def test_a_model_is_shown_with_its_shapes():
    assert repr(LogisticRegression(T.matrix(), 784, 10)) == (
        "LogisticRegression(n_in=784, n_out=10): 7,850 parameters in W (784, 10), b (10,)"
    )
    assert repr(MLP(numpy.random.RandomState(0), T.matrix(), 4, 3, 2, "relu")) == (
        "MLP(n_in=4, n_hidden=3, n_out=2, activation='relu'): 23 parameters in "
        "W_hidden (4, 3), b_hidden (3,), W (3, 2), b (2,)"
    )
