import os

from dltutorials.exceptions import DataError
from dltutorials.training.parameters import read_params, save_params
from dltutorials.training.snapshots import find_snapshots, prepare_snapshot_folder, save_snapshot

import numpy
import pytest


def test_snapshots_are_found_in_their_order_and_nothing_else(tmp_path):
    for iteration in (1000, 82, 9_999_999_999):
        save_snapshot([numpy.full(2, iteration, "float64")], tmp_path, iteration)
    (tmp_path / "iteration-82.pkl").write_text("another name")
    found = find_snapshots(tmp_path)
    assert [iteration for iteration, _ in found] == [82, 1000, 9_999_999_999]
    assert [read_params(path)[0][0] for _, path in found] == [82, 1000, 9_999_999_999]


def test_snapshots_of_phases_have_their_names(tmp_path):
    first = save_snapshot([numpy.ones(2)], tmp_path, 82, "layer 1/tied")
    second = save_snapshot([numpy.ones(2)], tmp_path, 165, "fine-tuning")
    assert (first.name, second.name) == (
        "iteration-0000000082-layer-1-tied.pkl",
        "iteration-0000000165-fine-tuning.pkl",
    )
    assert find_snapshots(tmp_path) == [(82, first), (165, second)]


def test_a_folder_without_any_is_said(tmp_path):
    with pytest.raises(DataError, match="no snapshot in it"):
        find_snapshots(tmp_path)
    with pytest.raises(DataError, match="cannot be read: No such file"):
        find_snapshots(tmp_path / "none")


def test_a_folder_is_made_and_only_a_resumed_training_finds_snapshots_in_it(tmp_path):
    folder = tmp_path / "new" / "frames"
    prepare_snapshot_folder(folder)
    assert os.listdir(folder) == []
    save_snapshot([numpy.ones(1)], folder, 5)
    with pytest.raises(DataError, match="holds 1 snapshots of another training"):
        prepare_snapshot_folder(folder)
    prepare_snapshot_folder(folder, is_resumed=True)


def test_a_file_in_the_place_of_the_folder_is_said(tmp_path):
    (tmp_path / "frames").write_text("mine")
    with pytest.raises(DataError, match=r"cannot make .*frames"):
        prepare_snapshot_folder(tmp_path / "frames")


def test_parameters_of_any_number_and_shape_are_read(tmp_path):
    path = tmp_path / "params.pkl"
    values = [numpy.ones((3, 2), "float32"), numpy.zeros(2), numpy.array(1.5)]
    save_params(values, path)
    for value, expected in zip(read_params(path), values):
        assert value.dtype == expected.dtype
        assert numpy.array_equal(value, expected)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "params.pkl: empty"),
        (b"not a pickle", "params.pkl: not a pickle of arrays, but text"),
        (b"\x80\x05K\x01.", "parameter 1 is not an array of floats"),
        (b"\x80\x05cos\nsystem\n.", "names os.system"),
    ],
)
def test_other_files_are_no_parameters(tmp_path, content, message):
    path = tmp_path / "params.pkl"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_params(path)
