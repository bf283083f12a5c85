import json
import os
import sys
import time

import numpy
import pytest
import stored_results
import torture
import torture_files
import torture_kills
import torture_kinds
import torture_programs
from helpers import SCRIPTS
from torture_results import Outcome, Results

NONE = {"files": 0, "kills": 0, "storms": 0, "doubles": 0, "fills": 0}


def call(*arguments, **numbers):
    words = [word for name, n in {**NONE, **numbers}.items() for word in (f"--{name}", str(n))]
    return torture.main([*words, *arguments])


@pytest.fixture
def scripts(monkeypatch):
    monkeypatch.syspath_prepend(SCRIPTS)


@pytest.mark.slow
def test_programs_and_files_end_as_they_should(tmp_path, capsys):
    file = tmp_path / "results.json"
    status = call("--results", str(file), files=20, storms=1, doubles=1, fills=1)
    out, err = capsys.readouterr()
    assert status == 0, err
    assert "of which one was refused and named the other: 1 of 1" in out
    assert "20 of 20; " in out
    trials = [trial["trial"] for trial in json.loads(file.read_text())["trials"]]
    missing = {"fills"} if "fills: skipped; they are not permitted here" in err else set()
    assert set(trials) == set(NONE) - {"kills"} - missing


@pytest.mark.slow
def test_killed_runs_end_as_if_left_alone(tmp_path, scripts, monkeypatch):
    monkeypatch.setattr(torture_kills, "PROGRAMS", {"train_logreg": []})
    monkeypatch.setattr(torture_kills, "WEIGHTS", [1])
    outcome = torture_kills.kill(tmp_path, 3, range(3))
    assert (outcome.n_tried, outcome.failures) == (3, ())
    assert outcome.n_signals


def test_damaged_files_run_nothing_and_are_read_as_numpy_reads_them(tmp_path):
    outcome = torture_files.damage_files(tmp_path, 7, range(400))
    assert (outcome.n_tried, outcome.failures) == (400, ())
    assert 200 < outcome.n_refused < 400


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        (lambda path: os.system("true"), "os.system"),
        (lambda path: 1 // 0, "ZeroDivisionError"),
        (lambda path: bytearray(200 << 20), "bytes"),
        (lambda path: sum(range(10**8)), " s, "),
        (lambda path: time.sleep(60), "TimeoutError"),
    ],
)
def test_the_watch_would_see_it(tmp_path, monkeypatch, fault, found):
    kind = torture_kinds.Kind(b"sound", torture_kinds.mutate, fault)
    monkeypatch.setattr(torture_files, "make_kinds", lambda folder: {"one": kind})
    monkeypatch.setattr(torture_files, "SECONDS_TO_END", 1 if "Timeout" in found else 60)
    bytearray(400 << 20)  # earlier, more memory was in use
    outcome = torture_files.damage_files(tmp_path, 0, [5])
    assert outcome.n_failed == 1
    assert outcome.failures[0].startswith("file 5 (one): ")
    assert found in outcome.failures[0]


def test_a_reader_that_gets_other_values_than_numpy_would_be_seen(tmp_path, monkeypatch):
    for wrong in numpy.ones(2), numpy.zeros((2, 1)), numpy.zeros(2, "float32"):
        kind = torture_kinds.Kind(
            *(b"sound", torture_kinds.mutate, lambda path, wrong=wrong: wrong),
            read_too=lambda path: numpy.zeros(2),
        )
        monkeypatch.setattr(torture_files, "make_kinds", lambda folder, kind=kind: {"one": kind})
        [failure] = torture_files.damage_files(tmp_path, 0, [0]).failures
        assert "got array" in failure


def test_a_run_that_ends_otherwise_would_be_seen(tmp_path, monkeypatch):
    def train(folder, place, words, others):
        name = "save" if "--resume" in others or place.name != "killed" else "checkpoint"
        (place / name).write_text(place.name)
        time.sleep(60 if name == "checkpoint" else 0.2)
        return 0

    monkeypatch.setattr(torture_kills, "_train", train)
    outcome = torture_kills.kill(tmp_path, 0, range(3))
    assert (outcome.n_tried, outcome.n_failed) == (3, 3)
    assert all("other files than the one left alone: ['" in each for each in outcome.failures)


@pytest.mark.parametrize(
    ("trial", "program", "found"),
    [
        ("storm", "print('no'); time.sleep(60)", "storm 0: SIG"),
        ("double", "time.sleep(60)", "double 0: neither was refused"),
        ("double", "sys.exit('no')", "double 0: status 1, said 'no"),
        ("fill", "time.sleep(60)", "fill 0: it did not end within 1 s"),
        ("fill", "pathlib.Path(sys.argv[1], 'save').write_text('half')", "fill 0: "),
    ],
)
def test_a_program_that_ends_otherwise_would_be_seen(tmp_path, monkeypatch, trial, program, found):
    def command(folder, place, rng):
        place.mkdir()
        program_file.write_text(f"import pathlib, sys, time, numpy\n{program}\n")
        return [sys.executable, str(program_file), str(place)]

    program_file = tmp_path / "program.py"
    monkeypatch.setattr(torture_programs, "command", command)
    too_long = trial != "storm" and "sleep" in program
    monkeypatch.setattr(torture_programs, "SECONDS_TO_END", 1 if too_long else 60)
    outcome = getattr(torture_programs, trial)(tmp_path, 0, [0])
    if trial == "fill" and not outcome.n_tried:
        pytest.skip("no disk may be mounted here")
    assert outcome.n_failed == 1
    assert found in outcome.failures[0]


def test_results_of_several_calls_add_up(tmp_path, capsys):
    file = tmp_path / "results.json"
    for n_files in 30, 30, 50:
        assert call("--jobs", "1", "--results", str(file), files=n_files) == 0
        results = Results(str(file))
        assert results.count("files") == n_files
    results.run["commit"] = "another"
    results.add("files", Outcome(1, n_failed=1, failures=("file 50: no",)))
    results.add("storms", Outcome(1000, n_signals=2000))
    assert Results(str(file)).rows()[0][1].startswith("50 of 51; ")
    table = stored_results.describe(file)
    assert ", another:" in table
    assert "| 1,000 of 1,000, 2,000 signals |" in table
    assert [each["n_tried"] for each in results.content["trials"]] == [50, 1, 1000]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"trials": [{"trial": "files"}]}'])
def test_other_files_are_not_results(tmp_path, capsys, content):
    file = tmp_path / "results.json"
    file.write_text(content)
    assert call("--results", str(file), files=1) == 1
    assert "expected results of torture.py" in capsys.readouterr().err
    assert file.read_text() == content


def test_results_that_cannot_be_written_are_refused_at_once(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(torture, "_outcomes", lambda *_: pytest.fail("it ran"))
    assert call("--results", str(tmp_path / "none" / "results.json"), files=1) == 1
    assert "cannot write" in capsys.readouterr().err
    assert call(files=-1) == 2
    assert "files: got -1" in capsys.readouterr().err
