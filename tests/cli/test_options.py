import gzip
import json
import os
import stat
from pathlib import Path

import numpy
import pytest

# What a training run reads and writes: no file is both, and only ordinary files are replaced.


def contents():
    """Return what all files below the working directory hold."""
    return {path: path.read_bytes() for path in Path().rglob("*") if path.is_file()}


@pytest.fixture
def idx(tmp_path):
    """Write a data set as a folder of IDX files."""
    folder = tmp_path / "idx"
    folder.mkdir()
    for part, n in (("train", 60), ("t10k", 20)):
        images = numpy.arange(n * 4, dtype="uint8").reshape(n, 2, 2)
        for name, values in (("images", images), ("labels", numpy.arange(n, dtype="uint8") % 3)):
            magic = 0x800 + values.ndim
            header = numpy.array([magic, *values.shape], ">i4").tobytes()
            path = folder / f"{part}-{name}-idx{values.ndim}-ubyte"
            path.write_bytes(header + values.tobytes())
    packed = folder / "t10k-images-idx3-ubyte"
    packed.with_suffix(".gz").write_bytes(gzip.compress(packed.read_bytes()))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--save", "--checkpoint", "--history"])
@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
def test_no_file_of_a_folder_of_data_is_written(main, idx, capsys, option, name):
    before = contents()
    arguments = ["--dataset", "idx", "--n-epochs", "1", "--batch-size", "5"]
    assert main(*arguments, option, f"idx/{name}") == 2
    [line] = capsys.readouterr().err.splitlines()
    assert f"got idx/{name}, which --dataset reads; choose another file" in line
    assert contents() == before
    assert main(*arguments, option, "idx/mine") == 0


@pytest.mark.parametrize("make_link", [os.link, os.symlink])
def test_no_link_to_the_data_is_written(main, make_link, capsys):
    make_link("tiny.pkl.gz", "link")
    before = contents()
    for option in ("--save", "--checkpoint", "--history"):
        assert main("--n-epochs", "1", option, "link") == 2
        assert "got link, which --dataset reads" in capsys.readouterr().err
    assert contents() == before


def test_a_data_set_in_the_folder_of_snapshots(main, tiny_file, capsys):
    Path("frames").mkdir()
    path = Path("frames/iteration-0000000011.pkl")
    path.write_bytes(gzip.decompress(tiny_file.read_bytes()))
    arguments = ["--dataset", str(path), "--n-epochs", "1"]
    before = contents()
    assert main(*arguments, "--snapshots", "frames") == 2
    assert f"snapshots: got {path}, which --dataset reads" in capsys.readouterr().err
    assert contents() == before


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--save", "--history"])
def test_the_state_that_is_resumed_is_written_by_checkpoint_only(main, option, capsys):
    assert main("--n-epochs", "1", "--checkpoint", "state") == 0
    before = contents()
    arguments = ["--n-epochs", "2", "--resume", "state", option, "state"]
    for others in ([], ["--checkpoint", "other"]):
        assert main(*arguments, *others) == 2
        assert "got state, which --" in capsys.readouterr().err.splitlines()[-1]
    assert contents() == before
    assert main("--n-epochs", "2", "--resume", "state", "--checkpoint", "state") == 0


@pytest.mark.parametrize("option", ["--save", "--checkpoint", "--history"])
def test_a_device_is_written_into(main, option, capsys):
    before = os.lstat("/dev/null")
    assert main("--n-epochs", "2", option, "/dev/null") == 0
    after = os.lstat("/dev/null")
    assert (before.st_ino, stat.S_ISCHR(after.st_mode)) == (after.st_ino, True)
    assert "warning" not in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--save", "--checkpoint", "--history"])
def test_a_pipe_is_refused_before_anything_is_read(main, option, capsys):
    os.mkfifo("pipe")
    assert main(option, "pipe") == 1
    [line] = capsys.readouterr().err.splitlines()
    assert "cannot write 'pipe': it is a named pipe; choose an ordinary file" in line
    assert stat.S_ISFIFO(os.lstat("pipe").st_mode)
    assert not Path("saved.pkl").exists()


def test_a_history_of_another_run_is_kept(main, capsys):
    assert main("--n-epochs", "2", "--history", "run.jsonl", "--checkpoint", "state") == 0
    before = contents()
    assert main("--n-epochs", "2", "--history", "run.jsonl", "--save", "new") == 1
    assert capsys.readouterr().err.splitlines()[-1] == (
        "train_logreg.py: error: run.jsonl holds the 2 records of another training run; remove it, "
        "choose another file, or continue that run with --resume"
    )
    assert contents() == before
    assert main("--n-epochs", "3", "--history", "run.jsonl", "--resume", "state") == 0
    lines = Path("run.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines[1:]] == [1, 2, 3]


def test_a_history_of_nothing_yet_may_be_begun_again(main):
    Path("run.jsonl").write_text('{"dltutorials history": 1}\n')
    assert main("--n-epochs", "1", "--history", "run.jsonl") == 0


def test_a_full_disk_is_named(main, capsys):
    assert main("--n-epochs", "1", "--save", "/dev/full") == 1
    err = capsys.readouterr().err.splitlines()
    assert "warning: /dev/full could not be written: No space left on device" in err
    assert err[-1] == "train_logreg.py: error: the best parameters are not in /dev/full"
