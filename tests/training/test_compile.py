from dltutorials import LogisticRegression, OptionError, compile_task, sgd, shared_dataset
from dltutorials.training import minibatch_function as compiling
from dltutorials.training.minibatch_function import indexed, minibatch_function

import numpy
import pytest
import theano.tensor as T
from helpers import numpys_memory, theano_only


def build(sets):
    x, y = T.matrix("x"), T.ivector("y")
    model = LogisticRegression(x, 784, 10)
    cost = model.negative_log_likelihood(y)
    datasets = [shared_dataset(data) for data in sets]
    return x, y, model, cost, sgd(cost, model.params, 0.13), datasets


def record(calls, function):
    def call(index):
        calls.append(index)
        return function(index)

    return call


def task_for(sets, batch_size):
    x, y, model, cost, updates, datasets = build(sets)
    errors = model.errors(y)
    return model, compile_task(x, y, cost, updates, errors, model.params, datasets, batch_size)


@theano_only
def test_a_compiled_function_takes_one_integer_and_leaves_the_data_where_they_are(tiny_sets):
    from theano.compile.ops import Shape_i

    x, y, model, cost, updates, (train_set, valid_set, test_set) = build(tiny_sets)
    for function, data in (
        (minibatch_function(cost, x, y, train_set, 20, updates), train_set),
        (minibatch_function(model.errors(y), x, y, valid_set, 10), valid_set),
        (minibatch_function(model.errors(y), x, y, test_set, 10), test_set),
    ):
        inputs, graph = function.maker.inputs, function.maker.fgraph
        assert [i.variable.type for i in inputs if not i.implicit] == [T.lscalar]
        stored = [data[0], data[1].owner.inputs[0]]
        in_graph = [v for v, i in zip(graph.inputs, inputs) if i.variable in stored]
        assert len(in_graph) == 2
        for variable in in_graph:
            # The slice of a minibatch is a view; nothing else reads the rows.
            readers = [client.op for client, _ in variable.clients]
            slices = [op for op in readers if not isinstance(op, Shape_i)]
            assert [type(op) for op in slices] == [T.Subtensor]
            assert slices[0].view_map == {0: [0]}
        assert not [n for n in graph.toposort() if "Gpu" in type(n.op).__name__]


def test_the_remainder_of_each_set_is_left_out(tiny_sets):
    sets = [(x.copy(), y.copy()) for x, y in tiny_sets]
    for _, y in sets:
        y[-7:] = (y[-7:] + 5) % 10  # wrong labels, which must not be seen
    model, task = task_for(sets, 23)  # of 60, 30 and 30 examples
    assert task.n_train_batches == 2
    for index in range(60):
        task.train_minibatch(index % 2)
    model_errors = []
    for x, y in sets[1:]:
        scores = x[:23].dot(model.W.get_value()) + model.b.get_value()
        model_errors.append((scores.argmax(axis=1) != y[:23]).mean())
    assert task.validate() == pytest.approx(model_errors[0])
    assert task.test() == pytest.approx(model_errors[1])


def test_parameters_handed_out_are_copies(tiny_sets):
    model, task = task_for(tiny_sets, 10)
    kept = task.get_params()
    task.train_minibatch(0)
    assert not kept[0].any()
    assert model.W.get_value().any()
    task.set_params(kept)
    task.train_minibatch(0)
    assert not kept[0].any()


@pytest.mark.parametrize(
    ("batch_size", "message"),
    [
        (0, "batch_size: got 0, expected an integer of at least 1"),
        (-5, "batch_size: got -5"),
        (31, "batch_size: got 31, expected at most 30, the number of examples in the validation"),
        (61, "batch_size: got 61, expected at most 60, the number of examples in the training"),
    ],
)
def test_a_batch_size_that_does_not_fit_is_refused(tiny_sets, batch_size, message):
    with pytest.raises(OptionError, match=message):
        task_for(tiny_sets, batch_size)


def test_data_are_stored_as_floats_and_labels_come_back_as_integers(floatX):
    x, y = shared_dataset((numpy.eye(3), numpy.array([2, 0, 1])))
    assert x.dtype == y.owner.inputs[0].dtype == floatX
    assert y.dtype == "int32"
    assert y.eval().tolist() == [2, 0, 1]


@numpys_memory
def test_borrow_decides_whether_the_array_is_copied(floatX):
    for borrow in (True, False):
        array = numpy.zeros((2, 2), floatX)
        x, _ = shared_dataset((array, numpy.zeros(2, int)), borrow=borrow)
        assert numpy.shares_memory(array, x.get_value(borrow=True)) is borrow


@pytest.mark.numbers
@pytest.mark.parametrize("is_exact", [False, True])
def test_a_set_is_evaluated_many_rows_at_a_time(tiny_sets, is_exact, monkeypatch):
    x, y, model, cost, updates, datasets = build(tiny_sets)
    calls = []
    monkeypatch.setattr(compiling, "indexed", lambda *a: record(calls, indexed(*a)))
    arguments = x, y, cost, updates, model.errors(y), model.params, datasets, 7
    task = compile_task(*arguments, exact_evaluation=is_exact)
    task.train_minibatch(0)
    scores = tiny_sets[1][0] @ model.W.get_value() + model.b.get_value()
    wrong = (scores.argmax(axis=1) != tiny_sets[1][1])[: None if is_exact else 28]
    assert task.validate() == wrong.mean()
    assert len(calls) == 1


def test_a_model_of_minibatches_of_a_fixed_size_is_evaluated_by_these(tiny_sets):
    x, y, model, cost, updates, datasets = build(tiny_sets)
    reshaped = LogisticRegression(x.reshape((10, 784)), 784, 10)
    arguments = x, y, cost, updates, reshaped.errors(y), model.params, datasets, 10
    task = compile_task(*arguments)
    zeros = [(labels != 0).mean() for _, labels in tiny_sets[1:]]
    assert [task.validate(), task.test()] == pytest.approx(zeros)
