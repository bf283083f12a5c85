import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import dltutorials
from dltutorials import backend
from dltutorials.cli import outputs
from dltutorials.exceptions import DataError
from dltutorials.io.locks import OutputLocks
from dltutorials.training.history import read_history
from dltutorials.training.parameters import read_params
from dltutorials.training.snapshots import NOTE, find_snapshots
from dltutorials.training.state import TrainingState

import pytest
from helpers import SCRIPTS, without_seconds


def test_the_history_tells_what_is_printed_and_what_was_trained(main, capsys):
    assert main("--n-epochs", "4", "--history", "run.jsonl") == 0
    header, records = read_history("run.jsonl")
    printed = [line for line in capsys.readouterr().out.splitlines() if line.startswith("epoch")]
    assert printed == [
        f"epoch {record['epoch']}, minibatch {record['minibatch']}/6, "
        f"validation error {record['validation_loss'] * 100:f} %"
        for record in records
    ]
    assert (header["program"], header["seed"], header["n_train_batches"]) == (
        "train_logreg",
        None,
        6,
    )
    assert header["options"]["learning_rate"] == 0.13
    assert header["model"] == {"shapes": [[784, 10], [10]]}
    assert (header["floatX"], header["device"]) == ("float32", "cpu")
    assert header["versions"] == {
        "dltutorials": dltutorials.__version__,
        **backend.versions(),
        "Python": platform.python_version(),
    }
    assert len(header["data"]) == 64


@pytest.mark.slow
def test_the_history_of_a_resumed_training_is_that_of_one_left_alone(main, capsys):
    assert main("--n-epochs", "5", "--history", "whole.jsonl") == 0
    assert main("--n-epochs", "3", "--history", "run.jsonl", "--checkpoint", "state") == 0
    assert main("--n-epochs", "5", "--history", "run.jsonl", "--resume", "state") == 0
    whole, resumed = read_history("whole.jsonl"), read_history("run.jsonl")
    assert without_seconds(resumed.records) == without_seconds(whole.records)
    assert resumed.header["data"] == whole.header["data"]
    seconds = [record["seconds"] for record in resumed.records]
    assert seconds == sorted(seconds)


def test_the_history_of_another_run_is_refused_when_one_is_resumed(main, capsys):
    assert main("--n-epochs", "2", "--history", "own.jsonl", "--checkpoint", "state") == 0
    assert main("--n-epochs", "3", "--learning-rate", "0.5", "--history", "other.jsonl") == 0
    before = Path("other.jsonl").read_bytes()
    assert main("--n-epochs", "3", "--resume", "state", "--history", "other.jsonl") == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert "other.jsonl holds the 3 records of another training run than the one that is" in error
    assert Path("other.jsonl").read_bytes() == before
    assert main("--n-epochs", "3", "--resume", "state", "--history", "own.jsonl") == 0
    assert main("--n-epochs", "4", "--resume", "state", "--history", "new.jsonl") == 0
    assert len(read_history("own.jsonl").records) == 3
    assert len(read_history("new.jsonl").records) == 4


def test_snapshots_are_the_parameters_on_the_way(main, capsys):
    assert main("--n-epochs", "6", "--snapshots", "frames", "--snapshot-every", "2") == 0
    found = find_snapshots("frames")
    assert [iteration for iteration, _ in found] == [11, 23, 35]
    assert main("--n-epochs", "4", "--checkpoint", "state") == 0
    state = dltutorials.training.checkpoint.load_state("state").state
    for value, expected in zip(read_params(found[1][1]), state.params):
        assert value.tobytes() == expected.tobytes()


def test_a_resumed_training_goes_on_with_its_snapshots(main, capsys):
    arguments = ["--snapshots", "frames", "--checkpoint", "state"]
    assert main("--n-epochs", "2", *arguments) == 0
    assert main("--n-epochs", "3", "--snapshots", "frames", "--resume", "state") == 0
    assert [iteration for iteration, _ in find_snapshots("frames")] == [5, 11, 17]
    assert main("--n-epochs", "3", *arguments) == 1
    assert "frames holds 3 snapshots of another training" in capsys.readouterr().err


def test_snapshots_of_another_training_are_refused_with_resume_too(main, capsys):
    assert main("--n-epochs", "1", "--snapshots", "other", "--learning-rate", "0.5") == 0
    assert main("--n-epochs", "1", "--checkpoint", "state") == 0
    before = {path.name: path.read_bytes() for path in Path("other").iterdir()}
    again = ["--n-epochs", "2", "--resume", "state", "--snapshots", "other"]
    for note in None, b"", b"[" * 10**5, b"{}":
        if note is not None:
            Path("other", NOTE).write_bytes(note)
            before[NOTE] = note
        assert main(*again) == 1
        error = capsys.readouterr().err.splitlines()[-1]
        assert "other holds 1 snapshots of another training run than the one that is" in error
        assert {path.name: path.read_bytes() for path in Path("other").iterdir()} == before


def test_a_run_killed_before_its_first_checkpoint_goes_on(main, capsys, monkeypatch):
    files = ["--snapshots", "frames", "--history", "run.jsonl"]
    with monkeypatch.context() as patch:
        patch.setattr("dltutorials.training.trainer.Loop.checkpoint", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            main("--n-epochs", "2", "--checkpoint", "state", *files)
    assert len(find_snapshots("frames")) == len(read_history("run.jsonl").records) == 1
    assert dltutorials.training.checkpoint.load_state("state").state.history == []
    assert main("--n-epochs", "3", "--resume", "state", *files) == 0
    assert len(read_history("run.jsonl").records) == len(find_snapshots("frames")) == 3
    resumed = Path("saved.pkl").read_bytes()
    assert main("--n-epochs", "3") == 0
    assert Path("saved.pkl").read_bytes() == resumed


def test_a_new_run_replaces_an_earlier_state_only_by_one_with_a_record(main, monkeypatch):
    assert main("--n-epochs", "1", "--checkpoint", "state") == 0
    before = Path("state").read_bytes()
    monkeypatch.setattr("dltutorials.training.trainer.Loop.validate", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main("--n-epochs", "1", "--checkpoint", "state", "--learning-rate", "0.5")
    assert Path("state").read_bytes() == before


@pytest.mark.parametrize("name", ["HistoryWriter.update", "save_snapshot"])
def test_a_full_disk_is_reported_and_the_training_goes_on(main, capsys, monkeypatch, name):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(f"dltutorials.cli.outputs.{name}", fail)
    assert main("--n-epochs", "3", "--history", "run.jsonl", "--snapshots", "frames") == 1
    out, err = capsys.readouterr()
    assert "epoch 3, minibatch 6/6" in out
    assert "Optimization complete" in out
    path = "frames" if name == "save_snapshot" else "run.jsonl"
    assert f"warning: {path} could not be written: No space left on device" in err
    assert err.splitlines()[-1].endswith(f"not in {path}")
    assert Path("saved.pkl").exists()


def test_the_header_of_a_phase_is_written_when_the_disk_has_room_again(
    tmp_path, monkeypatch, capsys
):
    headers = iter([{"phase": 1}, {"phase": 2}])
    state = TrainingState(early_stopping=None, n_train_batches=1)
    file = outputs.HistoryFile(str(tmp_path / "run.jsonl"), lambda task: next(headers))
    file.on_begin(None, state, 1)
    state.history.append({"epoch": 1, "iteration": 0})
    file.on_record(state.history[-1])

    def fail(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(outputs, "HistoryWriter", fail)
        file.on_begin(None, state, 2)
    assert "could not be written: No space left on device" in capsys.readouterr().err
    state.history.append({"epoch": 1, "iteration": 1})
    file.on_record(state.history[-1])
    found = read_history(file.path)
    assert (found.header["phase"], found.records) == (2, state.history)
    assert file.finish() == []


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--history", "notes"], 1, "notes: it exists and is not a sound history file"),
        (["--history", "missing/run.jsonl"], 1, "No such file or directory; choose"),
        (["--history", "."], 1, "it is a folder"),
        (["--history", "saved.pkl"], 2, "history: got saved.pkl, which --save names too"),
        (
            ["--history", "tiny.pkl.gz"],
            2,
            "history: got tiny.pkl.gz, which --dataset reads",
        ),
        (["--history", "a", "--checkpoint", "a"], 2, "which --checkpoint names too"),
        (["--snapshots", "notes"], 1, "cannot make notes: File exists"),
        (["--snapshots", "a", "--snapshot-every", "0"], 2, "snapshot_every: got 0"),
    ],
)
def test_files_that_cannot_be_are_refused_before_anything_is_written(
    main, capsys, arguments, status, message
):
    Path("notes").write_text("mine")
    before = {path: path.read_bytes() for path in Path().iterdir()}
    assert main("--n-epochs", "1", *arguments) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err.splitlines()[-1]
    assert {path: path.read_bytes() for path in Path().iterdir()} == before


@pytest.mark.slow
def test_a_history_is_readable_while_it_grows_and_after_a_kill(tmp_path, tiny_file):
    path = tmp_path / "run.jsonl"
    arguments = ["--dataset", str(tiny_file), "--batch-size", "10", "--n-epochs", "100000000"]
    arguments += ["--patience", "1000000000", "--history", str(path)]
    process = subprocess.Popen(
        [sys.executable, str(SCRIPTS / "train_logreg.py"), *arguments],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    lengths, deadline = [0], time.monotonic() + 60
    try:
        while lengths[-1] < 200 and time.monotonic() < deadline:
            try:
                lengths.append(len(read_history(path).records))
            except DataError as error:
                assert "No such file" in str(error)  # noqa: PT017
    finally:
        process.kill()
        process.wait()
    assert lengths == sorted(lengths)
    assert len(set(lengths)) > 2
    assert [record["epoch"] for record in read_history(path).records][:3] == [1, 2, 3]
    assert all(map(json.loads, path.read_text().split("\n")[:-1]))


@pytest.mark.parametrize("option", ["save", "history", "checkpoint", "snapshots"])
def test_a_second_program_on_the_same_file_is_refused(main, capsys, tmp_path, option):
    path = tmp_path / option
    if option == "snapshots":
        path.mkdir()
    with OutputLocks() as other:
        other.hold(path)
        before = sorted(os.listdir(tmp_path))
        assert main(f"--{option}", str(path)) == 1
        message = capsys.readouterr().err.splitlines()[-1]
        assert f"error: cannot write {path}: process {os.getpid()} on " in message
        assert sorted(os.listdir(tmp_path)) == before
