import re
import sys

from dltutorials import __version__
from dltutorials.__main__ import find_commands, main

import pytest
from helpers import SCRIPTS, run_python


@pytest.fixture(autouse=True)
def _keep_arguments(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["dltutorials"])


def test_every_script_has_a_name_and_a_line(capsys):
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    scripts = {path.stem for path in SCRIPTS.glob("*.py")} - {"__init__", "launcher"}
    assert {name.replace("_", "-") for name in scripts} == set(find_commands())
    for name in find_commands():
        assert re.search(rf"^  {name} +[A-Z].*\.$", out, re.MULTILINE)


@pytest.mark.slow
def test_it_does_what_the_script_does(tmp_path, tiny_file):
    arguments = ["--dataset", str(tiny_file), "--batch-size", "10", "--n-epochs", "3"]
    ours = run_python("-m", "dltutorials", "train-logreg", *arguments, folder=tmp_path)
    saved = (tmp_path / "best_model.pkl").read_bytes()
    script = run_python(SCRIPTS / "train_logreg.py", *arguments, folder=tmp_path)
    assert ours.stderr == script.stderr
    assert ours.stdout.splitlines()[:-1] == script.stdout.splitlines()[:-1]  # not the speed
    assert (tmp_path / "best_model.pkl").read_bytes() == saved


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ([], 2, "usage: dltutorials NAME"),
        (["--version"], 0, "dltutorials 0."),
        (
            ["paint"],
            2,
            "dltutorials: error: got paint, expected one of check-device, download-data, plot",
        ),
        (["train-mpl"], 2, "; did you mean train-mlp?\n"),
        (
            ["train"],
            2,
            "got train, expected one of train-da, train-dbn, train-lenet, ",
        ),
        (
            ["train-lo", "--batch-size", "0"],
            2,
            "dltutorials train-logreg: error: batch_size: got 0, expected",
        ),
    ],
)
def test_names_and_messages(capsys, arguments, status, message):
    assert main(arguments) == status
    assert message in "".join(capsys.readouterr())


def test_the_help_of_a_script_has_its_name_in_it(capsys):
    with pytest.raises(SystemExit) as end:
        main(["download", "--help"])
    assert end.value.code == 0
    assert "usage: dltutorials download-data [-h]" in capsys.readouterr().out


@pytest.mark.parametrize("name", find_commands())
def test_every_command_tells_its_version(capsys, name):
    with pytest.raises(SystemExit) as end:
        main([name, "--version"])
    assert (end.value.code, capsys.readouterr().out) == (0, f"dltutorials {__version__}\n")
