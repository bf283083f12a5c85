import os

from dltutorials.exceptions import OptionError
from dltutorials.io.in_use import FilesInUse

import pytest


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Return files of which one is read."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").write_bytes(b"data")
    files = FilesInUse()
    files.read("--dataset", "data")
    return files


def hard_link():
    os.link("data", "other")
    return "other"


def link():
    os.symlink("data", "other")
    return "other"


def through_a_folder():
    os.symlink(".", "folder")
    return "folder/data"


@pytest.mark.parametrize(
    "name", [lambda: "data", lambda: "./data", hard_link, link, through_a_folder]
)
def test_what_is_read_is_not_written_by_any_name(files, name):
    path = name()
    message = f"save: got {path}, which --dataset reads; choose another file"
    with pytest.raises(OptionError, match=message):
        files.write("--save", path)


def test_no_two_options_write_the_same_file_there_or_not(files):
    files.write("--save", "new")
    files.write("--save", "new")
    with pytest.raises(OptionError, match=r"history: got \./new, which --save names too"):
        files.write("--history", "./new")
    os.symlink("new", "link")
    with pytest.raises(OptionError, match="history: got link, which --save names too"):
        files.write("--history", "link")


def test_only_a_named_exception_may_be_both(files):
    files.read("--resume", "state")
    files.write("--checkpoint", "state", may_be="--resume")
    with pytest.raises(OptionError, match="save: got state, which --resume reads"):
        files.write("--save", "state")
    with pytest.raises(OptionError, match="checkpoint: got data, which --dataset reads"):
        files.write("--checkpoint", "data", may_be="--resume")


def test_devices_are_nobodys(files):
    files.read("--dataset", "/dev/null")
    files.write("--save", "/dev/null")
    files.write("--history", "/dev/null")
