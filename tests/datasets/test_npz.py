"""Data sets as an .npz file: what is read, and what is refused."""

import gzip
import io
import pickle
import random
import zipfile

from dltutorials import DataError, load_data, load_mnist
from dltutorials.datasets import loading
from dltutorials.datasets.npz import NAMES

import numpy
import pytest
from helpers import damage


@pytest.fixture
def arrays():
    rng = numpy.random.RandomState(9)
    sizes = {"train": 40, "valid": 10, "test": 10}
    return {
        name: rng.rand(sizes[name[:-2]], 6).astype("float32")
        if name.endswith("x")
        else numpy.arange(sizes[name[:-2]]) % 3
        for name in NAMES
    }


@pytest.fixture(params=[numpy.savez, numpy.savez_compressed])
def save(request, tmp_path):
    def save(arrays):
        request.param(tmp_path / "mine.npz", **arrays)
        return tmp_path / "mine.npz"

    return save


@pytest.mark.parametrize(
    "make",
    [
        lambda x: x,
        lambda x: x.astype("float16"),
        lambda x: x.astype("float64"),
        lambda x: x.astype(">f8"),
        lambda x: numpy.asfortranarray(x),
        lambda x: x.reshape(-1, 2, 3),
        lambda x: (x - 0.5) * 1000,  # standardised data are one's own business
    ],
)
def test_an_npz_file(make, arrays, save, floatX):
    arrays.update({name: make(arrays[name]) for name in NAMES if name.endswith("x")})
    path = save(arrays)
    for loaded in (load_data(path), load_data(path, batch_size=10, chunk_size=1)):
        assert (loaded.n_in, loaded.n_out) == (6, 3)
    for part, (x, y) in zip(("train", "valid", "test"), load_data(path)):
        expected = arrays[f"{part}_x"].reshape(-1, 6).astype(floatX)
        assert numpy.array_equal(x.get_value(), expected)
        assert numpy.array_equal(y.eval(), arrays[f"{part}_y"])


def test_bytes_in_an_npz_file_are_divided_by_256(arrays, save):
    pixels = {name: (arrays[name] * 255).astype("uint8") for name in NAMES if name.endswith("x")}
    path = save({**arrays, **pixels})
    assert numpy.array_equal(load_mnist(path)[0][0], pixels["train_x"] / 256)
    chunked = load_data(path, batch_size=10, chunk_size=4)[0]
    chunked.load_chunk(0)
    x, _ = chunked
    assert numpy.array_equal(x.get_value(), pixels["train_x"] / 256)


def wrong(arrays, **changes):
    return {name: value for name, value in {**arrays, **changes}.items() if value is not None}


WRONG_ARRAYS = {
    "valid_y, test_x missing; expected one array each of train_x": {
        "valid_y": None,
        "test_x": None,
    },
    "extra too many; expected one array each": {"extra": numpy.zeros(3)},
    "train_x: got an array of object, expected numbers; pickles are not read": {
        "train_x": numpy.array([object()])
    },
    "training set: x: got text, 'a', expected numbers": {"train_x": numpy.full((40, 6), "a")},
    "training set: got 40 examples and 39 labels": {"train_y": numpy.arange(39) % 3},
    "test set: y: got 0.5 in example 1, expected labels: integers": {
        "test_y": numpy.arange(10) / 2
    },
    "train_y: got an array of object, expected": {"train_y": numpy.array([object()] * 40)},
    "training set: y: got labels from -1 to 38, expected integers from 0 on": {
        "train_y": numpy.arange(40) - 1
    },
    "training set: y: got labels from 0 to 4, but no example of label 1": {
        "train_y": numpy.arange(40) % 3 * 2
    },
    "test set: y: got labels up to 9, expected at most 2": {"test_y": numpy.arange(10)},
    "training set: x: got nan in example 0": {"train_x": numpy.full((40, 6), numpy.nan)},
    "validation set: x: got inf in example 0": {"valid_x": numpy.full((10, 6), numpy.inf)},
    "test set: x: got 7 numbers a row, the training set has 6": {"test_x": numpy.zeros((10, 7))},
    "train_x: got an array of complex128, expected numbers": {
        "train_x": numpy.zeros((40, 6), complex)
    },
    "x: got a float64 array of shape (40,), expected one example a row": {
        "train_x": numpy.zeros(40)
    },
    "x: got a float64 array of shape (0, 6)": {
        "train_x": numpy.zeros((0, 6)),
        "train_y": numpy.zeros(0, int),
    },
}


@pytest.mark.parametrize("message", WRONG_ARRAYS)
def test_wrong_arrays_are_refused(message, arrays, save):
    path = save(wrong(arrays, **WRONG_ARRAYS[message]))
    with pytest.raises(DataError) as caught:
        load_mnist(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")


def member(header=None, values=b"", magic=b"\x93NUMPY\x01\x00"):
    if header is None:
        header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({len(values) // 4}, 1), }}"
    text = header.encode("latin1") + b"\n"
    return magic + len(text).to_bytes(2, "little") + text + values


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a plain array"),
        (b"\x93NUMPY\x02\x00", "not a plain array"),
        (member(magic=b"<html>\n\n"), "not a plain array"),
        (member("{'descr'"), "header is damaged"),
        (member("[" * 5000), "header is damaged"),
        (member("{}"), "header is damaged"),
        (
            member("{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 2)}"),
            "header is damaged, or",
        ),
        (member("{'descr': '<f4', 'fortran_order': False, 'shape': 3}"), "header is damaged, or"),
        (
            member("{'descr': [('a', 'f')], 'fortran_order': False, 'shape': (1,)}"),
            "is damaged, or",
        ),
        (
            member("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", pickle.dumps([1])),
            "pickles",
        ),
        (member("{'descr': 'what', 'fortran_order': False, 'shape': (1,)}"), "header is damaged"),
        (
            member(
                "{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999, 99999)}", b"1234"
            ),
            "got 4 bytes of values, expected 3,999,959,999,600,004",
        ),
        (member(values=b"12345"), "got 5 bytes of values, expected 4"),
    ],
)
@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("memory_map", [True, False])
def test_a_damaged_array_in_an_npz_file_is_refused(
    content, message, compression, memory_map, arrays, tmp_path
):
    path = tmp_path / "mine.npz"
    numpy.savez(path, **arrays)
    with zipfile.ZipFile(path) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    members["train_x.npy"] = content
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, raw in members.items():
            archive.writestr(name, raw)
    with pytest.raises(DataError, match=message):
        loading.open_dataset(path, memory_map)


def test_a_compressed_file_is_unpacked_no_further_than_it_may(arrays, tmp_path, monkeypatch):
    path = tmp_path / "bomb.npz"
    numpy.savez_compressed(path, **wrong(arrays, train_x=numpy.zeros((1000, 1000), "float32")))
    monkeypatch.setattr("dltutorials.io.npz._MAX_BYTES", 1 << 20)
    with pytest.raises(DataError, match="unpacks to 4,001,728 bytes, expected at most"):
        load_mnist(path)


def test_a_file_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "mine.npz"
    for content in (b"", b"hello", b"PK\x03\x04hello", gzip.compress(b"hello")):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"not a sound [.]npz file"):
            load_mnist(path)
    with pytest.raises(DataError, match="no data set found"):
        load_mnist(tmp_path / "missing.npz")


@pytest.mark.slow
@pytest.mark.parametrize("save", [numpy.savez, numpy.savez_compressed])
def test_damaged_bytes_give_a_set_or_an_error_of_ours(save, arrays, tmp_path):
    original = io.BytesIO()
    save(original, **arrays)
    path = tmp_path / "mine.npz"
    rng = random.Random(4)
    refused = 0
    for _ in range(500):
        path.write_bytes(damage(original.getvalue(), rng))
        try:
            loading.open_dataset(path, memory_map=rng.random() < 0.5)
        except DataError:
            refused += 1
    assert refused > 150
