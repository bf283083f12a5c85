"""Data sets as IDX folders and .npz files: what is read, and what is refused."""

import gzip
import io
import pickle
import random
import struct
import zipfile

from dltutorials import DataError, load_data, load_mnist
from dltutorials.datasets import loading
from dltutorials.datasets.npz import NAMES

import numpy
import pytest


def idx(array, magic=None, shape=None):
    shape = array.shape if shape is None else shape
    magic = 0x800 + array.ndim if magic is None else magic
    return struct.pack(f">{1 + len(shape)}I", magic, *shape) + array.tobytes()


@pytest.fixture
def images():
    """Return images and labels of 60 training and 12 test examples of 5 x 3 pixels."""
    rng = numpy.random.RandomState(8)
    return {
        f"{part}-{kind}": values
        for part, n in (("train", 60), ("t10k", 12))
        for kind, values in (
            ("images-idx3-ubyte", rng.randint(0, 256, (n, 5, 3)).astype("uint8")),
            ("labels-idx1-ubyte", (numpy.arange(n) % 4).astype("uint8")),
        )
    }


@pytest.fixture(params=["plain", "gzip"])
def folder(request, images, tmp_path):
    for name, values in images.items():
        if request.param == "gzip":
            (tmp_path / f"{name}.gz").write_bytes(gzip.compress(idx(values), 1))
        else:
            (tmp_path / name).write_bytes(idx(values))
    return tmp_path


def test_a_folder_of_idx_files(folder, images, floatX):
    x, y = images["train-images-idx3-ubyte"], images["train-labels-idx1-ubyte"]
    x = x.reshape(60, 15) / 256
    sets = load_mnist(folder)
    for (got_x, got_y), rows in zip(sets, (slice(0, 50), slice(50, 60))):
        assert got_x.dtype == "float32"
        assert numpy.array_equal(got_x, x[rows])
        assert numpy.array_equal(got_y, y[rows])
    assert numpy.array_equal(sets[2][0], images["t10k-images-idx3-ubyte"].reshape(12, 15) / 256)
    loaded = load_data(folder)
    assert (loaded.n_in, loaded.n_out) == (15, 4)
    assert loaded[0][0].dtype == floatX
    assert numpy.array_equal(loaded[0][0].get_value(), x[:50])


def test_names_with_a_dot_are_known_too(images, tmp_path):
    for name, values in images.items():
        (tmp_path / name.replace("-idx", ".idx")).write_bytes(idx(values))
    assert load_mnist(tmp_path)[1][0].shape == (10, 15)


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("train-images-idx3-ubyte", lambda raw: b"\0\0\x08\x01" + raw[4:], "0x00000801, expected"),
        ("t10k-labels-idx1-ubyte", lambda raw: b"<htm" + raw[4:], "magic number 0x3c68746d"),
        ("t10k-labels-idx1-ubyte", lambda raw: raw[:-1], "got 11 bytes of values, expected 12"),
        ("train-labels-idx1-ubyte", lambda raw: raw + b"\0", "got more than 60 bytes of values"),
        ("train-images-idx3-ubyte", lambda raw: raw[:9], "the file ends early"),
        ("train-images-idx3-ubyte", lambda raw: b"", "the file ends early"),
        (
            "train-images-idx3-ubyte",
            lambda raw: raw[:4] + b"\xff" * 12 + raw[16:],
            "bytes of values, expected 79,228,162,458,924,105,385,300,197,375|announces 79,228,",
        ),
        (
            "train-images-idx3-ubyte",
            lambda raw: raw[:4] + b"\0" * 4 + raw[8:],
            "at least 1 of each",
        ),
        (
            "train-labels-idx1-ubyte",
            lambda raw: raw[:4] + struct.pack(">I", 59) + raw[8:-1],
            "training set: got 50 images and 49 labels|validation set: got 10 images and 9 labels",
        ),
    ],
)
def test_a_damaged_idx_file_is_refused(folder, name, damage, message):
    path = folder / name
    if path.exists():
        path.write_bytes(damage(path.read_bytes()))
    else:
        path = folder / f"{name}.gz"
        path.write_bytes(gzip.compress(damage(gzip.decompress(path.read_bytes()))))
    with pytest.raises(DataError, match=message) as caught:
        load_mnist(folder)
    assert str(caught.value).startswith(f"{folder}: ")


def test_a_packed_idx_file_is_unpacked_no_further_than_it_may(folder, monkeypatch):
    monkeypatch.setattr("dltutorials.datasets.idx._MAX_BYTES", 100)
    if (folder / "train-images-idx3-ubyte").exists():
        assert load_mnist(folder)[0][0].shape == (50, 15)  # mapped, not unpacked
    else:
        with pytest.raises(DataError, match="announces 900 bytes, expected at most 100; unpack"):
            load_mnist(folder)


def test_a_missing_or_broken_file_of_the_folder_is_named(folder):
    for path in folder.glob("t10k-labels*"):
        if path.suffix == ".gz":
            path.write_bytes(path.read_bytes()[:-6])
            with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte.gz: the file ends early"):
                load_mnist(folder)
            path.write_bytes(b"plain")
            with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte.gz: not a sound gzip"):
                load_mnist(folder)
        path.unlink()
    with pytest.raises(DataError, match="t10k-labels-idx1-ubyte is not there, plain or with"):
        load_mnist(folder)


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
    "train_x: got an array of <U1": {"train_x": numpy.array(["a"])},
    "training set: got 40 images and 39 labels": {"train_y": numpy.arange(39) % 3},
    "test set: y: got a float64 array of shape (10,), expected an integer": {
        "test_y": numpy.arange(10.0)
    },
    "training set: y: got labels from -1 to 38, expected integers from 0 on": {
        "train_y": numpy.arange(40) - 1
    },
    "training set: y: got labels from 0 to 4, but no example of label 1": {
        "train_y": numpy.arange(40) % 3 * 2
    },
    "test set: y: got labels up to 9, expected at most 2": {"test_y": numpy.arange(10)},
    "training set: x: got values from nan to nan": {"train_x": numpy.full((40, 6), numpy.nan)},
    "valid": {"valid_x": numpy.full((10, 6), numpy.inf)},
    "test set: x: got 7 numbers a row, the training set has 6": {"test_x": numpy.zeros((10, 7))},
    "x: got a int64 array of shape (40, 6), expected floats, or bytes": {
        "train_x": numpy.zeros((40, 6), int)
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
        (member("{'descr': '<f4', 'fortran_order': 0, 'shape': (-1, 2)}"), "header is damaged, or"),
        (member("{'descr': '<f4', 'fortran_order': 0, 'shape': 3}"), "header is damaged, or"),
        (member("{'descr': [('a', '<f4')], 'fortran_order': 0, 'shape': (1,)}"), "is damaged, or"),
        (
            member("{'descr': '|O', 'fortran_order': 0, 'shape': (1,)}", pickle.dumps([1])),
            "pickles",
        ),
        (member("{'descr': 'what', 'fortran_order': 0, 'shape': (1,)}"), "header is damaged"),
        (
            member("{'descr': '<f4', 'fortran_order': 0, 'shape': (9999999999, 99999)}", b"1234"),
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
    with pytest.raises(DataError, match="train_x: unpacks to 4,000,000 bytes, expected at most"):
        load_mnist(path)


def test_a_file_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "mine.npz"
    for content in (b"", b"hello", b"PK\x03\x04hello", gzip.compress(b"hello")):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"not a sound [.]npz file"):
            load_mnist(path)
    with pytest.raises(DataError, match="no data set found"):
        load_mnist(tmp_path / "missing.npz")


def test_damaged_bytes_give_a_set_or_an_error_of_ours(arrays, images, tmp_path):
    packed = io.BytesIO()
    numpy.savez_compressed(packed, **arrays)
    plain = io.BytesIO()
    numpy.savez(plain, **arrays)
    for name, values in images.items():
        (tmp_path / name).write_bytes(idx(values))
    rng = random.Random(4)
    originals = [("mine.npz", packed.getvalue()), ("mine.npz", plain.getvalue())]
    originals += [(name, idx(values)) for name, values in images.items()]
    refused = 0
    for _ in range(1500):
        name, original = rng.choice(originals)
        damaged = bytearray(original)
        for _ in range(rng.choice([1, 1, 4])):
            damaged[rng.randrange(min(len(damaged), 2000))] = rng.randrange(256)
        if rng.random() < 0.3:
            del damaged[rng.randrange(len(damaged)) :]
        (tmp_path / name).write_bytes(damaged)
        try:
            loading.open_dataset(
                tmp_path / name if name == "mine.npz" else tmp_path, rng.random() < 0.5
            )
        except DataError:
            refused += 1
        (tmp_path / name).write_bytes(original)
    assert refused > 500
