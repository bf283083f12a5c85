import os
import pickle
import subprocess
import sys
import textwrap

from dltutorials import DataError, LogisticRegression, backend, losses
from dltutorials.backend.labels import LabelError

import numpy
import pytest
import theano
import theano.tensor as T
from helpers import theano_only

X = numpy.random.RandomState(0).uniform(size=(4, 5))
P = numpy.full((4, 3), 1 / 3)
GOOD = [0, 1, 2, 1]
WRONG = [
    ([0, 1, 100000, 1], "y: got label 100000 for example 2, expected 0 to 2"),
    ([0, 1, 2, 3], "y: got label 3 for example 3, expected 0 to 2"),
    ([0, -1, 0, 1], "y: got label -1 for example 1, expected 0 to 2"),
    ([-(2**31), 0, 0, 1], "y: got label -2147483648 for example 0, expected 0 to 2"),
    ([0, 1, 2, 1, 0], "y: got 5 labels for 4 examples, expected one for each"),
    ([0, 1, 2], "y: got 3 labels for 4 examples, expected one for each"),
    ([0], "y: got 1 labels for 4 examples, expected one for each"),
    ([], "y: got 0 labels for 4 examples, expected one for each"),
]


def build(name):
    """Return a function of examples or probabilities and labels, and its first argument."""
    x, p, y = T.dmatrix("x"), T.dmatrix("p"), T.ivector("y")
    model = LogisticRegression(x, 5, 3)
    of_softmax, of_p = model.negative_log_likelihood(y), losses.negative_log_likelihood(p, y)
    inputs, output = {
        "softmax": (x, of_softmax),
        "gradient of softmax": (x, T.grad(of_softmax, model.W)),
        "model.errors": (x, model.errors(y)),
        "model.misclassified": (x, model.misclassified(y)),
        "probabilities": (p, of_p),
        "gradient of probabilities": (p, T.grad(of_p, p)),
        "sum": (p, losses.negative_log_likelihood(p, y, "sum")),
        "zero_one_loss": (p, losses.zero_one_loss(p, y)),
        "errors": (p, losses.errors(T.argmax(p, axis=1), y)),
        "misclassified": (p, losses.misclassified(T.argmax(p, axis=1), y)),
    }[name]
    function = theano.function([inputs, y], output, mode=backend.default_mode())
    return lambda labels: function(X if inputs is x else P, labels)


NAMES = [
    *("softmax", "gradient of softmax", "model.errors", "model.misclassified"),
    *("probabilities", "gradient of probabilities", "sum"),
    *("zero_one_loss", "errors", "misclassified"),
]


@pytest.mark.parametrize("name", NAMES)
def test_wrong_labels_are_an_error_before_a_number(name):
    function = build(name)
    assert numpy.isfinite(function(GOOD)).all()
    for labels, message in WRONG:
        with pytest.raises(DataError) as error:
            function(labels)
        assert str(error.value) == message
    assert numpy.isfinite(function(GOOD)).all()


def test_no_update_happens_with_wrong_labels():
    x, y = T.dmatrix("x"), T.ivector("y")
    model = LogisticRegression(x, 5, 3)
    cost = model.negative_log_likelihood(y)
    updates = [(model.W, model.W - T.grad(cost, model.W))]
    step = theano.function([x, y], cost, updates=updates, mode=backend.default_mode())
    for labels, _ in WRONG:
        with pytest.raises(LabelError):
            step(X, labels)
    assert not model.W.get_value().any()


def test_of_labels_alone_the_sign_and_number_are_known():
    y_pred, y = T.ivector("y_pred"), T.ivector("y")
    f = theano.function([y_pred, y], losses.errors(y_pred, y), mode=backend.default_mode())
    assert f([0, 1, 7], [0, 1, 8]) == pytest.approx(1 / 3)
    with pytest.raises(LabelError, match="got label -1 for example 2, expected 0 to any"):
        f([0, 1, 2], [0, 1, -1])
    with pytest.raises(LabelError, match="got 1 labels for 3 examples"):
        f([0, 1, 2], [0])


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "int64", "uint64"])
def test_labels_of_any_integer_type(dtype):
    p, y = T.dmatrix("p"), T.vector("y", dtype=dtype)
    f = theano.function([p, y], losses.negative_log_likelihood(p, y), mode=backend.default_mode())
    assert f(P, numpy.array(GOOD, dtype)) == pytest.approx(numpy.log(3))
    backwards = numpy.array(GOOD, dtype)[::-1]
    assert f(P, backwards) == pytest.approx(numpy.log(3))
    largest = numpy.array([0, 1, 2, numpy.iinfo(dtype).max], dtype)
    with pytest.raises(LabelError, match=f"got label {largest[3]} for example 3"):
        f(P, largest)


def test_constant_labels_that_are_wrong(capfd):
    p = T.dmatrix("p")
    loss = losses.negative_log_likelihood(p, numpy.array([0, 1, 2, 3], "int32"))
    f = theano.function([p], loss, mode=backend.default_mode())
    with pytest.raises(LabelError, match="got label 3 for example 3"):
        f(P)
    assert "Traceback" not in capfd.readouterr().err


def test_the_error_can_be_sent_from_process_to_process():
    error = LabelError(4, 4, 2, 7, 3)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


FLAGS = ["cxx=", "linker=cvm", "optimizer=None,cxx="]


@pytest.mark.slow
@pytest.mark.parametrize("flags", FLAGS)
def test_however_it_is_compiled(flags):
    program = textwrap.dedent("""
        import sys
        sys.path.insert(0, "tests")
        from backend.test_labels import WRONG, build, GOOD
        for name in ("softmax", "gradient of softmax", "zero_one_loss"):
            function = build(name)
            function(GOOD)
            for labels, message in WRONG:
                try:
                    print(name, labels, function(labels))
                except Exception as error:
                    assert str(error) == message, error
    """)
    flags = ",".join(filter(None, [os.environ.get("THEANO_FLAGS"), flags]))
    output = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        env={**os.environ, "THEANO_FLAGS": flags},
        capture_output=True,
        text=True,
    )
    assert output.returncode == 0, output.stderr
    assert output.stdout == ""


@theano_only
def test_a_training_step_stays_one_module_with_theanos_stable_loss():
    from dltutorials.backend.whole_graph_linker import is_whole_graph

    x, y = T.matrix("x"), T.ivector("y")
    model = LogisticRegression(x, 5, 3)
    cost = model.negative_log_likelihood(y)
    updates = [(model.W, model.W - T.grad(cost, model.W))]
    step = theano.function([x, y], cost, updates=updates, mode=backend.default_mode())
    wrong = theano.function([x, y], model.errors(y), mode=backend.default_mode())
    assert is_whole_graph(step)
    assert is_whole_graph(wrong)
    operations = [type(node.op).__name__ for node in step.maker.fgraph.toposort()]
    assert operations.count("CheckedLabels") == 1
    assert "CrossentropySoftmaxArgmax1HotWithBias" in operations
    assert "CrossentropySoftmax1HotWithBiasDx" in operations
