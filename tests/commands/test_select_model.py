import json
import logging
import os
import signal
import subprocess
import sys
import time

from dltutorials.io.locks import OutputLocks

import numpy
import pytest
from helpers import SCRIPTS

SCRIPT = SCRIPTS / "select_model.py"

# Training scripts of one's own.
MORTAL = f"""
import os, signal, sys
sys.path.insert(0, {str(SCRIPT.parent)!r})
from train_mlp import make_model as make_mlp, make_parser

def make_model(options):
    if options.n_hidden == 4 or options.n_hidden == 5 and not os.path.exists("died"):
        open("died", "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
    return make_mlp(options)
"""
COUNTING = f"""
import ctypes, glob, os, sys
sys.path.insert(0, {str(SCRIPT.parent)!r})
import scipy_openblas32
from train_mlp import make_model as make_mlp, make_parser

def make_model(options):
    [library] = glob.glob(scipy_openblas32.get_lib_dir() + "/libscipy_openblas.*so")
    n_threads = ctypes.CDLL(library).scipy_openblas_get_num_threads()
    with open(f"threads-{{os.getpid()}}", "w") as file:
        file.write(str(n_threads))
    return make_mlp(options)
"""

SLEEPY = f"""
import os, sys, time
sys.path.insert(0, {str(SCRIPT.parent)!r})
from train_mlp import make_parser

def make_model(options):
    open(f"worker-{{os.getpid()}}", "w").close()
    time.sleep(60)
"""

UNJUDGED = """
from dltutorials import LogisticRegression
from dltutorials.scripts.train_logreg import make_parser

class Unjudged(LogisticRegression):
    errors = None

def make_model(options):
    return Unjudged
"""


@pytest.fixture
def run(tmp_path, tiny_file):
    """Return a function that starts the script on the tiny data set."""

    def start(*arguments, script="train_mlp", n_epochs=2, patience=10_000, wait=True):
        command = [sys.executable, str(SCRIPT), str(script), *map(str, arguments)]
        command += ["--", "--dataset", str(tiny_file), "--batch-size", "10"]
        command += ["--n-epochs", str(n_epochs), "--patience", str(patience)]
        process = subprocess.Popen(
            command,
            cwd=tmp_path,
            stdout=-1,
            stderr=-1,
            text=True,
            start_new_session=True,
            # A background process of a shell ignores Ctrl-C, and its children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        if wait:
            process.out, process.err = process.communicate(timeout=120)
        return process

    return start


@pytest.fixture
def main(find_main, tiny_file):
    """Return the script's main function, on the tiny data set, in this process."""
    script = find_main("select_model")
    common = ["--", "--dataset", str(tiny_file), "--batch-size", "10", "--n-epochs", "2"]
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    yield lambda *arguments: script([*arguments, *common])
    assert before == (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT))


def records(tmp_path, folder="runs"):
    return [json.loads(path.read_text()) for path in (tmp_path / folder).glob("*.json")]


GRID = ("--grid", "learning_rate=0.01,1e9", "--grid", "n_hidden=3,5")


@pytest.mark.slow
def test_a_grid_in_two_processes_is_the_trainings_one_by_one(run, main, tmp_path, capsys):
    together = run(*GRID, "--jobs", 2)
    assert together.returncode == 0, together.err
    assert main("train_mlp", *GRID, "--results", "alone") == 0
    assert together.out == capsys.readouterr().out
    table = together.out.splitlines()
    assert table[0].startswith("| learning_rate | n_hidden | validation error, % | runs | ")
    assert [row.split("|")[1].strip() for row in table[2:5]] == ["0.01", "0.01", "1000000000"]
    failures = [line for line in table if line.startswith("Failed: ")]
    assert len(failures) == 2
    assert failures[0].startswith("Failed: learning_rate=1000000000, n_hidden=3, seed=1234: the ")
    assert len([line for line in together.err.splitlines() if "validation error" in line]) == 2

    for record in records(tmp_path):
        assert (record["failure"] is None) == (record["fingerprint"]["learning_rate"] == 0.01)
        params = tmp_path / "runs" / f"{record['key']}.pkl"
        assert (
            record["failure"]
            or params.read_bytes() == (tmp_path / "alone" / params.name).read_bytes()
        )


@pytest.mark.slow
def test_the_choice_is_by_mean_validation_error_and_only_its_test_error_is_told(
    main, tmp_path, capsys
):
    grid = ("--grid", "learning_rate=0.001,0.01,1e9", "--seeds", "2")
    assert main("train_mlp", *grid, "--format", "json") == 0
    out, err = capsys.readouterr()
    comparison = json.loads(out)
    chosen, second, *failed = comparison["configurations"]
    assert chosen["mean"] <= second["mean"] <= 1
    assert [c["mean"] for c in failed] == [None]
    losses = [run["best_validation_loss"] for run in chosen["runs"]]
    assert chosen["mean"] == pytest.approx(numpy.mean(losses))
    assert chosen["spread"] == pytest.approx(numpy.std(losses, ddof=1))
    assert comparison["chosen"]["settings"] == chosen["settings"]
    assert comparison["chosen"]["best_validation_loss"] == min(losses)
    [record] = [r for r in records(tmp_path) if r["key"] == comparison["chosen"]["key"]]
    assert comparison["chosen"]["test_score"] == record["test_score"]
    assert out.count("test_score") == 1
    assert "test" not in err


@pytest.mark.slow
def test_what_is_finished_is_not_repeated(main, tmp_path, capsys, tiny_file):
    grid = ["train_mlp", "--grid", "n_hidden=3,5"]
    assert main(*grid) == 0
    first = capsys.readouterr()
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").iterdir()}
    tiny_file.rename(tiny_file.with_name("elsewhere.pkl.gz"))  # the content decides
    tiny_file.symlink_to("elsewhere.pkl.gz")
    assert main(*grid) == 0
    second = capsys.readouterr()
    assert second.out == first.out
    assert "2 of 2 runs are finished already in runs" in second.err
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").iterdir()} == times

    damaged, sound = sorted((tmp_path / "runs").glob("*.json"))
    damaged.write_text(damaged.read_text()[:-20])
    sound.with_suffix(".pkl").unlink()
    assert main(*grid) == 0
    third = capsys.readouterr()
    assert third.out == first.out
    assert "finished already" not in third.err
    assert main(*grid, "--seeds", "2") == 0
    assert "2 of 4 runs are finished already" in capsys.readouterr().err


@pytest.mark.slow
def test_what_draws_nothing_at_random_has_no_seeds_in_the_table(main, capsys):
    assert main("train_logreg", "--grid", "learning_rate=0.1,0.2") == 0
    table = capsys.readouterr().out.splitlines()
    assert table[0] == "| learning_rate | validation error, % | runs | epochs |"
    assert table[-1].startswith("Its best run: validation error ")


@pytest.mark.slow
def test_only_if_all_runs_fail_the_script_fails(main, capsys):
    assert main("train_mlp", "--grid", "learning_rate=1e9,1e10") == 1
    out, err = capsys.readouterr()
    assert "Chosen" not in out
    assert err.splitlines()[-1] == "select_model.py: error: all runs failed"


def test_what_may_pass_is_tried_again(main, tmp_path, capsys):
    assert main("train_mlp", "--grid", "batch_size=10,40") == 0  # 30 validation examples
    assert "Failed: batch_size=40, seed=1234: batch_size: got 40, expected at most 30" in (
        capsys.readouterr().out
    )
    assert len(records(tmp_path)) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train_mlp", "--grid", "n_hiden=3"], "grid: got n_hiden, expected one of"),
        (["train_mlp", "--grid", "n_hidden="], "expected n_hidden=VALUE,VALUE..."),
        (["train_mlp", "--grid", "n_hidden=3,x"], "invalid int value: 'x'"),
        (["train_mlp", "--grid", "learning_rate=0.1,-1"], "learning_rate: got -1.0, expected"),
        (["train_mlp"], "grid: got none"),
        (["train_logreg", "--seeds", "5"], "seeds: got 5, but this run draws nothing"),
        (
            ["train_cnn", "--seeds", "5"],
            "script: got train_cnn, expected train_da, train_dbn, train_lenet, ",
        ),
        (
            ["select_model", "--seeds", "5"],
            "script: got select_model, expected train_da, train_dbn, train_lenet, ",
        ),
        (["train_mlp", "--seeds", "5", "--jobs", "0"], "jobs: got 0, expected an integer"),
        (["train_mlp", "--seeds", "5", "--jobs", "2", "--dask", "a:1"], "jobs: got it together"),
    ],
)
def test_wrong_usage_is_one_line_and_leaves_nothing(main, tmp_path, capsys, arguments, message):
    before = os.listdir(tmp_path)
    assert main(*arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert message in err
    assert os.listdir(tmp_path) == before


@pytest.mark.slow
def test_ctrl_c_leaves_what_is_finished_and_says_how_to_go_on(run, tmp_path):
    arguments = ("--grid", "n_hidden=3", "--seeds", 3, "--jobs", 2)
    stopped = run(*arguments, n_epochs=10**6, patience=10**7, wait=False)
    while not list((tmp_path / "runs").glob("*.pkl")):
        time.sleep(0.1)
    os.killpg(stopped.pid, signal.SIGINT)
    out, err = stopped.communicate(timeout=60)
    assert stopped.returncode == 130
    [line] = err.splitlines()
    assert line.startswith("interrupted; ")
    assert line.endswith(
        f"{len(records(tmp_path))} of 3 runs are finished in runs; "
        "the same command continues with the others"
    )
    assert out == ""


@pytest.mark.slow
def test_a_process_that_is_killed_costs_the_others_nothing_but_time(run, tmp_path):
    script = tmp_path / "mortal.py"
    script.write_text(MORTAL)
    result = run("--grid", "n_hidden=3,4,5,6", "--jobs", 2, script=script)
    assert result.returncode == 0, result.err
    assert len(records(tmp_path)) == 3
    [failure] = [line for line in result.out.splitlines() if line.startswith("Failed: ")]
    assert failure == (
        "Failed: n_hidden=4, seed=1234: its process was killed; is there enough memory?"
    )


@pytest.mark.slow
def test_workers_do_not_outlive_their_parent_and_leave_nothing_in_memory(run, tmp_path):
    script = tmp_path / "sleepy.py"
    script.write_text(SLEEPY)
    parent = run("--grid", "n_hidden=3,4", "--jobs", 2, script=script, wait=False)
    while len(list(tmp_path.glob("worker-*"))) < 2:
        time.sleep(0.05)
    assert shared_by(parent.pid)
    parent.kill()
    parent.communicate(timeout=10)  # until all have closed its stdout
    until = time.monotonic() + 5
    while shared_by(parent.pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert not shared_by(parent.pid)


def shared_by(process):
    return [
        name for name in os.listdir("/dev/shm") if f"-{process}-" in name or f"_{process}_" in name
    ]


def test_two_programs_in_one_folder_of_results_are_refused(main, tmp_path, capsys):
    (tmp_path / "runs").mkdir()
    with OutputLocks() as other:
        other.hold(tmp_path / "runs")
        assert main("train_logreg", "--grid", "learning_rate=0.1") == 1
    line = capsys.readouterr().err
    assert f"error: cannot write runs: process {os.getpid()} on " in line
    assert os.listdir(tmp_path / "runs") == []


@pytest.mark.slow
@pytest.mark.parametrize("chosen", [None, "2"])
def test_threads_of_the_blas_are_divided_among_processes(run, tmp_path, monkeypatch, chosen):
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    if chosen is not None:
        monkeypatch.setenv("OPENBLAS_NUM_THREADS", chosen)
    script = tmp_path / "counting.py"
    script.write_text(COUNTING)
    assert run("--grid", "n_hidden=3,4", "--jobs", 2, script=script).returncode == 0
    counts = {path.read_text() for path in tmp_path.glob("threads-*")}
    n_cores = len(os.sched_getaffinity(0))
    n_threads = n_cores // 2 if chosen is None else min(int(chosen), n_cores)
    assert counts == {str(max(1, n_threads))}


@pytest.fixture
def cluster(tmp_path):
    """Start a Dask scheduler and two workers; give its address and the workers."""
    pytest.importorskip("distributed", reason="the extra [cluster] is not installed")
    file = tmp_path / "scheduler.json"
    where = ["--scheduler-file", str(file)]

    def start(program, *arguments):
        command = [sys.executable, "-m", f"distributed.cli.dask_{program}", "--no-dashboard"]
        return subprocess.Popen([*command, *where, *arguments], cwd=tmp_path, stdout=-3, stderr=-3)

    processes = [start("scheduler", "--port", "0", "--host", "127.0.0.1")]
    processes += [start("worker", "--nthreads", "1", "--no-nanny") for _ in range(2)]
    while not (file.exists() and file.read_text().endswith("}")):
        assert processes[0].poll() is None
        time.sleep(0.1)
    yield json.loads(file.read_text())["address"], processes[1:]
    for process in reversed(processes):
        process.terminate()
        process.wait()


@pytest.mark.slow
def test_a_cluster_of_two_of_which_one_is_killed_half_way(run, cluster, tmp_path):
    address, workers = cluster
    grid = ("--grid", "n_hidden=3,4,5,6", "--seeds", 2)
    command = run(*grid, "--dask", address, n_epochs=300, wait=False)
    while len(records(tmp_path)) < 2:
        assert command.poll() is None, command.communicate()[1]
        time.sleep(0.05)
    assert workers[0].poll() is None
    workers[0].kill()
    n_before = len(records(tmp_path))
    out, err = command.communicate(timeout=120)
    assert command.returncode == 0, err
    assert 2 <= n_before < 8 == len(records(tmp_path))
    assert len(err.splitlines()) == 9  # one a run, and where the parameters are
    assert [row.split("|")[3].strip() for row in out.splitlines()[2:6]] == ["2"] * 4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("address", "phrase"),
    [("tcp://127.0.0.1:1", "Timed out"), ("nonsense", "missing port number")],
)
def test_a_scheduler_out_of_reach_is_one_line(main, capsys, address, phrase):
    pytest.importorskip("distributed", reason="the extra [cluster] is not installed")
    logger = logging.getLogger("distributed.comm")
    begun = time.monotonic()
    assert main("train_mlp", "--seeds", "2", "--dask", address, "--quiet") == 1
    assert (logger.disabled, logging.root.manager.disable) == (False, logging.NOTSET)
    assert time.monotonic() - begun < 20
    [line] = capsys.readouterr().err.splitlines()
    assert f"the Dask scheduler {address} cannot be used: " in line
    assert phrase in line


def test_without_the_extra_the_line_names_it(main, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert main("train_mlp", "--seeds", "2", "--dask", "tcp://127.0.0.1:1") == 1
    [line] = capsys.readouterr().err.splitlines()
    assert "pip install 'dltutorials[cluster]'" in line


def test_runs_without_a_validation_loss_are_refused_by_name(main, tmp_path, capsys):
    script = tmp_path / "unjudged.py"
    script.write_text(UNJUDGED)
    assert main(str(script), "--grid", "learning_rate=0.1,0.2") == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert f"error: script: got {script}, whose model has no errors to validate by" in line
    assert records(tmp_path) == []


def test_results_never_replace_the_data_or_the_script(main, tmp_path, tiny_file, capsys):
    grid = ("train_logreg", "--grid", "learning_rate=0.1")
    assert main(*grid) == 0
    [record] = (tmp_path / "runs").glob("*.json")
    params = record.with_suffix(".pkl")
    record.unlink()
    params.unlink()
    os.link(tiny_file, params)
    before = tiny_file.read_bytes()
    capsys.readouterr()
    assert main(*grid) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert f"results: got {params}, which --dataset reads; choose another file" in line
    assert params.read_bytes() == tiny_file.read_bytes() == before
