import io
import json
import pickle
import zipfile

from dltutorials import MLP, DataError, LogisticRegression, OptionError, load_params, save_params
from dltutorials.training.description import (
    FORMAT,
    MAX_CHARACTERS,
    Description,
    describe_model,
    parse_description,
)
from dltutorials.training.parameters import read_params, read_params_and_description

import numpy
import pytest
import theano
import theano.tensor as T

ABOUT = Description("mlp", {"activation": "relu"}, ("zero", "one", "é\n"), "bytes / 256")
GOOD = {"format": FORMAT, "chapter": "mlp", "options": {}, "class_names": None, "scale": None}


def make_params():
    rng = numpy.random.RandomState(1)
    return [theano.shared(rng.randn(*shape), name="W") for shape in [(4, 3), (3,)]]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "best_model.pkl"


def append(path, value):
    with open(path, "ab") as file:
        pickle.dump(value, file, -1)


def test_it_is_read_back_and_leaves_the_values_as_they_are(path):
    params = make_params()
    save_params(params, path, ABOUT)
    assert read_params_and_description(path)[1] == ABOUT
    for value, param in zip(read_params(path), params):
        assert value.tobytes() == param.get_value().tobytes()
    expected = [param.get_value() for param in params]
    for param in params:
        param.set_value(param.get_value() * 0)
    load_params(params, path)
    for param, value in zip(params, expected):
        assert numpy.array_equal(param.get_value(), value)


def test_the_chapters_own_lines_never_meet_it(path):
    w, v = params = make_params()
    save_params(params, path, ABOUT)
    with open(path, "rb") as save_file:
        assert numpy.array_equal(pickle.load(save_file), w.get_value())
        assert numpy.array_equal(pickle.load(save_file), v.get_value())


def test_equal_models_give_equal_bytes(path, tmp_path):
    save_params(make_params(), path, Description("mlp", {"a": 1, "b": "x"}))
    save_params(make_params(), tmp_path / "again", Description("mlp", {"b": "x", "a": 1}))
    assert path.read_bytes() == (tmp_path / "again").read_bytes()
    save_params(make_params(), tmp_path / "plain")
    assert path.read_bytes().startswith((tmp_path / "plain").read_bytes())


def test_a_file_without_one(path):
    save_params(make_params(), path)
    assert read_params_and_description(path)[1] is None
    assert len(read_params(path)) == 2


def test_the_models_of_the_chapters_describe_themselves():
    x = T.matrix("x")
    mlp = MLP(numpy.random.RandomState(0), x, 4, 3, 2, "sigmoid")
    assert describe_model(mlp) == Description("mlp", {"activation": "sigmoid"})
    assert describe_model(LogisticRegression(x, 4, 3)) == Description("logreg")
    assert describe_model(object()) == Description()


@pytest.mark.parametrize(
    ("about", "message"),
    [
        (Description("mlp", {"rng": object()}), "option 'rng' that is not"),
        (Description("mlp", {"rate": numpy.nan}), "option 'rate' that is not a finite number"),
        (Description("mlp", {1: 2}), "options that are not a mapping of names"),
        (Description("mlp", class_names=[0, 1]), "class names that are not a list of texts"),
        (Description(5), "chapter of type int"),
        (Description(scale=numpy.inf), "scale that is not"),
        (Description(class_names=["x" * MAX_CHARACTERS]), "characters, expected at most"),
    ],
)
def test_what_cannot_be_described_is_refused_before_anything_is_written(path, about, message):
    path.write_bytes(b"before")
    with pytest.raises(OptionError, match=message):
        save_params(make_params(), path, about)
    assert path.read_bytes() == b"before"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a text that is not a description of parameters"),
        ("[" * 100_000, "a text that is not a description"),
        ("[1, 2]", "a text that is not a description"),
        ('{"format": 3}', "a text that is not a description"),
        (json.dumps({**GOOD, "chapter": "x" * MAX_CHARACTERS}), "a text that is not a description"),
        (json.dumps({**GOOD, "format": "dltutorials parameters 9"}), "parameters 9.*update"),
        (json.dumps({"format": FORMAT}), "description has nothing, expected 'chapter'"),
        (json.dumps({**GOOD, "more": 1}), "description has 'chapter'.*'more'"),
        (json.dumps({**GOOD, "chapter": ["mlp"]}), "chapter of type list"),
        (json.dumps({**GOOD, "options": []}), "options that are not a mapping"),
        (json.dumps({**GOOD, "options": {"a": {"b": 1}}}), "option 'a' that is not"),
        (json.dumps({**GOOD, "options": {"a": numpy.nan}}), "option 'a' that is not"),
        (json.dumps({**GOOD, "class_names": {}}), "class names that are not a list"),
        (json.dumps({**GOOD, "class_names": []}), "class names that are not a list"),
        (json.dumps({**GOOD, "class_names": ["a", None]}), "class names that are not a list"),
        (json.dumps({**GOOD, "scale": True}), "scale that is not"),
    ],
)
def test_a_damaged_one_is_one_line_and_changes_no_parameter(path, text, message):
    save_params(make_params(), path)
    append(path, text)
    params = [theano.shared(value.get_value() * 0, name="W") for value in make_params()]
    for read in (read_params_and_description, read_params, lambda path: load_params(params, path)):
        with pytest.raises(DataError, match=message) as caught:
            read(path)
        assert str(caught.value).startswith(f"{path}: ")
        assert len(str(caught.value).splitlines()) == 1
        assert len(str(caught.value)) < 600
    assert not any(param.get_value().any() for param in params)
    with pytest.raises(DataError, match=message):
        parse_description(text)


@pytest.mark.parametrize("more", [ABOUT.as_text(), numpy.zeros(3)])
def test_nothing_follows_it(path, more):
    save_params(make_params(), path, ABOUT)
    append(path, more)
    for read in (read_params, lambda path: load_params(make_params(), path)):
        with pytest.raises(DataError, match="holds more after its description"):
            read(path)


def test_a_file_with_too_few_parameters_is_not_filled_up_by_it(path):
    save_params(make_params()[:1], path, ABOUT)
    with pytest.raises(DataError, match=r"expected floats of shape \(3,\), got the end"):
        load_params(make_params(), path)


def npz():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("train_x.npy", b"")
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (npz(), "but a zip archive, as .npz files"),
        (b"\x1f\x8b\x08" + bytes(20), "but compressed with gzip"),
        (b"\x93NUMPY" + bytes(20), "but a .npy file"),
        (b"\0\0\x08\x03" + bytes(20), "but an IDX file"),
        (b'{"epoch": 1}\n', "but JSON text"),
        ("name, zahl\né, 1\n".encode(), "but text"),
        (("ä " * 1000).encode()[1:], "not a pickle"),
        (("a " + "ä" * 1000).encode(), "but text"),
        (pickle.dumps('{"format": "dltutorials training state 2"}'), "is a training state"),
        (b"", "empty"),
    ],
)
def test_another_file_is_named_as_what_it_is(path, content, kind):
    path.write_bytes(content)
    with pytest.raises(DataError, match=kind) as caught:
        read_params(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "give a file of parameters" in str(caught.value)
