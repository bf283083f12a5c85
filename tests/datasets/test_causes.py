"""A file that is no data set is named as what it is, with the line that makes one of it."""

import bz2
import gzip
import pickle
import shutil

from dltutorials import DataError, load_data, load_mnist
from dltutorials.datasets import loading

import numpy
import pytest
from helpers import save_npz


@pytest.fixture
def xy():
    rng = numpy.random.RandomState(0)
    return rng.rand(60, 4), numpy.arange(60) % 3


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("own.csv", b"label,a,b\n1,0.5,0.5\n", r'is text, .*loadtxt\("own.csv".*savez\("own.npz"'),
        ("own.csv.gz", gzip.compress(b"label,a,b\n1,0.5,0.5\n"), "is text, expected"),
        ("own.json", b'{"x": [1]}', "is JSON text, expected an .npz file"),
        ("own.h5", b"\x89HDF\r\n\x1a\n" + bytes(64), r'is an HDF5 file.*h5py.File\("own.h5"\)'),
        (
            "own.png",
            b"\x89PNG\r\n\x1a\n" + bytes(64),
            "is a PNG image.*a folder of images for each",
        ),
        ("train-images-idx3-ubyte", b"\0\0\x08\x03" + bytes(64), "IDX file.*give the folder"),
        ("own.bz2", bz2.compress(b"x" * 99), "is compressed with bzip2, expected"),
        ("mnist.pkl.gz", b"<html>Not found</html>", "is text, expected|not a sound gzip file"),
    ],
)
def test_other_files(name, content, message, tmp_path):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        load_data(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_npy_file(xy, tmp_path):
    numpy.save(tmp_path / "own.npy", xy[0])
    with pytest.raises(DataError, match=r'is a .npy file.*numpy.savez\("own.npz", x=numpy.load'):
        load_data(tmp_path / "own.npy")


def test_a_plain_pickle_is_read(xy, tmp_path):
    for name in ("own.pkl", "mnist.pkl.gz"):  # as browsers unpack it
        (tmp_path / name).write_bytes(pickle.dumps([xy] * 3))
        assert numpy.array_equal(load_mnist(tmp_path / name)[1][0], xy[0])


def test_lists_in_a_pickle(xy, tmp_path):
    path = tmp_path / "own.pkl"
    path.write_bytes(pickle.dumps([(xy[0].tolist(), xy[1].tolist())] * 3))
    assert numpy.array_equal(load_mnist(path)[1][0], xy[0])
    path.write_bytes(pickle.dumps([(numpy.zeros((9000, 9)).tolist(), [0] * 9000)] * 3))
    with pytest.raises(DataError, match=r"as lists of numbers do; .*numpy.asarray"):
        load_mnist(path)


def test_standardized_numbers_in_a_pickle_are_as_good_as_elsewhere(xy, tmp_path):
    x = (xy[0] - xy[0].mean()) / xy[0].std()
    (tmp_path / "own.pkl").write_bytes(pickle.dumps([(x, xy[1])] * 3))
    save_npz(tmp_path / "own.npz", [(x, xy[1])] * 3)
    for name in ("own.pkl", "own.npz"):
        assert numpy.array_equal(load_mnist(tmp_path / name)[0][0], x)


@pytest.mark.parametrize(
    ("names", "sizes"),
    [("x y", (40, 10, 10)), ("train_x train_y test_x test_y", (50, 10, 60)), ("x", (40, 10, 10))],
)
def test_an_npz_file_with_less_than_three_sets_is_split(names, sizes, xy, tmp_path):
    path = tmp_path / "own.npz"
    numpy.savez(path, **{name: xy["xy".index(name[-1])] for name in names.split()})
    sets = load_data(path)
    assert tuple(data.n_examples for data in sets) == sizes
    assert sets.n_out == (3 if "y" in names else None)


def test_a_missing_file_of_your_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        DataError, match=r"no data set found; tried mine.npz, .*give the path"
    ) as own:
        load_data("mine.npz")
    assert "mnist.pkl.gz" not in str(own.value)
    with pytest.raises(
        DataError, match=f"tried data/mine.npz; the working directory is {tmp_path}"
    ):
        load_data("data/mine.npz")


def test_a_folder_deeper_and_one_of_other_things(tmp_path, xy):
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    (raw / "train-images-idx3-ubyte").write_bytes(b"")
    with pytest.raises(
        DataError, match=f"holds no data set itself, but {raw} does: give that path"
    ):
        load_data(tmp_path / "MNIST")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "todo.txt").touch()
    with pytest.raises(
        DataError, match=r"is not there; the folder holds todo.txt, expected the four"
    ):
        load_data(tmp_path / "notes")


@pytest.mark.parametrize("n", [1, 5])
def test_idx_folders_with_too_few_images_to_split(n, tmp_path):
    for part in ("train", "t10k"):
        for kind, shape in (("images-idx3", (n, 2, 2)), ("labels-idx1", (n,))):
            header = numpy.array([0x800 + len(shape), *shape], ">i4").tobytes()
            (tmp_path / f"{part}-{kind}-ubyte").write_bytes(header + bytes(int(numpy.prod(shape))))
    with pytest.raises(DataError, match=f"got {n} training images, expected at least 6"):
        load_data(tmp_path)


def test_a_default_name_in_the_working_directory_must_hold_mnist(xy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with gzip.open("mnist.pkl.gz", "wb") as file:
        pickle.dump([xy] * 3, file)
    for name in ("mnist.pkl.gz", loading.FILE_NAME):
        with pytest.raises(DataError, match=r"expected the 50000 of MNIST; .* \./mnist.pkl.gz"):
            load_data(name)
    assert load_data("./mnist.pkl.gz").n_in == 4  # your own data are your own
    shutil.copy(loading.find_dataset("mnist"), "mnist.pkl.gz")
    assert load_mnist("mnist.pkl.gz")[0][0].shape == (50_000, 784)


class TestImageFolders:
    @pytest.fixture
    def write(self, tmp_path):
        image = pytest.importorskip("PIL.Image")

        def write(*parts, n=6, size=(3, 2), mode="L"):
            folder = tmp_path.joinpath("pets", *parts)
            folder.mkdir(parents=True, exist_ok=True)
            for number in range(n):
                grey = 10 * (number + len(parts[-1])) + 100
                image.new(mode, size, grey if mode == "L" else (grey,) * 3).save(
                    folder / f"{number}.png"
                )
            return tmp_path / "pets"

        return write

    def test_the_names_of_the_folders_are_those_of_the_classes(self, write):
        write("cat")
        path = write("bird", mode="RGB")
        sets = load_data(path)
        assert (sets.n_in, sets.n_out, sets.class_names) == (6, 2, ("bird", "cat"))
        assert [data.n_examples for data in sets] == [8, 2, 2]
        x, y = (numpy.concatenate(columns) for columns in zip(*(data.rows for data in sets)))
        assert sorted(x[y == 1][:, 0] * 256) == [130, 140, 150, 160, 170, 180]

    def test_parts(self, write):
        for part, n in (("train", 6), ("val", 2), ("test", 3)):
            write(part, "cat", n=n)
            path = write(part, "dog", n=n)
        assert [data.n_examples for data in load_data(path)] == [12, 4, 6]

    def test_what_cannot_be_used_is_named(self, write):
        path = write("cat")
        write("dog", size=(5, 5))
        with pytest.raises(DataError, match=r"dog/0.png: got 5 x 5 pixels, expected the 3 x 2"):
            load_data(path)
        (path / "cat" / "0.png").write_bytes(b"no image")
        with pytest.raises(
            DataError, match=r"cat/0.png: not an image in a supported format, .*; leave it out"
        ):
            load_data(path)
