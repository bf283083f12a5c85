from pathlib import Path

import dltutorials
from dltutorials.datasets import open_dataset
from dltutorials.datasets.memory_map import mapped_file
from dltutorials.datasets.npz import NAMES
from dltutorials.exceptions import DataError
from dltutorials.selection.shared_data import share_data

import numpy
import pytest
from helpers import numpys_memory, save_npz


def values_of(datasets):
    return [pair[0].get_value(borrow=True) for pair in datasets]


@numpys_memory
def test_shared_variables_are_views_of_the_file(tiny_file, tmp_path, floatX):
    shared = share_data(tiny_file, floatX, tmp_path)
    mapped = values_of(dltutorials.load_data(shared.path, memory_map=True))
    for there, here in zip(mapped, values_of(dltutorials.load_data(tiny_file))):
        assert mapped_file(there) is not None
        assert there.__array_interface__["data"][0] % 64 == 0
        assert there.dtype == here.dtype == floatX
        assert there.tobytes() == here.tobytes()
        assert mapped_file(here) is None


def test_the_folder_is_written_once_and_again_when_it_is_damaged(tiny_file, tmp_path):
    shared = share_data(tiny_file, "float32", tmp_path)
    file = tmp_path / f"data-{shared.digest[:16]}" / "train_x.npy"
    written, content = file.stat().st_mtime_ns, file.read_bytes()
    assert share_data(tiny_file, "float32", tmp_path) == shared
    assert file.stat().st_mtime_ns == written
    for damaged in (content[:5000] + b"?" + content[5001:], content[:-10], b""):
        file.write_bytes(damaged)
        assert share_data(tiny_file, "float32", tmp_path) == shared
        assert file.read_bytes() == content
    file.unlink()
    assert share_data(tiny_file, "float32", tmp_path) == shared
    assert file.read_bytes() == content


def test_each_type_of_numbers_has_its_file(tiny_file, tmp_path):
    paths = {share_data(tiny_file, floatX, tmp_path).path for floatX in ("float32", "float64")}
    assert len(paths) == 2


def test_it_is_a_folder_of_plain_arrays(tiny_sets, tiny_file, tmp_path):
    shared = share_data(tiny_file, "float32", tmp_path)
    arrays = [array for pair in tiny_sets for array in pair]
    for name, array in zip(NAMES, arrays):
        written = numpy.load(Path(shared.path, f"{name}.npy"))
        assert written.dtype == array.dtype
        assert (written == array).all()


def test_names_of_classes_are_shared_too(tiny_sets, tmp_path):
    names = numpy.array([f"digit {n}" for n in range(10)])
    sets = [(x, names[y]) for x, y in tiny_sets]
    save_npz(tmp_path / "named.npz", sets)
    shared = share_data(tmp_path / "named.npz", "float32", tmp_path)
    loaded = dltutorials.load_data(shared.path, memory_map=True)
    assert loaded.class_names == tuple(names)
    assert numpy.array_equal(loaded.train[1].eval(), tiny_sets[0][1])


def test_what_lies_badly_in_its_file_is_copied(tiny_sets, tiny_file, tmp_path):
    path = save_npz(tmp_path / "mine.npz", tiny_sets)
    plain = values_of(dltutorials.load_data(tiny_file))
    mapped = values_of(dltutorials.load_data(path, memory_map=True))
    assert not open_dataset(path, memory_map=True).sets[0][0].flags.aligned
    assert all(value.flags.aligned for value in mapped)
    assert [value.tobytes() for value in mapped] == [value.tobytes() for value in plain]
    assert share_data(path, "float32", tmp_path).path != str(path)


def test_bytes_on_a_memory_map_serve_for_chunks(tiny_sets, tmp_path):
    pixels = [((x * 256).astype("uint8"), y) for x, y in tiny_sets]
    path = save_npz(tmp_path / "mine.npz", pixels)
    in_chunks = share_data(path, "float32", tmp_path, in_chunks=True)
    assert in_chunks.path == str(path)
    whole = share_data(path, "float32", tmp_path)
    assert whole.path != str(path)
    assert whole.digest == in_chunks.digest


def test_what_is_no_number_is_noticed_on_a_memory_map_too(tiny_sets, tmp_path):
    x = tiny_sets[1][0].copy()
    x[3, 3] = numpy.nan
    path = save_npz(tmp_path / "mine.npz", tiny_sets, valid_x=x)
    with pytest.raises(DataError, match="expected finite numbers"):
        dltutorials.load_data(path, memory_map=True)
    with pytest.raises(DataError, match="expected finite numbers"):
        share_data(path, "float32", tmp_path)
