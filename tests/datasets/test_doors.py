"""What data mean is the same at every door: arrays, lists, tables, files, chunks, predictions."""

import pickle

import dltutorials
from dltutorials import ChunkedDataset, DataError, DataWarning, OptionError, load_data, load_mnist
from dltutorials.datasets.examples import as_examples
from dltutorials.minibatch import as_shared_datasets

import numpy
import pytest
import scipy.sparse
import theano
from helpers import save_npz

N = 60


@pytest.fixture(autouse=True)
def _float32():
    before = theano.config.floatX
    dltutorials.set_floatX("float32")
    yield
    theano.config.floatX = before


@pytest.fixture
def x():
    return numpy.random.RandomState(0).rand(N, 4)


@pytest.fixture
def y():
    return numpy.arange(N) % 3


def resident(x, y):
    return dltutorials.shared_dataset((x, y)).rows


def resident_three(x, y):
    return load_data([(x, y)] * 3).train.rows


def split(x, y):
    sets = load_data((x, y), split=(0.2, 0.1))
    return tuple(numpy.concatenate(columns) for columns in zip(*(data.rows for data in sets)))


def chunked(x, y):
    data = ChunkedDataset((x, y), batch_size=10, chunk_size=2, read_ahead=False)
    chunks = []
    for index in (0, 2, 4):
        data.load_chunk(index)
        chunks.append([stored.get_value() for stored in data.stored])
    return tuple(numpy.concatenate(columns) for columns in zip(*chunks))


def from_npz(x, y, path):
    return load_data(save_npz(path / "mine.npz", [(x, y)] * 3)).train.rows


def from_npz_in_chunks(x, y, path):
    data = load_data(save_npz(path / "mine.npz", [(x, y)] * 3), batch_size=60, chunk_size=1).train
    data.load_chunk(0)
    return tuple(stored.get_value() for stored in data.stored)


def from_pickle(x, y, path):
    with open(path / "mine.pkl", "wb") as file:
        pickle.dump([(x, y)] * 3, file)
    return load_data(path / "mine.pkl").train.rows


def unpickled(x, y, path):
    with open(path / "mine.pkl", "wb") as file:
        pickle.dump([(x, y)] * 3, file)
    return load_mnist(path / "mine.pkl")[0]


IN_MEMORY = [resident, resident_three, split, chunked]
IN_FILES = [from_npz, from_npz_in_chunks, from_pickle, unpickled]


def through(door, x, y, path):
    return door(x, y, path) if door in IN_FILES else door(x, y)


def sorted_rows(rows):
    return rows[numpy.lexsort(rows.T)]


@pytest.mark.parametrize("door", [*IN_MEMORY, *IN_FILES])
class TestExamples:
    @pytest.mark.parametrize(
        "make",
        [
            lambda x: x,
            lambda x: x.astype("float32"),
            lambda x: x.astype(">f8"),
            lambda x: numpy.asfortranarray(x),
            lambda x: (x * 100).astype("int64"),
            lambda x: x > 0.5,
            lambda x: (x - 0.5) * 8,
        ],
    )
    def test_numbers_are_used_as_they_are(self, door, make, x, y, tmp_path):
        rows = through(door, make(x), y, tmp_path)[0].astype("float32")
        assert numpy.array_equal(sorted_rows(rows), sorted_rows(make(x).astype("float32")))

    def test_bytes_are_divided_by_256(self, door, x, y, tmp_path):
        pixels = (x * 256).astype("uint8")
        rows = through(door, pixels.reshape(N, 2, 2), y, tmp_path)[0]
        assert numpy.array_equal(sorted_rows(rows), sorted_rows(pixels / numpy.float32(256)))

    @pytest.mark.parametrize("wrong", [numpy.nan, numpy.inf, 1e39, -1e39])
    def test_what_is_no_finite_number_when_it_is_computed_with_is_refused(
        self, door, wrong, x, y, tmp_path
    ):
        x[33, 2] = wrong
        if door is unpickled and abs(wrong) < numpy.inf:  # the numbers of the file, as float64
            assert through(door, x, y, tmp_path)[0][33, 2] == wrong
            return
        place = "" if door is split else "in example 33"
        with pytest.raises(
            DataError, match=f"x: got .*{place}, .*expected finite numbers"
        ) as caught:
            through(door, x, y, tmp_path)
        assert "\n" not in str(caught.value)
        assert (f"{wrong:g}" in str(caught.value)) or door is split

    def test_other_things_are_refused(self, door, x, y, tmp_path):
        for wrong in (x.astype(str), x * 1j, x[:, 0], x[:0]):
            with pytest.raises(DataError) as caught:
                through(door, wrong, y, tmp_path)
            assert "\n" not in str(caught.value)


@pytest.mark.parametrize("door", [*IN_MEMORY, *IN_FILES])
class TestLabels:
    @pytest.mark.parametrize(
        "make", [lambda y: y, lambda y: y.astype("uint8"), lambda y: y * 1.0, lambda y: y == 2]
    )
    def test_whole_numbers_are_labels(self, door, make, x, y, tmp_path):
        labels = through(door, x, make(y), tmp_path)[1]
        assert sorted(labels.tolist()) == sorted(make(y).astype(int).tolist())

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda y: y * 0.43, "got 0.43 in example 1, expected labels.*targets=.regression"),
            (
                lambda y: numpy.where(y == 1, numpy.nan, y),
                "got nan in example 1, .* without a label",
            ),
            (lambda y: numpy.where(y > 0, 1, -1), r"labels from -1 to 1.*\(y > 0\).astype\(int\)"),
            (lambda y: numpy.where(y > 0, 1.0, -1.0), r"from -1 to 1.*\(y > 0\).astype\(int\)"),
            (lambda y: y - 1, "got labels from -1 to 1, expected integers from 0 on"),
            (lambda y: numpy.eye(3)[y], r"shape \(60, 3\).*; y.argmax\(axis=1\) makes labels"),
            (lambda y: y[:, None], r"shape \(60, 1\).*; y.ravel\(\)"),
            (lambda y: y[:-1], "got 60 examples and 59 labels, expected one label an example"),
            (lambda y: numpy.append(y, 0), "got 60 examples and 61 labels"),
            (lambda y: y + (1 << 24), "expected (fewer|integers)"),
        ],
    )
    def test_wrong_ones_are_refused_with_the_line_that_converts(
        self, door, make, message, x, y, tmp_path
    ):
        with pytest.raises(DataError, match=message) as caught:
            through(door, x, make(y), tmp_path)
        assert "\n" not in str(caught.value)

    def test_names_are_numbered(self, door, x, y, tmp_path):
        names = numpy.array(["owl", "cat", "dog"])[y]
        if door in (from_pickle, unpickled):
            with pytest.raises(DataError, match="of 'U3'; only arrays of numbers are read"):
                through(door, x, names, tmp_path)
            return
        labels = through(door, x, names, tmp_path)[1]
        assert sorted(labels.tolist()) == sorted(numpy.array([2, 0, 1])[y].tolist())


def test_array_likes_are_taken_in_memory(x, y):
    for make in (
        lambda x: x.tolist(),
        lambda x: list(x),
        scipy.sparse.csr_matrix,
        lambda x: x * 1j,
    ):
        for door in IN_MEMORY:
            if numpy.iscomplexobj(make(x)):
                with pytest.raises(DataError, match="x: got a complex128 array"):
                    door(make(x), y)
            else:
                rows, labels = door(make(x), y.tolist())
                assert numpy.array_equal(sorted_rows(rows), sorted_rows(x.astype("float32")))
                assert sorted(labels.tolist()) == sorted(y.tolist())


@pytest.mark.parametrize("door", IN_MEMORY)
def test_tables(door, x, y):
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"a": x[:, 0], "n": pandas.array([1, 2] * 30, "Int64"), "b": y > 1})
    rows, labels = door(table, pandas.Series(numpy.array(["cat", "dog", "owl"])[y]))
    expected = numpy.stack([x[:, 0], numpy.array([1, 2] * 30), y > 1], axis=1).astype("float32")
    assert numpy.array_equal(sorted_rows(rows), sorted_rows(expected))
    assert sorted(labels.tolist()) == sorted(y.tolist())
    with pytest.raises(DataError, match=r"column 'b' holds 'red', expected numbers; .*get_dumm"):
        door(table.assign(b="red"), y)
    with pytest.raises(DataError, match=r"x: column 'n' holds <NA>, expected numbers"):
        door(table.assign(n=pandas.array([1, None] * 30, dtype="Int64").astype(object)), y)


@pytest.mark.parametrize("door", IN_MEMORY)
@pytest.mark.parametrize(
    ("wrong_x", "wrong_y", "message"),
    [
        (lambda x: [[1, 2], [3]] * 30, None, "x: got rows of different lengths"),
        (lambda x: numpy.ma.masked_less(x, 0.5), None, "x: got a masked array"),
        (lambda x: [["a", 1]] * N, None, "x: got text, 'a', expected numbers"),
        (lambda x: numpy.zeros((N, 1), [("a", float)]), None, "with the fields a, .*unstructured"),
        (None, lambda y: ["cat", float("nan")] * 30, "y: got nan in example 1, expected labels"),
        (None, lambda y: ["cat", None] * 30, "y: got None in example 1, expected labels"),
        (None, lambda y: ["cat", 1] * 30, "y: got int and str, expected integers, or names"),
        (None, lambda y: y * 1j, "y: got a complex128 array"),
    ],
)
def test_what_is_missing_or_mixed_is_refused(door, wrong_x, wrong_y, message, x, y):
    with pytest.raises(DataError, match=message) as caught:
        door(wrong_x(x) if wrong_x else x, wrong_y(y) if wrong_y else y)
    assert "\n" not in str(caught.value)


class TestThreeSets:
    def test_two_pairs_are_training_and_test_set(self, x, y):
        sets = load_data([(x, y), (x[:9], y[:9])])
        assert [data.n_examples for data in sets] == [50, 10, 9]
        assert (sets.n_in, sets.n_out, sets.class_names) == (4, 3, None)
        assert numpy.array_equal(sets.test.rows[0], x[:9].astype("float32"))

    def test_a_split_has_its_fraction_of_each_class_and_each_row_once(self):
        x, y = numpy.arange(600.0).reshape(600, 1), numpy.repeat([0, 1, 2], [300, 240, 60])
        sets = load_data((x, y), split=(0.2, 0.1), seed=3)
        counts = [numpy.bincount(data.rows[1].astype(int)).tolist() for data in sets]
        assert counts == [[210, 168, 42], [60, 48, 12], [30, 24, 6]]
        rows = numpy.concatenate([data.rows[0] for data in sets])
        assert sorted(rows[:, 0]) == list(range(600))
        for data in sets:  # a row keeps its label
            assert numpy.array_equal(data.rows[1], y[data.rows[0][:, 0].astype(int)])
        again = load_data((x, y), split=(0.2, 0.1), seed=3)
        assert numpy.array_equal(again.valid.rows[0], sets.valid.rows[0])
        other = load_data((x, y), split=(0.2, 0.1), seed=4)
        assert not numpy.array_equal(other.valid.rows[0], sets.valid.rows[0])

    def test_a_class_of_one_example_stays_in_the_training_set(self, x):
        y = numpy.r_[numpy.zeros(59, int), 1]
        for seed in range(20):
            assert 1 in load_data((x, y), split=0.3, seed=seed).train.rows[1]

    @pytest.mark.parametrize("split", [0, 1, -0.1, (0.5, 0.5), (0.1, 0.1, 0.1), "half", None])
    def test_a_fraction_that_cannot_be_is_refused(self, x, y, split):
        if split is None:
            with pytest.raises(OptionError, match="split: got three sets"):
                load_data([(x, y)] * 3, split=0.1)
        else:
            with pytest.raises(OptionError, match=r"split: got .*, expected a fraction"):
                load_data((x, y), split=split)

    def test_too_few_examples_are_refused(self, x, y):
        with pytest.raises(
            DataError, match=r"got 3 examples, too few to split off 0.167 and 0.167"
        ):
            load_data((x[:3], y[:3]))

    def test_examples_without_labels(self, x):
        for data in (x, (x,), [(x,), (x,)], [(x,)] * 3):
            sets = load_data(data)
            assert (sets.n_in, sets.n_out, len(sets.train.columns)) == (4, None, 1)

    def test_regression(self, x, y):
        targets = numpy.stack([y * 0.43, -y], axis=1)
        for values in (targets, targets[:, 0], y.astype("uint8")):
            sets = load_data((x, values), targets="regression")
            assert sets.n_out is None
            column = sets.train.columns[1]
            assert (column.dtype, column.ndim) == ("float32", values.ndim)
            found = numpy.concatenate([data.rows[1] for data in sets])
            assert numpy.array_equal(
                numpy.sort(found, axis=0),
                numpy.sort(values, axis=0, kind="stable").astype("float32"),
            )
            chunks = load_data((x, values), 10, 2, targets="regression").train
            chunks.load_chunk(0)
            assert numpy.array_equal(chunks[1].get_value(), sets.train.rows[1][:20])
        targets[7, 1] = numpy.nan
        for chunk_size in (None, 2):
            with pytest.raises(DataError, match=r"y: got nan in example"):
                load_data((x, targets), 10, chunk_size, targets="regression").train.load_chunk(0)
        with pytest.raises(
            OptionError, match="targets: got 'classes', expected one of labels, reg"
        ):
            load_data((x, y), targets="classes")

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda x, y: (x[:, :3], y), "x: got 3 numbers a row, the training set has 4"),
            (
                lambda x, y: (x.reshape(N, 2, 2), y),
                "x: got examples of 2 x 2, the training set has",
            ),
            (lambda x, y: ((x * 255).astype("uint8"), y), "x: got a uint8 array .* divided by 256"),
            (lambda x, y: (x, y + 1), "y: got labels up to 3, expected at most 2, the largest"),
            (lambda x, y: (x, y.astype(str)), "y: got names, the training set has integers"),
            (lambda x, y: (x,), "got no labels, although another set has them"),
        ],
    )
    def test_sets_that_do_not_fit_together_are_refused(self, change, message, x, y):
        with pytest.raises(DataError, match="validation set: " + message):
            load_data([(x, y), change(x, y), (x, y)])

    def test_images_are_compared_shape_for_shape(self, x, y):
        x = numpy.tile(x, (1, 4))
        with pytest.raises(
            DataError, match=r"got examples of 4 x 4, the training set has .* 2 x 8"
        ):
            load_data([(x.reshape(N, 2, 8), y), (x.reshape(N, 4, 4), y), (x.reshape(N, 2, 8), y)])

    @pytest.mark.parametrize("wrong", [None, 3, [], {"x": 1}, "six", "four"])
    def test_what_is_no_data_set_is_refused(self, wrong, x, y):
        wrong = {"six": (x, y) * 3, "four": [(x, y)] * 4}.get(
            wrong if isinstance(wrong, str) else "", wrong
        )
        with pytest.raises(DataError, match=r"got .*, expected a pair \(x, y\)"):
            load_data(wrong)


class TestClassNames:
    def test_they_are_numbered_in_alphabetical_order_and_kept(self, x, y):
        names = numpy.array(["owl", "cat", "dog"])[y]
        sets = load_data([(x, names), (x[:5], names[:5]), (x[1:2], names[1:2])])
        assert (sets.n_out, sets.class_names) == (3, ("cat", "dog", "owl"))
        assert all(data.class_names == sets.class_names for data in sets)
        assert sets.test.rows[1].tolist() == [0]
        with pytest.raises(DataError, match="test set: y: got the class 'yak', which the training"):
            load_data([(x, names), (x, names), (x[:1], ["yak"])])

    def test_integers_may_be_named(self, x, y, tmp_path):
        names = ["cat", "dog", "owl"]
        path = save_npz(tmp_path / "mine.npz", [(x, y)] * 3, class_names=names)
        for sets in (load_data((x, y), class_names=names), load_data(path)):
            assert (sets.n_out, sets.class_names) == (3, tuple(names))
        for wrong, message in ((["a", "b"], "at most 1"), (["a", "a", "b"], "a different name")):
            with pytest.raises(DataError, match=message):
                load_data((x, y), class_names=wrong)
        save_npz(path, [(x, y)] * 3, class_names=[1, 2, 3])
        with pytest.raises(DataError, match="class_names: got an array of int64"):
            load_data(path)

    def test_sets_of_their_own_must_agree(self, x, y):
        names = numpy.array(["owl", "cat", "dog"])
        both = [
            dltutorials.shared_dataset((x, names[y])),
            dltutorials.shared_dataset((x, names[y % 2])),
        ]
        with pytest.raises(DataError, match=r"validation set: y: got the classes \('cat', 'owl'\)"):
            as_shared_datasets(both)
        both[1] = dltutorials.shared_dataset((x, names[y % 2]), class_names=both[0].class_names)
        assert as_shared_datasets(both) == both

    def test_shared_variables_of_your_own_have_a_label_for_each_example(self, x, y):
        own = theano.shared(x.astype("float32")), theano.shared(y[:-1].astype("int32"))
        with pytest.raises(DataError, match="training set: got 60 examples and 59 labels"):
            as_shared_datasets([own])

    def test_a_label_that_neither_is_nor_is_not_is_missing(self, x, y):
        class NA:  # as pandas.NA
            def __eq__(self, other):
                return self

            __ne__, __hash__ = __eq__, object.__hash__

            def __bool__(self):
                raise TypeError("boolean value of NA is ambiguous")

        labels = numpy.array(["cat", "dog", "owl"], object)[y % 3]
        labels[7] = NA()
        with pytest.raises(DataError, match=r"y: got .* in example 7, .* without a label"):
            load_data((x, labels))


class TestScale:
    @pytest.mark.parametrize("door", [*IN_MEMORY, *IN_FILES])
    def test_bytes_that_are_hardly_grey_are_told(self, door, x, y, tmp_path):
        with pytest.warns(DataWarning, match=r"uint8.* of at most 1 were divided by 256.*astype"):
            through(door, (x > 0.5).astype("uint8"), y, tmp_path)

    @pytest.mark.parametrize("door", [*IN_MEMORY, *IN_FILES])
    @pytest.mark.parametrize("dtype", ["float32", "int64"])
    def test_grey_values_in_another_type_are_told(self, door, dtype, x, y, tmp_path):
        with pytest.warns(DataWarning, match="used as they are; if they are grey values"):
            through(door, (x * 255).astype(dtype), y, tmp_path)

    def test_it_is_kept(self, x, y):
        pixels = (x * 255).astype("uint8")
        assert load_data((pixels, y)).scale == "bytes divided by 256"
        assert dltutorials.shared_dataset((pixels, y)).scale == "bytes divided by 256"
        assert load_data((x, y)).scale == "as given"


class TestPrediction:
    def test_one_example_or_many(self, x):
        values, is_single = as_examples(x, 4, "float32")
        assert (values.dtype, values.shape, is_single) == ("float32", (N, 4), False)
        for one in (x[0], x[0].tolist(), x[0].reshape(2, 2)):
            values, is_single = as_examples(one, 4, "float64")
            assert is_single
            assert numpy.array_equal(values, x[:1])
        assert as_examples(x[:0], 4, "float32").values.shape == (0, 4)

    def test_bytes_are_divided_as_in_training(self, x):
        pixels = (x * 255).astype("uint8")
        assert numpy.array_equal(as_examples(pixels, 4, "float64").values, pixels / 256)

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            (lambda x: x[:, :3], r"got examples of shape \(3,\), expected \(4,\)"),
            (lambda x: numpy.where(x > 0.9, numpy.nan, x), "x: got nan in example"),
            (lambda x: x * 1e39, "x: got .*e.38.* in example 0, expected finite numbers, at most"),
            (lambda x: x.astype(str), "x: got text"),
            (lambda x: None, "x: got a NoneType"),
        ],
    )
    def test_wrong_examples_are_refused(self, wrong, message, x):
        with pytest.raises(DataError, match=message):
            as_examples(wrong(x), 4, "float32")
