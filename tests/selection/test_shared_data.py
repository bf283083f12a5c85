import dltutorials
from dltutorials.datasets import open_dataset
from dltutorials.datasets.memory_map import mapped_file
from dltutorials.datasets.npz import NAMES, write_npz
from dltutorials.exceptions import DataError
from dltutorials.selection.shared_data import share_data

import numpy
import pytest


def values_of(datasets):
    return [pair[0].get_value(borrow=True) for pair in datasets]


def test_shared_variables_are_views_of_the_file(tiny_file, tmp_path, floatX):
    shared = share_data(tiny_file, floatX, tmp_path)
    mapped = values_of(dltutorials.load_data(shared.path, memory_map=True))
    for there, here in zip(mapped, values_of(dltutorials.load_data(tiny_file))):
        assert mapped_file(there) is not None
        assert there.__array_interface__["data"][0] % 64 == 0
        assert there.dtype == here.dtype == floatX
        assert there.tobytes() == here.tobytes()
        assert mapped_file(here) is None


def test_the_file_is_written_once_and_again_when_it_is_damaged(tiny_file, tmp_path):
    shared = share_data(tiny_file, "float32", tmp_path)
    path = tmp_path / f"data-{shared.digest[:16]}.npz"
    written, content = path.stat().st_mtime_ns, path.read_bytes()
    assert share_data(tiny_file, "float32", tmp_path) == shared
    assert path.stat().st_mtime_ns == written
    for damaged in (content[:5000] + b"?" + content[5001:], content[:-10], b""):
        path.write_bytes(damaged)
        assert share_data(tiny_file, "float32", tmp_path) == shared
        assert path.read_bytes() == content


def test_each_type_of_numbers_has_its_file(tiny_file, tmp_path):
    paths = {share_data(tiny_file, floatX, tmp_path).path for floatX in ("float32", "float64")}
    assert len(paths) == 2


def test_it_is_an_npz_file_like_others(tiny_sets, tmp_path):
    write_npz(tmp_path / "sets.npz", tiny_sets, "float32")
    arrays = [array for pair in tiny_sets for array in pair]
    with numpy.load(tmp_path / "sets.npz") as file:
        for name, array in zip(NAMES, arrays):
            assert file[name].dtype == array.dtype
            assert (file[name] == array).all()


def savez(path, sets, **changes):
    arrays = dict(zip(NAMES, (array for pair in sets for array in pair)))
    numpy.savez(path, **{**arrays, **changes})
    return path


def test_what_lies_badly_in_its_file_is_copied(tiny_sets, tiny_file, tmp_path):
    path = savez(tmp_path / "mine.npz", tiny_sets)
    plain = values_of(dltutorials.load_data(tiny_file))
    mapped = values_of(dltutorials.load_data(path, memory_map=True))
    assert not open_dataset(path, memory_map=True).sets[0][0].flags.aligned
    assert all(value.flags.aligned for value in mapped)
    assert [value.tobytes() for value in mapped] == [value.tobytes() for value in plain]
    assert share_data(path, "float32", tmp_path).path != str(path)


def test_bytes_on_a_memory_map_serve_for_chunks(tiny_sets, tmp_path):
    pixels = {f"{part}_x": (x * 256).astype("uint8") for part, (x, _) in zip(["train"], tiny_sets)}
    path = savez(tmp_path / "mine.npz", tiny_sets, **pixels)
    in_chunks = share_data(path, "float32", tmp_path, in_chunks=True)
    assert in_chunks.path == str(path)
    whole = share_data(path, "float32", tmp_path)
    assert whole.path != str(path)
    assert whole.digest == in_chunks.digest


def test_what_is_no_number_is_noticed_on_a_memory_map_too(tiny_sets, tmp_path):
    x = tiny_sets[1][0].copy()
    x[3, 3] = numpy.nan
    path = savez(tmp_path / "mine.npz", tiny_sets, valid_x=x)
    with pytest.raises(DataError, match="expected finite numbers"):
        dltutorials.load_data(path, memory_map=True)
    with pytest.raises(DataError, match="expected finite numbers"):
        share_data(path, "float32", tmp_path)
