import threading

from dltutorials import (
    ChunkedDataset,
    DataError,
    LogisticRegression,
    OptionError,
    compile_task,
    load_data,
    sgd,
    shared_dataset,
    train,
)

import numpy
import pytest
import theano.tensor as T
from helpers import make_split, numpys_memory, without_seconds


@pytest.fixture(scope="module")
def sets():
    rng = numpy.random.RandomState(5)
    return [make_split(rng, n) for n in (137, 61, 48)]


def in_chunks(sets, batch_size, chunk_size):
    train_set, *others = sets
    chunked = [ChunkedDataset(train_set, batch_size, chunk_size)]
    for data in others:
        size = min(chunk_size, len(data[0]) // batch_size)
        chunked.append(ChunkedDataset(data, batch_size, size, read_ahead=False))
    return chunked


def task_for(datasets, batch_size, **options):
    x, y = T.matrix("x"), T.ivector("y")
    model = LogisticRegression(x, 784, 10)
    cost = model.negative_log_likelihood(y)
    updates = sgd(cost, model.params, 0.13)
    return compile_task(
        x, y, cost, updates, model.errors(y), model.params, datasets, batch_size, **options
    )


def outcome(datasets, batch_size, **options):
    result = train(task_for(datasets, batch_size, **options), n_epochs=4)
    return without_seconds(result.history), [value.tobytes() for value in result.best_params]


@pytest.mark.slow
@pytest.mark.parametrize("exact_evaluation", [False, True])
@pytest.mark.parametrize("batch_size", [1, 10])
def test_a_training_in_chunks_ends_in_the_same_bytes(sets, batch_size, exact_evaluation, floatX):
    resident = [shared_dataset(data) for data in sets]
    expected = outcome(resident, batch_size, exact_evaluation=exact_evaluation)
    for chunk_size in (1, 3, 4, 13):
        chunked = in_chunks(sets, batch_size, chunk_size)
        got = outcome(chunked, batch_size, exact_evaluation=exact_evaluation)
        assert got == expected, f"chunk_size {chunk_size}"


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["map", "bytes", "slices", "fortran"])
def test_any_source_gives_the_same(kind, sets, tmp_path, floatX):
    expected = outcome([shared_dataset(data) for data in sets], 10)

    class Slices:
        def __init__(self, array):
            self.array, self.shape = array, array.shape

        def __len__(self):
            return len(self.array)

        def __getitem__(self, rows):
            assert isinstance(rows, slice)
            assert rows.stop - rows.start <= 40  # never the whole
            return self.array[rows]

    def source(x, number):
        if kind == "map":
            numpy.save(tmp_path / f"{number}.npy", x)
            return numpy.load(tmp_path / f"{number}.npy", mmap_mode="r")
        if kind == "bytes":
            return (x * 256).astype("uint8")
        return Slices(x) if kind == "slices" else numpy.asfortranarray(x)

    sources = [(source(x, number), y) for number, (x, y) in enumerate(sets)]
    assert outcome(in_chunks(sources, 10, 4), 10) == expected


def test_a_chunk_is_one_copy_to_the_device(sets, monkeypatch):
    data = ChunkedDataset(sets[0], 10, 4)  # 13 minibatches: chunks of 4, 4, 4 and 1
    assert (data.n_examples, data.n_chunks, data.chunk_size) == (137, 4, 4)
    copies = []
    for name, shared in zip("xy", data.stored):
        set_value = shared.set_value

        def count(value, borrow=False, name=name, set_value=set_value):
            copies.append((name, len(value), borrow))
            set_value(value, borrow=borrow)

        monkeypatch.setattr(shared, "set_value", count)
    positions = [data.load_chunk(index % 13) for index in range(2 * 13)]
    assert positions == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0] * 2
    epoch = [("x", n, True) for n in (40, 40, 40, 17)]
    assert [copy for copy in copies if copy[0] == "x"] == epoch * 2
    assert len(copies) == 16


def test_the_next_chunk_is_read_by_a_thread_while_this_one_is_used(sets):
    begun, readers = threading.Event(), []

    class Watched:
        shape = sets[0][0].shape

        def __len__(self):
            return self.shape[0]

        def __getitem__(self, rows):
            readers.append((rows.start, threading.current_thread() is threading.main_thread()))
            if rows.start == 40:
                begun.set()
            return sets[0][0][rows]

    data = ChunkedDataset((Watched(), sets[0][1]), 10, 4)
    data.load_chunk(0)
    assert begun.wait(10)  # nobody has asked for the second chunk yet
    data.load_chunk(4)
    assert readers[:2] == [(0, True), (40, False)]


@numpys_memory
def test_converted_chunks_use_the_same_two_pieces_of_memory(sets):
    data = ChunkedDataset((numpy.ones((600, 784), "uint8"), numpy.zeros(600)), 10, 4)
    seen = set()
    for index in range(180):
        data.load_chunk(index % 60)
        value = data.stored[0].get_value(borrow=True, return_internal_type=True)
        seen.add(value.__array_interface__["data"][0])
        assert (value == 1 / 256).all()
    assert len(seen) == 2


def test_a_training_may_begin_anywhere(sets):
    data = ChunkedDataset(sets[0], 10, 4)
    shared_x, _ = data
    for index in (9, 2, 12, 3, 3, 11):
        position = data.load_chunk(index)
        rows = shared_x.get_value()[position * 10 : position * 10 + 10]
        assert numpy.array_equal(rows, sets[0][0][index * 10 : index * 10 + 10])


def test_an_exception_of_the_reader_ends_the_training_with_its_cause(sets):
    class Failing:
        shape = sets[0][0].shape

        def __len__(self):
            return self.shape[0]

        def __getitem__(self, rows):
            if rows.start == 80:
                raise OSError(5, "Input/output error")
            return sets[0][0][rows]

    datasets = [ChunkedDataset((Failing(), sets[0][1]), 10, 4), *map(shared_dataset, sets[1:])]
    task = task_for(datasets, 10)
    with pytest.raises(DataError, match=r"reading examples 80 to 119: .*Input/output") as caught:
        train(task, n_epochs=2)
    assert isinstance(caught.value.__cause__, OSError)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda x, y: (with_value(x, numpy.nan), y),
            "40 to 79: x: got nan in example 50",
        ),
        (lambda x, y: (with_value(x, numpy.inf), y), "40 to 79: x: got inf in"),
        (
            lambda x, y: (x, with_value(y, -1)),
            "reading examples 40 to 79: y: got labels from -1 to",
        ),
    ],
)
def test_what_is_no_number_or_label_is_found_when_its_chunk_comes(change, message, sets):
    data = ChunkedDataset(change(*sets[0]), 10, 4)
    data.load_chunk(0)
    with pytest.raises(DataError, match=message):
        data.load_chunk(4)


def with_value(array, value):
    array = array.copy()
    array[50] = value
    return array


@pytest.mark.parametrize(
    ("batch_size", "chunk_size", "message"),
    [
        (10, 0, "chunk_size: got 0, expected an integer of at least 1"),
        (10, -1, "chunk_size: got -1"),
        (10, 2.0, "chunk_size: got 2.0"),
        (10, 14, "chunk_size: got 14, expected at most 13, the number of minibatches of 10 in 137"),
        (0, 1, "batch_size: got 0"),
    ],
)
def test_a_chunk_that_does_not_fit_is_refused(sets, batch_size, chunk_size, message):
    with pytest.raises(OptionError, match=message):
        ChunkedDataset(sets[0], batch_size, chunk_size)


def test_sets_that_do_not_fit_together_are_refused(sets):
    with pytest.raises(DataError, match="got 137 examples and 136 labels"):
        ChunkedDataset((sets[0][0], sets[0][1][:-1]), 10, 4)
    with pytest.raises(OptionError, match="batch_size: got 20, expected 10, that of the chunks"):
        task_for(in_chunks(sets, 10, 2), 20)


@pytest.mark.slow
def test_a_file_is_loaded_in_chunks(sets, write_dataset, tmp_path):
    expected = outcome(load_data(write_dataset(tuple(sets))), 10)
    path = tmp_path / "sets.npz"
    names = [f"{part}_{kind}" for part in ("train", "valid", "test") for kind in "xy"]
    numpy.savez(path, **dict(zip(names, [array for pair in sets for array in pair])))
    datasets = load_data(path, batch_size=10, chunk_size=5)
    assert (datasets.n_in, datasets.n_out) == (784, 10)
    assert all(isinstance(data, ChunkedDataset) for data in datasets)
    assert outcome(datasets, 10) == expected
    with pytest.raises(OptionError, match="chunk_size: got 14"):
        load_data(path, batch_size=10, chunk_size=14)
    with pytest.raises(OptionError, match="batch_size: got None"):
        load_data(path, chunk_size=5)


def test_evaluated_sets_give_their_memory_back(sets):
    datasets = in_chunks(sets, 10, 2)
    task = task_for(datasets, 10)
    task.validate()
    assert datasets[1].stored[0].get_value().shape == (0, 784)
    assert task.validate() == task.validate()
