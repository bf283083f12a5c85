import gzip
import hashlib
import pickle
import shutil
import tracemalloc
from pathlib import Path

from dltutorials import DataError, UnsafePickleError, load_data, load_mnist
from dltutorials.datasets import loading, pickled

import numpy
import pytest

CHECKOUT = Path(loading.__file__).resolve().parents[2]
STANDARD = CHECKOUT / "data" / loading.FILE_NAME


@pytest.fixture(scope="module")
def standard_sets():
    return load_mnist()


def test_the_standard_data(standard_sets):
    assert hashlib.sha256(STANDARD.read_bytes()).hexdigest().startswith("85185b78bc2afe78")
    for (x, y), n in zip(standard_sets, (50_000, 10_000, 10_000)):
        assert (x.shape, x.dtype, y.shape) == ((n, 784), "float32", (n,))
        assert y.dtype.kind == "i"
        assert (x.min(), x.max()) == (0, 0.99609375)
    # The counts of labels 0-9, as data/README.md gives them.
    counts = [numpy.bincount(y).tolist() for _, y in standard_sets]
    assert counts[0] == [4932, 5678, 4968, 5101, 4859, 4506, 4951, 5175, 4842, 4988]
    assert counts[1] == [991, 1064, 990, 1030, 983, 915, 967, 1090, 1009, 961]
    assert counts[2] == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


@pytest.mark.slow
def test_a_plain_unpickling_gives_the_same(standard_sets):
    with gzip.open(STANDARD, "rb") as file:
        plain = pickle.load(file)
    for (x, y), (plain_x, plain_y) in zip(standard_sets, plain):
        assert numpy.array_equal(x, plain_x)
        assert numpy.array_equal(y, plain_y)


def test_load_data_gives_six_shared_variables(tiny_file, tiny_sets):
    loaded = load_data(tiny_file)
    assert len(loaded) == 3
    for (shared_x, y), (x, labels) in zip(loaded, tiny_sets):
        assert numpy.array_equal(shared_x.get_value(), x)
        assert numpy.array_equal(y.eval(), labels)


class TestLookUp:
    @pytest.fixture(autouse=True)
    def _nowhere(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        monkeypatch.delenv("DLTUTORIALS_DATA", raising=False)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def test_a_given_path_comes_first(self, tiny_file):
        assert loading.find_dataset(tiny_file) == tiny_file

    def test_then_the_environment_then_the_checkout(self, tmp_path, monkeypatch):
        assert loading.find_dataset() == STANDARD
        assert loading.find_dataset("mnist.pkl.gz") == STANDARD
        own = tmp_path / "own"
        own.mkdir()
        shutil.copy(STANDARD, own)
        monkeypatch.setenv("DLTUTORIALS_DATA", str(own))
        assert loading.find_dataset() == own / "mnist.pkl.gz"

    def test_then_the_cache(self, tmp_path, tiny_file):
        cache = tmp_path / "cache" / "dltutorials"
        cache.mkdir(parents=True)
        shutil.copy(tiny_file, cache / "other.pkl.gz")
        assert loading.find_dataset("other.pkl.gz") == cache / "other.pkl.gz"

    def test_a_relative_cache_folder_is_ignored_as_xdg_asks(self, tmp_path, monkeypatch):
        monkeypatch.setenv("XDG_CACHE_HOME", "cache")
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        with pytest.raises(DataError, match=r"home/[.]cache/dltutorials/missing[.]pkl[.]gz"):
            loading.find_dataset("missing.pkl.gz")

    def test_a_missing_file_names_all_places(self, tmp_path, monkeypatch):
        monkeypatch.setenv("DLTUTORIALS_DATA", str(tmp_path / "own"))
        with pytest.raises(DataError) as caught:
            loading.find_dataset("missing.pkl.gz")
        tried = ["missing.pkl.gz", tmp_path / "own", CHECKOUT / "data", tmp_path / "cache"]
        assert all(str(place) in str(caught.value) for place in tried)
        with pytest.raises(DataError, match=r"tried elsewhere/mnist[.]pkl[.]gz; .*give the path"):
            loading.find_dataset("elsewhere/mnist.pkl.gz")

    @pytest.mark.slow
    def test_a_standard_name_must_lead_to_the_standard_digits(
        self, tmp_path, monkeypatch, standard_sets, write_dataset
    ):
        monkeypatch.chdir(CHECKOUT)
        monkeypatch.setenv("DLTUTORIALS_DATA", str(tmp_path))
        (x, y), valid_set, test_set = standard_sets
        changed = y.copy()
        changed[[0, 1]] = y[[1, 0]]
        path = write_dataset(((x, changed), valid_set, test_set), "mnist.pkl.gz")
        with pytest.raises(DataError, match="training set: these are not the images of MNIST"):
            load_mnist()
        assert numpy.array_equal(load_mnist(path)[0][1], changed)  # one's own data are one's own


def changed(sets, split, x=None, y=None):
    sets = [list(pair) for pair in sets]
    sets[split] = [sets[split][0] if x is None else x, sets[split][1] if y is None else y]
    return tuple(map(tuple, sets))


def wrong_contents(sets):
    (x, y), *_ = sets
    with_nan = x.copy()
    with_nan[3, 5] = numpy.nan
    return {
        "got a list of 2, expected a tuple of three sets": list(sets)[:2],
        "got a int, expected a tuple of three": 3,
        "validation set: got a tuple of 3, expected a pair": (sets[0], (x, y, y), sets[2]),
        "validation set: x: got 784 numbers a row, the training set has 783": changed(
            sets, 0, x[:, :783]
        ),
        "test set: x: got a uint8 array of shape (60, 784), the training set has a float": changed(
            sets, 2, x.astype("uint8"), y
        ),
        "validation set: x: got 784 numbers a row, the training set has examples of 28": changed(
            sets, 0, x.reshape(-1, 28, 28)
        ),
        "x: got a float32 array of shape (0, 784)": changed(sets, 0, x[:0], y[:0]),
        "x: got a int64 array of shape (60,), expected one example a row": changed(
            sets, 0, [0] * 60
        ),
        "x: got a float64 array of shape (), expected one example a row": changed(sets, 0, 1 << 70),
        "training set: x: got nan in example 3, expected finite numbers": changed(
            sets, 0, with_nan
        ),
        "got 60 examples and 59 labels": changed(sets, 0, y=y[:59]),
        "training set: y: got labels from 0 to 10, but no example of label 9": changed(
            sets, 0, y=y + (y == 9)
        ),
        "test set: y: got labels up to 10, expected at most 9": changed(
            sets, 2, y=sets[2][1] + (sets[2][1] == 9)
        ),
        "y: got labels from -1 to 8": changed(sets, 0, y=y - 1),
        "y: got 0.5 in example 0, expected labels: integers from 0 on; for regression": changed(
            sets, 0, y=0.0 * y + 0.5
        ),
        "y: got a int64 array of shape (60, 1)": changed(sets, 0, y=y[:, None]),
    }


@pytest.mark.parametrize("number", range(16))
def test_wrong_content_is_refused_with_what_was_got_and_expected(number, tiny_sets, write_dataset):
    message, content = list(wrong_contents(tiny_sets).items())[number]
    path = write_dataset(content)
    with pytest.raises(DataError) as caught:
        load_mnist(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda packed: b"", "the file ends early"),
        (lambda packed: packed[: len(packed) // 2], "the file ends early"),
        (lambda packed: b"no gzip" + packed, "not a sound gzip file"),
        (lambda packed: packed[:-8] + b"\0\0\0\0" + packed[-4:], "not a sound gzip file"),
        (lambda packed: gzip.compress(b"hello"), "not a pickle of arrays"),
        (lambda packed: gzip.compress(gzip.decompress(packed)[:-50]), "the file ends early"),
        (
            lambda packed: gzip.compress(gzip.decompress(packed) + b"x"),
            "more data follow the pickle",
        ),
    ],
)
def test_a_damaged_file_is_refused(damage, message, tiny_file):
    tiny_file.write_bytes(damage(tiny_file.read_bytes()))
    with pytest.raises(DataError, match=message) as caught:
        load_mnist(tiny_file)
    assert str(tiny_file) in str(caught.value)


def test_a_folder_without_idx_files_is_refused(tmp_path):
    with pytest.raises(DataError, match="train-images-idx3-ubyte is not there"):
        load_mnist(tmp_path)


def test_a_gzip_bomb_is_given_up_at_the_limit(tmp_path, monkeypatch):
    bomb = tmp_path / "bomb.pkl.gz"
    claimed = b"\x80\x04\x8e" + (50 << 20).to_bytes(8, "little") + bytes(50 << 20) + b"."
    endless = b"\x80\x04V" + b"a" * (50 << 20)
    monkeypatch.setattr(pickled, "MAX_BYTES", 1 << 20)
    for content in (claimed, endless):
        bomb.write_bytes(gzip.compress(content, 1))
        assert bomb.stat().st_size < 1 << 20
        tracemalloc.start()
        with pytest.raises(DataError, match="asks for more than 1,048,576 bytes"):
            load_mnist(bomb)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 8 << 20


class Payload:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_a_pickle_that_would_run_code_runs_nothing(tmp_path, write_dataset, tiny_sets):
    canary = tmp_path / "canary"
    path = write_dataset((*tiny_sets, Payload(canary)))
    with pytest.raises(UnsafePickleError, match="the pickle names"):
        load_mnist(path)
    assert not canary.exists()
    with gzip.open(path) as file:  # as the chapter loads it
        pickle.load(file)
    assert canary.exists()
