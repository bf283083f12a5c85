"""Data sets as a folder of IDX files: what is read, and what is refused."""

import gzip
import random
import struct

from dltutorials import DataError, load_data, load_mnist
from dltutorials.datasets import idx, loading

import numpy
import pytest
from helpers import damage


def pack(array, magic=None, shape=None):
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
            (tmp_path / f"{name}.gz").write_bytes(gzip.compress(pack(values), 1))
        else:
            (tmp_path / name).write_bytes(pack(values))
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
        (tmp_path / name.replace("-idx", ".idx")).write_bytes(pack(values))
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
            "set: got 50 examples and 49 labels|set: got 10 examples and 9 labels",
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
    monkeypatch.setattr(idx, "MAX_BYTES", 100)
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


@pytest.mark.slow
def test_damaged_bytes_give_a_set_or_an_error_of_ours(images, tmp_path):
    originals = {name: pack(values) for name, values in images.items()}
    for name, original in originals.items():
        (tmp_path / name).write_bytes(original)
    rng = random.Random(4)
    refused = 0
    for _ in range(1000):
        name = rng.choice(list(originals))
        (tmp_path / name).write_bytes(damage(originals[name], rng))
        try:
            loading.open_dataset(tmp_path, memory_map=rng.random() < 0.5)
        except DataError:
            refused += 1
        (tmp_path / name).write_bytes(originals[name])
    assert refused > 300
