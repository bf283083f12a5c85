import pickle

from dltutorials import DataError, LogisticRegression, UnsafePickleError, load_params, save_params

import numpy
import pytest
import theano
import theano.tensor as T
from helpers import run_python


def make_params(dtype="float32", seed=1):
    rng = numpy.random.RandomState(seed)
    W = theano.shared(rng.normal(size=(4, 3)).astype(dtype), name="W")
    b = theano.shared(rng.normal(size=3).astype(dtype), name="b")
    return [W, b]


def values(params):
    return [param.get_value() for param in params]


def test_parameters_come_back_exactly(tmp_path, floatX):
    saved, loaded = make_params(floatX), make_params(floatX, seed=2)
    save_params(saved, tmp_path / "p.pkl")
    load_params(loaded, tmp_path / "p.pkl")
    for a, b in zip(values(saved), values(loaded)):
        assert a.tobytes() == b.tobytes()
        assert a.dtype == b.dtype


def test_the_chapters_own_lines_load_them(tmp_path):
    w, v = saved = make_params()
    expected = values(saved)
    save_params(saved, tmp_path / "path")
    w.set_value(w.get_value() * 0)
    with open(tmp_path / "path", "rb") as save_file:
        w.set_value(pickle.load(save_file), borrow=True)
        v.set_value(pickle.load(save_file), borrow=True)
    assert numpy.array_equal(w.get_value(), expected[0])
    assert numpy.array_equal(v.get_value(), expected[1])


def test_they_load_in_a_process_that_has_only_numpy(tmp_path):
    save_params(make_params(), tmp_path / "p.pkl")
    program = (
        "import pickle, sys\n"
        "with open(sys.argv[1], 'rb') as f: print(pickle.load(f).shape, pickle.load(f).dtype)\n"
        "assert not {'theano', 'dltutorials'} & set(sys.modules)"
    )
    assert run_python("-c", program, tmp_path / "p.pkl").stdout == "(4, 3) float32\n"


def test_they_load_into_parameters_of_another_float_type(tmp_path):
    save_params(make_params("float32"), tmp_path / "p.pkl")
    loaded = make_params("float64", seed=2)
    load_params(loaded, tmp_path / "p.pkl")
    assert loaded[0].get_value().dtype == "float64"
    numpy.testing.assert_array_equal(loaded[0].get_value(), make_params()[0].get_value())


def dump(path, *objects):
    with open(path, "wb") as file:
        for each in objects:
            pickle.dump(each, file, -1)


GOOD_W, GOOD_B = numpy.zeros((4, 3), "float32"), numpy.zeros(3, "float32")


@pytest.mark.parametrize(
    ("objects", "message"),
    [
        ([], "the file ends early"),
        ([GOOD_W], "the file ends early"),
        ([GOOD_W, GOOD_B, GOOD_B], "holds more than the model's 2 parameters"),
        ([GOOD_B, GOOD_W], r"W: expected floats of shape \(4, 3\), got shape \(3,\)"),
        ([GOOD_W, GOOD_W[0, :2]], r"b: expected floats of shape \(3,\), got shape \(2,\)"),
        ([GOOD_W.astype("int64"), GOOD_B], "W: expected floats"),
        ([[GOOD_W], GOOD_B], "W: expected floats of shape .* got something else"),
        ([numpy.zeros((400_000, 3)), GOOD_B], "asks for more than"),
    ],
)
def test_wrong_files_change_no_parameter(tmp_path, objects, message):
    dump(tmp_path / "p.pkl", *objects)
    params = make_params()
    with pytest.raises(DataError, match=message) as caught:
        load_params(params, tmp_path / "p.pkl")
    assert str(tmp_path / "p.pkl") in str(caught.value)
    for value, original in zip(values(params), values(make_params())):
        assert numpy.array_equal(value, original)


def test_a_pickled_model_is_refused(tmp_path):
    model = LogisticRegression(T.matrix("x"), 4, 3)
    dump(tmp_path / "p.pkl", model)
    with pytest.raises(UnsafePickleError, match="LogisticRegression"):
        load_params(model.params, tmp_path / "p.pkl")


@pytest.mark.parametrize("name", ["", "missing"])
def test_a_folder_or_a_missing_file_is_refused(tmp_path, name):
    with pytest.raises(DataError, match="cannot be read"):
        load_params(make_params(), tmp_path / name)
