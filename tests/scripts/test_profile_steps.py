from dltutorials import backend

import pytest
from helpers import SCRIPTS, load_module

SCRIPT = SCRIPTS / "benchmarks" / "profile_steps.py"


@pytest.fixture
def profile(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    return load_module(SCRIPT).main


@pytest.mark.slow
@pytest.mark.skipif(backend.name() != "Theano", reason="PyTensor compiles a function as a whole")
def test_a_table_shows_where_the_time_of_a_training_step_goes(profile, tiny_file, capsys):
    arguments = ["--dataset", str(tiny_file), "--batch-size", "10", "--n-epochs", "2"]
    assert profile(["train_logreg", *arguments]) == 0
    lines = capsys.readouterr().out.splitlines()
    begin = lines.index(next(line for line in lines if line.startswith("12 calls, ")))
    end = lines.index("", begin + 2)
    rows = [line.split("|") for line in lines[begin + 4 : end]]
    assert {"Dot22", "Gemm{inplace}"} < {row[1].strip() for row in rows}
    assert [row[2].strip() == "float32 2, float32 2" for row in rows].count(True) >= 1
    assert 80 <= sum(int(row[4].strip(" %")) for row in rows) <= 105
    times = [float(row[3]) for row in rows]
    assert times == sorted(times, reverse=True)


def test_an_unknown_script_is_one_line(profile, capsys):
    status = profile(["train_nothing"])
    [line] = capsys.readouterr().err.splitlines()
    expected = "script: got train_nothing" if backend.name() == "Theano" else "expected Theano"
    assert expected in line
    assert status in (1, 2)
