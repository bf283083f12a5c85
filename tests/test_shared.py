from dltutorials import LogisticRegression, compile_task, load_data, sgd, shared_dataset
from dltutorials.chunks import ChunkedDataset
from dltutorials.minibatch import as_shared_dataset
from dltutorials.shared import SharedDataset

import numpy
import pytest
import theano
import theano.tensor as T


def task_for(datasets):
    x, y = T.matrix("x"), T.ivector("y")
    model = LogisticRegression(x, 784, 10)
    cost = model.negative_log_likelihood(y)
    updates = sgd(cost, model.params, 0.13)
    return compile_task(x, y, cost, updates, model.errors(y), model.params, datasets, 10)


def test_a_data_set_unpacks_and_knows_its_size(tiny_sets):
    data = shared_dataset(tiny_sets[0])
    train_set_x, train_set_y = data
    assert (data.n_examples, data.n_in) == (60, 784)
    assert data[0] is train_set_x
    assert data.columns == (train_set_x, train_set_y)
    for rows, column in zip(data.rows, tiny_sets[0]):
        assert rows.dtype == theano.config.floatX
        assert numpy.array_equal(rows, column)
    assert [data.load_chunk(index) for index in (0, 5)] == [0, 5]


@pytest.mark.parametrize("make", [shared_dataset, lambda data: ChunkedDataset(data, 10, 2)])
def test_a_data_set_without_labels(make, tiny_sets):
    data = make(tiny_sets[0][:1])
    (x,) = data
    assert (data.n_examples, data.n_in, len(data.rows)) == (60, 784, 1)
    data.load_chunk(0)
    assert x.get_value().shape[1] == 784


def test_a_chunked_data_set_is_one_too(tiny_sets):
    data = ChunkedDataset(tiny_sets[0], 10, 2)
    assert isinstance(data, SharedDataset)
    assert (data.n_examples, data.n_in, data.batch_size) == (60, 784, 10)


@pytest.mark.slow
def test_shared_variables_of_your_own_are_a_data_set(tiny_sets):
    expected = task_for([shared_dataset(data) for data in tiny_sets])
    pairs = [
        (theano.shared(x.astype(theano.config.floatX)), T.cast(theano.shared(y), "int32"))
        for x, y in tiny_sets
    ]
    unpacked = [tuple(shared_dataset(data)) for data in tiny_sets]
    for datasets in (pairs, unpacked):
        task = task_for(datasets)
        for index in range(6):
            assert task.train_minibatch(index) == expected.train_minibatch(index)
        assert task.validate() == expected.validate()
        task_for(datasets).train_minibatch(0)
        expected = task_for([shared_dataset(data) for data in tiny_sets])
    data = as_shared_dataset(pairs[0])
    assert numpy.array_equal(data.rows[1], tiny_sets[0][1])


def test_the_three_sets_have_names(tiny_file):
    datasets = load_data(tiny_file)
    train_set, valid_set, test_set = datasets
    assert (datasets.train, datasets.valid, datasets.test) == (train_set, valid_set, test_set)
    assert [data.n_examples for data in datasets] == [60, 30, 30]
    assert (datasets.n_in, datasets.n_out, len(datasets)) == (784, 10, 3)
    assert datasets[-1] is test_set
