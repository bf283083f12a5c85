import json
import subprocess
import sys

from dltutorials import backend

import pytest
from helpers import SCRIPTS, load_module, run_python

SCRIPT = SCRIPTS / "benchmarks" / "benchmark.py"


@pytest.fixture
def benchmark():
    return load_module(SCRIPT)


def run(*arguments):
    return run_python(SCRIPT, "--runs", "1", *arguments, check=False)


def require_one_line(result, status, *phrases):
    assert result.returncode == status, result.stderr
    [line] = result.stderr.splitlines()
    for phrase in phrases:
        assert phrase in line


@pytest.mark.slow
@pytest.mark.parametrize("chapter", ["logreg", "mlp"])
def test_a_table_and_a_file_with_figures_of_all_peers(tiny_file, tmp_path, chapter):
    file = tmp_path / "figures.json"
    result = run(
        *("--benchmark", chapter, "--dataset", tiny_file, "--batch-size", 10, "--n-epochs", 2),
        *("--json", file),
    )
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].startswith(f"{chapter}: ")
    rows = [line for line in lines if line.startswith("| ")]
    assert [row.split()[1] for row in rows] == ["peer", "dltutorials", "blas", "numpy"]
    assert rows[1].count("(1.00 x)") == 4
    assert rows[2].count(" x)") == 2  # the matrix products alone have no start
    assert {row.count("|") for row in rows} == {7}
    figures = json.loads(file.read_text())
    assert set(figures["peers"]) == {"dltutorials", "blas", "numpy"}
    ours = figures["peers"]["dltutorials"]
    assert ours["errors"] == pytest.approx(figures["peers"]["numpy"]["errors"])
    assert len(ours["errors"]) == 2
    assert lines[-1] == f"Validation error of all after epoch 2: {ours['errors'][1]:.6%}"
    assert ours["versions"][backend.name()]
    assert 0 < ours["training"] < ours["training_and_validation"]
    assert ours["warm_start"] > 0
    assert ours["peak_memory"] > 2**20


@pytest.mark.slow
def test_the_cost_as_sizes_grow(benchmark, tiny_file, monkeypatch, capsys):
    monkeypatch.setattr(benchmark, "GROWTH", {"times_data": (1, 3), "n_in": (100, 1000)})
    monkeypatch.setattr(benchmark, "IN_OUR_ENVIRONMENT", ("dltutorials", "numpy"))
    arguments = ["--growth", "--runs", "1", "--dataset", str(tiny_file), "--batch-size", "10"]
    assert benchmark.main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()[2:]
    assert lines[0] == "| ms a training epoch | dltutorials | numpy |"
    assert [line.split("|")[1].strip() for line in lines[2:]] == [
        *("times data 1", "times data 3", "n in 100", "n in 1000")
    ]


@pytest.mark.slow
@pytest.mark.parametrize("peer", ["nonsense=python3", "numpy", "jax=", "=python3"])
def test_an_unknown_peer_is_wrong_usage(peer):
    require_one_line(run("--peer", peer), 2, "error: peer: got", "NAME=PYTHON", "theano")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("python", "phrases"),
    [
        ("/no/such/python", ["error: peer jax: /no/such/python: No such file or directory"]),
        ("/bin/false", ["error: peer jax failed, exit status 1: it printed no report"]),
        (sys.executable, ["error: peer jax failed, exit status 1: ModuleNotFoundError"]),
    ],
)
def test_a_peer_that_fails_is_one_line(tiny_file, python, phrases):
    arguments = ["--dataset", tiny_file, "--batch-size", 10, "--n-epochs", 1]
    require_one_line(run(*arguments, "--peer", f"jax={python}"), 1, *phrases)


def test_speeds_of_peers_with_other_results_are_not_compared(benchmark):
    reports = {"dltutorials": [{"errors": [0.5, 0.25]}], "blas": [{"errors": None}]}
    benchmark.require_same_errors({**reports, "numpy": [{"errors": [0.5, 0.25]}]})
    message = r"numpy: validation error 26\.0+% after epoch 2, expected 25\.0+%"
    with pytest.raises(benchmark.DLTutorialsError, match=message):
        benchmark.require_same_errors({**reports, "numpy": [{"errors": [0.5, 0.26]}]})


def test_every_peer_has_a_script_and_an_environment(benchmark):
    setup = SCRIPT.with_name("setup_peers.sh").read_text()
    for name, (script, _) in benchmark.SCRIPTS.items():
        assert (benchmark.FOLDER / script).exists()
        assert name in benchmark.IN_OUR_ENVIRONMENT or name in setup


def test_the_environments_need_a_folder():
    result = subprocess.run([SCRIPT.with_name("setup_peers.sh")], capture_output=True, text=True)
    assert result.returncode == 2
    assert result.stderr == "usage: setup_peers.sh FOLDER [PYTHON [NEWER]]\n"


def test_the_figures_do_not_replace_the_data_set(tiny_file):
    before = tiny_file.read_bytes()
    result = run("--dataset", tiny_file, "--json", tiny_file)
    require_one_line(result, 2, f"json: got {tiny_file}, which --dataset reads")
    assert tiny_file.read_bytes() == before


@pytest.mark.parametrize("name", ["benchmark", "benchmark_data", "compare_rules", "torture"])
def test_what_is_missing_at_the_start_is_one_line(name, tmp_path):
    (tmp_path / "numpy.py").write_text("raise ImportError('no numpy here')")
    script = SCRIPTS / "benchmarks" / f"{name}.py"
    result = run_python(script, check=False, PYTHONPATH=tmp_path)
    require_one_line(result, 1, f"{name}.py: error: ", "no numpy here")
    (tmp_path / "numpy.py").write_text("raise KeyboardInterrupt")
    result = run_python(script, check=False, PYTHONPATH=tmp_path)
    require_one_line(result, 130, f"{name}.py: interrupted")
