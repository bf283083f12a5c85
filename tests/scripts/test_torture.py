import os

import pytest
import torture
import torture_files
import torture_kinds
import torture_programs

NOTHING = ["--kills", "0", "--storms", "0", "--doubles", "0", "--fills", "0", "--files", "0"]


@pytest.mark.slow
def test_programs_that_are_killed_interrupted_doubled_or_without_space(tmp_path, capsys):
    results = tmp_path / "results.json"
    numbers = ["--kills", "3", "--storms", "3", "--doubles", "2", "--fills", "2", "--files", "0"]
    status = torture.main([*numbers, "--results", str(results)])
    assert status == 0, capsys.readouterr().err
    assert "killed with SIGKILL, resumed to the same bytes" in results.read_text()


def test_damaged_files_run_nothing_and_are_read_as_numpy_reads_them(capsys):
    assert torture.main([*NOTHING, "--files", "400", "--seed", "7"]) == 0
    assert " 0 failures, nothing run; " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        (lambda path: os.system("true"), "os.system"),
        (lambda path: 1 // 0, "ZeroDivisionError"),
        (lambda path: bytearray(200 << 20), "bytes"),
        (lambda path: sum(range(10**8)), " s, "),
    ],
)
def test_the_watch_would_see_it(tmp_path, monkeypatch, fault, found):
    kind = torture_kinds.Kind(b"sound", torture_kinds.mutate, fault)
    monkeypatch.setattr(torture_files, "make_kinds", lambda folder: {"one": kind})
    bytearray(400 << 20)  # earlier, more memory was in use
    [failure] = torture_files.damage_files(tmp_path, 1, seed=0).failures
    assert found in failure


def test_a_run_that_ends_otherwise_would_be_seen(tmp_path, monkeypatch):
    monkeypatch.setattr(torture_programs, "command", lambda *_: ["true"])
    monkeypatch.setattr(torture_programs, "_kill_and_resume", lambda *_: (1, ""))
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "save").write_bytes(b"expected")
    for which in range(2):
        (tmp_path / f"kill{which}").mkdir()
    outcome = torture_programs.kill(tmp_path, 2, n_jobs=1, seed=0)
    assert len(outcome.failures) == 2
