"""What does not fit is told in one line, before anything is compiled."""

import dltutorials
from dltutorials import (
    MLP,
    DataError,
    DataWarning,
    LogisticRegression,
    OptionError,
    compile_task,
    sgd,
    shared_dataset,
)
from dltutorials.chunks import ChunkedDataset

import numpy
import pytest
import theano
import theano.tensor as T

N = 60


@pytest.fixture(autouse=True)
def _nothing_is_compiled(monkeypatch):
    before = theano.config.floatX
    dltutorials.set_floatX("float32")
    monkeypatch.setattr(theano, "function", lambda *args, **kwargs: pytest.fail("compiled"))
    yield
    theano.config.floatX = before


@pytest.fixture
def xy():
    return numpy.random.RandomState(0).rand(N, 4), numpy.arange(N) % 3


def task(datasets, x=None, y=None, n_in=4, n_out=3, n_hidden=None):
    x, y = T.matrix("x") if x is None else x, T.ivector("y") if y is None else y
    labels = y if y.ndim == 1 and "int" in y.dtype else T.ivector()
    if n_hidden is None:
        model = LogisticRegression(x, n_in, n_out)
    else:
        model = MLP(numpy.random.RandomState(0), x, n_in, n_hidden, n_out)
    cost = model.negative_log_likelihood(labels)
    updates = sgd(cost, model.params, 0.1)
    return compile_task(x, y, cost, updates, model.errors(labels), model.params, datasets, 10)


def test_arrays_and_other_things_are_no_data_sets(xy):
    for wrong in ([xy] * 3, [xy[0]] * 3, [(xy[0], xy[1], xy[1])] * 3, [None] * 3):
        with pytest.raises(DataError, match=r"training set: got .*shared_dataset\(\(x, y\)\)"):
            task(wrong)
    for wrong in ([], [shared_dataset(xy)] * 4, xy[0]):
        with pytest.raises(OptionError, match=r"datasets: got .*, expected a training set"):
            task(wrong)


@pytest.mark.parametrize("n_hidden", [None, 7])
@pytest.mark.parametrize("make", [shared_dataset, lambda xy: ChunkedDataset(xy, 10, 2)])
def test_a_model_of_another_size(xy, n_hidden, make):
    sets = [make(xy)] * 3
    with pytest.raises(OptionError, match="n_in: the model has 5 inputs, and the training set 4"):
        task(sets, n_in=5, n_hidden=n_hidden)
    with pytest.raises(OptionError, match=r"n_out: the model has 2 labels, .* labels up to 2"):
        task(sets, n_out=2, n_hidden=n_hidden)
    with pytest.raises(DataError, match="validation set: x: got 3 numbers a row, the training"):
        task([make(xy), make((xy[0][:, :3], xy[1])), make(xy)])


@pytest.mark.parametrize(
    ("placeholders", "message"),
    [
        ({"x": T.dmatrix("x")}, r'x: got a placeholder for a float64 matrix, .* T.matrix\("x"\)'),
        ({"y": T.lvector("y")}, r'y: got a placeholder for a int64 vector, .* T.ivector\("y"\)'),
        ({"y": T.fmatrix("y")}, r'y: got a placeholder for a float32 matrix, .* T.ivector\("y"\)'),
        ({"y": T.fvector("y")}, r"has labels, integers from 0 on, a int32 vector"),
    ],
)
def test_placeholders_of_another_type(xy, placeholders, message):
    with pytest.raises(OptionError, match=message) as caught:
        task([shared_dataset(xy)] * 3, **placeholders)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_data_that_cannot_be_learnt_from_are_told_here_too(monkeypatch):
    monkeypatch.undo()
    y = numpy.arange(400) // 200
    x = numpy.random.RandomState(0).rand(400, 4)
    pixels = (x > 0.5).astype("uint8")
    for sets in ([shared_dataset((x, y))] * 3, [ChunkedDataset((x, y), 10, 2)] * 3):
        with pytest.warns(DataWarning, match="training set: the rows are sorted by label"):
            task(sets, n_out=2)
    with pytest.warns(DataWarning, match=r"bytes \(uint8\) of at most 1 were divided by 256"):
        task([ChunkedDataset((pixels, y), 10, 2)] * 3, n_out=2)
