import ctypes
import json
import subprocess
import sys
from types import SimpleNamespace

from dltutorials import backend, models
from dltutorials.exceptions import DLTutorialsError

import figures
import machine
import numpy
import pytest
import theano.tensor as T
from helpers import SCRIPTS, load_module, run_python

SCRIPT = SCRIPTS / "benchmarks" / "benchmark.py"
PROCESSOR = SimpleNamespace(
    exists=lambda: True,
    read_text=lambda: "processor : 0\nmodel name : Some CPU\nflags : sse avx avx2\n",
)
COUNTS_PRODUCTS = """
#include FLOOR
static long long n;
static void gemm(int order, int ta, int tb, int m, int n_, int k, double alpha, const double *a,
                 int lda, const double *b, int ldb, double beta, double *c, int ldc)
{ n += (long long)m * n_ * k; }
long long count(int is_training)
{
    static double x[15 * 7], w[2][28], out[2][20], grad[2][20];
    double *W[] = {w[0], w[1]}, *o[] = {out[0], out[1]}, *g[] = {grad[0], grad[1]};
    int sizes[] = {7, 4, 2};
    n = 0;
    run_epoch(gemm, x, 3, 5, 2, sizes, W, o, g, is_training);
    return n;
}
"""


def make_report(errors):
    """Make what a peer reports of an epoch of a second and half a second of validation."""
    times = {"first_epoch": 9.0, "seconds": [[1.0, 0.5]], "peak_memory": 1 << 20}
    return {**times, "errors": errors, "versions": {}}


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
def test_an_autoencoder_has_the_same_costs_in_numpy(tiny_file):
    result = run("--benchmark", "da", *("--dataset", tiny_file, "--batch-size", 10))
    assert result.returncode == 0, result.stderr
    assert [line.split()[1] for line in result.stdout.splitlines() if line.startswith("| ")] == [
        *("peer", "dltutorials", "numpy")
    ]
    assert "\nValidation cost of all after epoch 3: " in result.stdout


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
    ("python", "phrase"),
    [
        ("/no/such/python", "error: peer torch: /no/such/python: No such file or directory"),
        ("/bin/false", "error: peer torch failed, exit status 1: it printed no report"),
        (sys.executable, "error: peer torch failed, exit status 1: ModuleNotFoundError"),
    ],
)
def test_a_peer_that_fails_is_one_line(tiny_file, python, phrase):
    arguments = ["--dataset", tiny_file, "--batch-size", 10, "--n-epochs", 1]
    require_one_line(run(*arguments, "--peer", f"torch={python}"), 1, phrase)


def test_speeds_of_peers_with_other_results_are_not_compared(benchmark):
    kept = figures.Figures({}, None)
    for peer, errors in ("blas", None), ("numpy", [0.5, 0.25]), ("dltutorials", [0.5, 0.25]):
        kept.add(figures.ALL_SIZES, peer, make_report(errors))
    message = r"numpy: validation error 26\.0+% after epoch 2, expected 25\.0+%"
    with pytest.raises(DLTutorialsError, match=message):
        kept.add(figures.ALL_SIZES, "numpy", make_report([0.5, 0.26]))


def test_costs_of_an_autoencoder_may_be_rounded_and_are_shown_as_costs():
    kept = figures.Figures({"machine": "a box", "settings": {"model": "da"}}, None)
    for peer, costs in ("numpy", [63.2892]), ("dltutorials", [63.2891]), ("numpy", [63.2892]):
        kept.add(figures.ALL_SIZES, peer, make_report(costs))
    kept.add(figures.ALL_SIZES, "dltutorials", make_report([63.2891]))
    assert kept.table()[-1] == "Validation cost of all after epoch 1: 63.2891"
    message = r"numpy: validation cost 63\.3000 after epoch 1, expected 63\.2891 as dltutorials has"
    with pytest.raises(DLTutorialsError, match=message):
        kept.add(figures.ALL_SIZES, "numpy", make_report([63.3]))


def test_a_peer_without_the_model_is_left_out(benchmark, capsys):
    options = SimpleNamespace(benchmark="lenet", growth=False, peer=["torch=python3", "theano=p"])
    assert [peer.name for peer in benchmark.choose_peers(options)] == ["dltutorials", "torch"]
    assert "theano: left out, has no lenet\n" in capsys.readouterr().err
    options.growth = True
    with pytest.raises(DLTutorialsError, match="growth: got --benchmark lenet, expected logreg"):
        benchmark.choose_peers(options)


@pytest.mark.parametrize("name", ["logreg", "mlp", "lenet", "da"])
def test_peers_begin_with_the_weights_of_our_models(name, floatX):
    protocol = load_module(SCRIPT.with_name("peers") / "protocol.py")
    x = T.matrix("x")
    model = {
        "logreg": lambda: models.LogisticRegression(x, 784, 10),
        "mlp": lambda: models.MLP(numpy.random.RandomState(1234), x, 784, 500, 10),
        "lenet": lambda: models.LeNet(numpy.random.RandomState(23455), x, 10),
        "da": lambda: models.Autoencoder(numpy.random.RandomState(123), x, 784, 500),
    }[name]()
    sizes = {"n_in": 784, "n_out": 10, "n_hidden": 500, "floatX": floatX}
    params = protocol.initial_params(SimpleNamespace(model=name, **sizes))
    for param, expected in zip(params, model.params, strict=True):
        assert param.dtype == floatX
        assert (param == expected.get_value()).all()


def test_every_figure_is_told_and_kept_as_it_comes(tmp_path, capsys):
    file = tmp_path / "figures.json"
    kept = figures.Figures({"date": "today"}, str(file))
    kept.add(figures.ALL_SIZES, "numpy", make_report([0.5]))
    told = (
        "numpy, run 1: 9.00 s to the first epoch, last epoch 1000.0 ms, 1500.0 ms with validation"
    )
    assert told in capsys.readouterr().err
    assert kept.table() == []  # ratios to ours need ours
    kept.add(figures.ALL_SIZES, "dltutorials", make_report([0.5]))
    written = json.loads(file.read_text())
    assert written["date"] == "today"
    assert set(written["reports"][figures.ALL_SIZES]) == {"numpy", "dltutorials"}


def test_at_another_size_an_error_that_differs_is_marked():
    kept = figures.Figures({"machine": "a box", "settings": {"model": "mlp"}}, None, is_growth=True)
    kept.add("batch_size 1", "dltutorials", make_report([0.25]))
    kept.add("batch_size 1", "numpy", make_report([0.5]))
    kept.add("batch_size 20", "dltutorials", make_report([0.25]))
    assert kept.table()[0] == "mlp: a box"
    assert kept.table()[-2:] == [
        "| batch size 1 | 1000.0 | 1000.0 (error 50.0000%, ours 25.0000%) |",
        "| batch size 20 | 1000.0 |  |",
    ]


def test_after_ctrl_c_there_is_a_table_of_what_was_measured(benchmark, monkeypatch, capsys):
    runs = iter([*[make_report([0.5])] * 5])

    def run_peer(*arguments):
        for report in runs:
            return report
        raise KeyboardInterrupt

    monkeypatch.setattr(benchmark, "run_peer", run_peer)
    assert benchmark.main(["--runs", "1"]) == 130
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert [row.split()[1] for row in rows] == ["peer", "dltutorials", "blas"]


def test_the_machine_is_described_with_its_vectors_and_the_kernels_of_the_blas(monkeypatch):
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    monkeypatch.setattr(machine, "_CPUINFO", PROCESSOR)
    monkeypatch.setattr(machine, "name_kernels", lambda: "SkylakeX")
    text = machine.describe_machine()
    assert " x Some CPU with AVX2, OpenBLAS kernels for SkylakeX, " in text
    assert "OPENBLAS_CORETYPE=Haswell" in text


def test_the_limit_is_a_loop_in_c_that_makes_all_the_products(tmp_path):
    (tmp_path / "loop.c").write_text(COUNTS_PRODUCTS)
    library = tmp_path / "loop.so"
    source = f'-DFLOOR="{SCRIPT.with_name("peers") / "floor.c"}"'
    command = ["cc", "-shared", "-fPIC", "-DREAL=double", source, "-o", library, "loop.c"]
    subprocess.run(command, check=True, cwd=tmp_path)
    count = ctypes.CDLL(str(library)).count
    count.restype = ctypes.c_longlong
    # Multiplications of 3 batches of 5: forward, then with respect to W, and to what is hidden.
    assert count(0) == 3 * 5 * (7 * 4 + 4 * 2)
    assert count(1) == 2 * count(0) + 3 * 5 * 4 * 2


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


@pytest.mark.parametrize(
    "name",
    [
        *("benchmark", "benchmark_data", "benchmark_device", "compare_rules"),
        *("profile_steps", "stored_results", "torture"),
    ],
)
def test_what_is_missing_at_the_start_is_one_line(name, tmp_path):
    (tmp_path / "numpy.py").write_text("raise ImportError('no numpy here')")
    script = SCRIPTS / "benchmarks" / f"{name}.py"
    result = run_python(script, check=False, PYTHONPATH=tmp_path)
    require_one_line(result, 1, f"{name}.py: error: ", "no numpy here")
    (tmp_path / "numpy.py").write_text("raise KeyboardInterrupt")
    result = run_python(script, check=False, PYTHONPATH=tmp_path)
    require_one_line(result, 130, f"{name}.py: interrupted")
