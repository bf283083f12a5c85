import os

import pytest
from helpers import SCRIPTS, load_module, run_python

SCRIPT = SCRIPTS / "benchmarks" / "torture.py"


@pytest.mark.slow
def test_killed_trainings_resume_to_the_same_bytes_and_damaged_files_run_nothing():
    result = run_python(SCRIPT, "--kills", "4", "--mutants", "3000", "--seed", "7")
    kills, mutants = result.stdout.splitlines()
    assert kills.startswith("4 trainings killed ")
    assert kills.endswith(" times: 4 ended in the same bytes as one left alone")
    assert " 0 failures, nothing run; " in mutants


@pytest.fixture
def torture():
    return load_module(SCRIPT)


def test_the_watch_would_see_what_is_run(torture, capsys, monkeypatch):
    monkeypatch.setattr(torture, "load_state", lambda path: os.system("true"))
    assert torture.main(["--kills", "0", "--mutants", "20"]) == 1
    assert "os.system" in capsys.readouterr().err


def test_the_watch_would_see_an_undocumented_error(torture, capsys, monkeypatch):
    monkeypatch.setattr(torture, "load_state", lambda path: 1 // 0)
    assert torture.main(["--kills", "0", "--mutants", "20"]) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err
