import json
import os
import pickle
import re
import signal
import subprocess
import sys
from pathlib import Path

import dltutorials
from dltutorials import backend
from dltutorials.training.checkpoint import load_state

import numpy
import pytest
import theano
from helpers import SCRIPTS, run_python

SCRIPT = SCRIPTS / "train_logreg.py"

# Published by the tutorial; measured with Theano 1.0.5 in both float types.
FIRST_LINES = """\
epoch 1, minibatch 83/83, validation error 12.458333 %
     epoch 1, minibatch 83/83, test error of best model 12.375000 %
epoch 2, minibatch 83/83, validation error 11.010417 %
     epoch 2, minibatch 83/83, test error of best model 10.958333 %
epoch 3, minibatch 83/83, validation error 10.312500 %
     epoch 3, minibatch 83/83, test error of best model 10.312500 %
"""
LAST_LINES = (
    r"Optimization complete with best validation score of 7\.500000 %, "
    r"with test performance 7\.489583 %\n"
    r"The code ran for 74 epochs, with \d+\.\d+ epochs/sec\n"
)


@pytest.mark.slow
@pytest.mark.numbers
@pytest.mark.parametrize("floatX", ["float32", "float64"])
def test_the_published_numbers(tmp_path, floatX):
    result = run_python(SCRIPT, "--floatX", floatX, folder=tmp_path, DLTUTORIALS_DATA=None)
    assert result.stdout.startswith(FIRST_LINES)
    assert "epoch 10, minibatch 83/83, validation error 8.750000 %\n" in result.stdout
    assert "epoch 10, minibatch 83/83, test error of best model 8.666667 %\n" in result.stdout
    assert re.search(LAST_LINES + r"\Z", result.stdout)
    line = result.stderr.splitlines()[0]
    if backend.name() == "Theano":
        assert line == f"Theano 1.0.5, {floatX}, linked with scipy_openblas"
    else:
        assert re.fullmatch(
            rf"PyTensor [\d.]+, {floatX}, with SciPy's BLAS, compiled by Numba", line
        )
    assert "patience ran out in epoch 74, minibatch 82/83" in result.stderr
    assert os.listdir(tmp_path) == ["best_model.pkl"]

    with open(tmp_path / "best_model.pkl", "rb") as file:
        W, b, about = pickle.load(file), pickle.load(file), pickle.load(file)
        assert file.read() == b""
    assert json.loads(about)["format"] == "dltutorials parameters 1"
    assert (W.shape, b.shape, W.dtype, b.dtype) == ((784, 10), (10,), floatX, floatX)
    x, y = dltutorials.load_mnist()[2]
    mistakes = ((x.dot(W) + b).argmax(axis=1) != y)[:9600].sum()
    assert mistakes == 719  # of 9,600: the published 7.489583 %


def test_prints_results_on_stdout_and_the_rest_on_stderr(main, capsys):
    assert main("--n-epochs", "2") == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert re.fullmatch(r"epoch 1, minibatch 6/6, validation error \d+\.\d{6} %", lines[0])
    assert lines[1].startswith("     epoch 1, minibatch 6/6, test error of best model ")
    assert lines[-2].startswith("Optimization complete with best validation score of ")
    assert lines[-1].startswith("The code ran for 2 epochs, with ")
    assert "all 2 epochs are done; the best parameters are in saved.pkl" in err


def test_quiet_prints_the_result_only(main, capsys):
    assert main("--n-epochs", "2", "--quiet") == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2
    assert err == ""


@pytest.mark.slow
def test_options_reach_the_training(main, capsys):
    main("--n-epochs", "1", "--validation-frequency", "2", "--learning-rate", "0.01")
    plain = capsys.readouterr().out
    assert [line[:28] for line in plain.splitlines() if "validation error" in line] == [
        "epoch 1, minibatch 2/6, vali",
        "epoch 1, minibatch 4/6, vali",
        "epoch 1, minibatch 6/6, vali",
    ]
    weights = {}
    for penalty in ("--L1-reg", "--L2-reg", "--quiet"):
        arguments = [penalty] if penalty == "--quiet" else [penalty, "0.05"]
        assert main("--n-epochs", "5", *arguments) == 0
        with open("saved.pkl", "rb") as file:
            weights[penalty] = abs(pickle.load(file)).sum()
    assert weights["--L1-reg"] < weights["--quiet"]
    assert weights["--L2-reg"] < weights["--quiet"]


def test_patience_ends_the_run(main, capsys):
    assert main("--patience", "4", "--improvement-threshold", "0.5", "--learning-rate", "1e-9") == 0
    assert "patience ran out in epoch" in capsys.readouterr().err


def test_floatX_of_the_users_configuration(main, monkeypatch, capsys):  # noqa: N802
    monkeypatch.setenv("THEANO_FLAGS", "floatX=float64")
    theano.config.floatX = "float64"
    assert main("--n-epochs", "1") == 0
    assert "float64" in capsys.readouterr().err
    assert main("--n-epochs", "1", "--floatX", "float32") == 0
    assert "float32" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--batch-size", "0"], "batch_size: got 0, expected an integer of at least 1"),
        (["--batch-size", "-3"], "batch_size: got -3"),
        (["--batch-size", "31"], "batch_size: got 31, expected at most 30"),
        (["--batch-size", "ten"], "invalid int value"),
        (["--learning-rate", "nan"], "learning_rate: got nan, expected a finite number above 0"),
        (["--learning-rate", "0"], "learning_rate: got 0.0"),
        (["--learning-rate", "-1"], "learning_rate: got -1.0"),
        (["--L1-reg", "-1"], "L1_reg: got -1.0"),
        (["--L2-reg", "inf"], "L2_reg: got inf"),
        (["--patience", "1"], "patience: got 1, expected an integer of at least 2"),
        (["--patience-increase", "0"], "patience_increase: got 0.0"),
        (["--improvement-threshold", "0"], "improvement_threshold: got 0.0"),
        (["--improvement-threshold", "1.1"], "expected a number above 0 and at most 1"),
        (["--validation-frequency", "0"], "validation_frequency: got 0"),
        (["--n-epochs", "0"], "n_epochs: got 0"),
        (["--significance", "1"], "significance: got 1.0, expected a number above 0 and below 1"),
        (["--chunk-size", "0"], "chunk_size: got 0, expected an integer of at least 1"),
        (["--chunk-size", "7"], "chunk_size: got 7, expected at most 6, the number of minibatches"),
        (["--floatX", "float16"], "invalid choice: 'float16'"),
        (["--no-such-option"], "unrecognized arguments"),
    ],
)
def test_wrong_options_exit_with_status_2_and_write_nothing(main, capsys, arguments, message):
    Path("saved.pkl").write_bytes(b"before")
    status = main(*arguments)
    out, err = capsys.readouterr()
    assert (status, out) == (2, "")
    assert message in err.splitlines()[-1]
    assert "Traceback" not in err
    assert Path("saved.pkl").read_bytes() == b"before"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dataset", "missing.pkl.gz"], "no data set found; tried missing.pkl.gz, "),
        (["--dataset", "."], "train-images-idx3-ubyte is not there"),
        (["--dataset", "text"], "text: is text, expected an .npz file"),
        (["--dataset", "hostile.pkl.gz"], "the pickle names builtins.print"),
        (["--dataset", "two.pkl.gz"], "got a tuple of 2, expected a tuple of three sets"),
        (["--dataset", "labels.pkl.gz"], "y: got labels from 1 to 10, but no example of label 0"),
        (["--dataset", "nan.pkl.gz"], "x: got nan in example 0, expected finite numbers"),
        (["--save", "missing/best.pkl"], "No such file or directory; choose a file in a folder"),
        (["--save", "."], "it is a folder"),
    ],
)
def test_unusable_files_exit_with_status_1_and_write_nothing(
    main, capsys, write_dataset, tiny_sets, arguments, message
):
    Path("text").write_text("not a data set")
    (x, y), *others = tiny_sets
    write_dataset(print, "hostile.pkl.gz")
    write_dataset(tiny_sets[:2], "two.pkl.gz")
    write_dataset(((x, y + 1), *others), "labels.pkl.gz")
    write_dataset(((x * numpy.nan, y), *others), "nan.pkl.gz")
    Path("saved.pkl").write_bytes(b"before")
    before = Path("tiny.pkl.gz").read_bytes()
    assert main(*arguments) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err.splitlines()[-1]
    assert "Traceback" not in err
    assert Path("saved.pkl").read_bytes() == b"before"
    assert Path("tiny.pkl.gz").read_bytes() == before


def test_a_run_that_diverges_fails_and_keeps_the_best_parameters(main, capsys):
    assert main("--n-epochs", "2", "--learning-rate", "1e30", "--L2-reg", "1") == 1
    err = capsys.readouterr().err
    assert re.search(r"the cost is (nan|inf) in epoch 1, minibatch \d/6; try a smaller", err)
    assert not Path("saved.pkl").exists()


def test_a_save_that_fails_during_training_is_reported_and_the_training_goes_on(
    main, capsys, monkeypatch
):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(dltutorials.cli.outputs, "save_params", fail)
    assert main("--n-epochs", "3") == 1
    out, err = capsys.readouterr()
    assert "epoch 3, minibatch 6/6" in out
    assert "saved.pkl could not be written: No space left on device" in err
    assert "Optimization complete" in out
    assert "error: the best parameters are not in saved.pkl" in err.splitlines()[-1]


@pytest.mark.parametrize("quiet", [[], ["--quiet"]])
def test_ctrl_c_while_saving_saves_again_and_is_always_told(main, capsys, monkeypatch, quiet):
    calls = []

    def interrupted_at_first(best_params, path, about=None):
        calls.append(best_params)
        if len(calls) == 1:
            raise KeyboardInterrupt
        dltutorials.save_params(best_params, path, about)

    monkeypatch.setattr(dltutorials.cli.outputs, "save_params", interrupted_at_first)
    assert main("--n-epochs", "3", *quiet) == 130
    assert "interrupted in epoch 1, minibatch 6/6; the best parameters are in" in (
        capsys.readouterr().err
    )
    with open("saved.pkl", "rb") as file:
        assert numpy.array_equal(pickle.load(file), calls[0][0])


def start(arguments, **options):
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Tests that run in the background of a shell inherit a SIGINT that is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        **options,
    )


@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_reports_saves_and_sets_the_exit_status(tmp_path, tiny_file, number, status):
    never_ending = ["--n-epochs", "100000000", "--patience", "1000000000"]
    process = start(
        ["--dataset", str(tiny_file), "--batch-size", "10", *never_ending], cwd=tmp_path
    )
    for line in process.stdout:
        if line.startswith("epoch 20,"):
            process.send_signal(number)
            break
    try:
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == status
    assert "Optimization complete with best validation score" in out
    assert re.search(r"interrupted in epoch \d+, minibatch \d/6; the best parameters are in", err)
    assert "Traceback" not in err
    with open(tmp_path / "best_model.pkl", "rb") as file:
        assert numpy.isfinite(pickle.load(file)).all()


@pytest.mark.slow
def test_a_reader_that_goes_away_ends_the_run_without_a_traceback(tmp_path, tiny_file):
    process = start(["--dataset", str(tiny_file), "--batch-size", "10"], cwd=tmp_path)
    process.stdout.readline()
    process.stdout.close()
    process.wait(timeout=60)
    assert process.returncode == 1
    assert "Traceback" not in process.stderr.read()


def test_a_broken_theano_configuration_is_one_line():
    result = run_python(SCRIPT, check=False, THEANO_FLAGS="floatX=float99")
    assert result.returncode == 1
    message = f"train_logreg.py: error: {backend.name()} cannot be imported: "
    assert result.stderr.startswith(message)
    assert len(result.stderr.splitlines()) == 1


def parameters_of(path="saved.pkl"):
    return Path(path).read_bytes()


@pytest.mark.slow
def test_a_resumed_run_prints_the_remaining_lines_and_ends_in_the_same_bytes(main, capsys):
    assert main("--n-epochs", "6") == 0
    expected, lines = parameters_of(), capsys.readouterr().out.splitlines()
    Path("saved.pkl").unlink()
    assert main("--n-epochs", "4", "--checkpoint", "state") == 0
    first_lines = capsys.readouterr().out.splitlines()[:-2]
    Path("saved.pkl").unlink()
    assert main("--n-epochs", "6", "--resume", "state") == 0
    last_lines = capsys.readouterr().out.splitlines()
    assert parameters_of() == expected
    assert (first_lines + last_lines)[:-1] == lines[:-1]  # the last one holds the speed


@pytest.mark.slow
@pytest.mark.numbers
def test_a_run_stopped_by_a_signal_resumes_to_the_same_bytes(tmp_path, tiny_file):
    arguments = ["--dataset", str(tiny_file), "--batch-size", "10", "--n-epochs", "1000"]
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    whole.mkdir()
    stopped.mkdir()
    start(arguments, cwd=whole).communicate(timeout=60)
    process = start([*arguments, "--checkpoint", "state"], cwd=stopped)
    for line in process.stdout:
        if line.startswith("epoch 100,"):
            process.send_signal(signal.SIGTERM)
            break
    process.communicate(timeout=60)
    assert process.returncode == 143
    process = start([*arguments, "--resume", "state"], cwd=stopped)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert not out.startswith("epoch 1,")
    assert parameters_of(stopped / "best_model.pkl") == parameters_of(whole / "best_model.pkl")
    assert sorted(os.listdir(stopped)) == ["best_model.pkl", "state"]


@pytest.fixture
def state(main, capsys):
    assert main("--n-epochs", "2", "--checkpoint", "state") == 0
    capsys.readouterr()
    return Path("state").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--resume", "missing"], 1, "missing: cannot be read: No such file"),
        (["--resume", "."], 1, "it is a folder"),
        (["--resume", "copy.pkl", "--checkpoint", "new"], 1, "copy.pkl: not a training state"),
        (
            ["--resume", "tiny.pkl.gz", "--checkpoint", "new"],
            1,
            "tiny.pkl.gz: not a training state",
        ),
        (["--resume", "empty"], 1, "empty: empty; give a file that --checkpoint"),
        (
            ["--resume", "state", "--learning-rate", "0.2"],
            1,
            "learning_rate was 0.13 and",
        ),
        (["--resume", "state", "--batch-size", "20"], 1, "batch_size was 10 and is now 20"),
        (
            ["--resume", "state", "--floatX", "float64"],
            1,
            "floatX was 'float32' and is",
        ),
        (["--resume", "state", "--dataset", "other.pkl.gz"], 1, "cannot resume: data was"),
        (["--resume", "state", "--checkpoint-every", "0"], 2, "checkpoint_every: got 0"),
        (["--checkpoint", "saved.pkl"], 2, "got saved.pkl, which --save names too"),
        (["--resume", "state", "--save", "state"], 2, "save: got state, which --resume reads"),
        (["--checkpoint", "tiny.pkl.gz"], 2, "which --dataset reads"),
        (["--save", "tiny.pkl.gz"], 2, "save: got tiny.pkl.gz, which --dataset reads"),
        (["--checkpoint", "missing/state"], 1, "No such file or directory"),
    ],
)
def test_a_wrong_resume_is_refused_and_nothing_is_overwritten(
    main, capsys, state, write_dataset, tiny_sets, arguments, status, message
):
    Path("empty").touch()
    Path("copy.pkl").write_bytes(Path("saved.pkl").read_bytes())
    (x, y), *others = tiny_sets
    write_dataset(((x, (y + 1) % 10), *others), "other.pkl.gz")
    before = {path: path.read_bytes() for path in Path().iterdir()}
    assert main("--n-epochs", "3", *arguments) == status
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err.splitlines()[-1]
    assert "Traceback" not in err
    assert {path: path.read_bytes() for path in Path().iterdir()} == before


def test_a_checkpoint_that_cannot_be_written_is_reported_and_the_training_goes_on(
    main, capsys, monkeypatch
):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(dltutorials.cli.outputs, "save_state", fail)
    assert main("--n-epochs", "3", "--checkpoint", "state") == 1
    out, err = capsys.readouterr()
    assert "epoch 3, minibatch 6/6" in out
    assert "warning: state could not be written: No space left on device" in err
    assert "error: the last state is not in state" in err.splitlines()[-1]
    assert Path("saved.pkl").exists()


@pytest.mark.slow
def test_of_two_processes_with_the_same_files_one_is_refused(tmp_path, tiny_file):
    arguments = ["--dataset", str(tiny_file), "--batch-size", "10", "--n-epochs", "150"]
    first, second = (
        start([*arguments, "--checkpoint", "state", "--learning-rate", rate], cwd=tmp_path)
        for rate in ("0.13", "0.01")
    )
    outputs = {process.pid: process.communicate() for process in (first, second)}
    if first.returncode:  # the second one was earlier
        first, second = second, first
    assert (first.returncode, second.returncode) == (0, 1)
    assert f": process {first.pid} on " in outputs[second.pid][1]
    assert "all 150 epochs are done" in outputs[first.pid][1]
    with open(tmp_path / "best_model.pkl", "rb") as file:
        assert [pickle.load(file).shape for _ in range(2)] == [(784, 10), (10,)]
    load_state(tmp_path / "state")
    assert sorted(os.listdir(tmp_path)) == ["best_model.pkl", "state", "tiny.pkl.gz"]


def save_npz(path, sets, n_in=784):
    names = [f"{part}_{kind}" for part in ("train", "valid", "test") for kind in "xy"]
    arrays = [array for x, y in sets for array in (x[:, :n_in], y)]
    numpy.savez(path, **dict(zip(names, arrays)))


def test_data_of_ones_own_decide_the_size_of_the_model(main, capsys, tiny_sets):
    own = [(x, y % 3) for x, y in tiny_sets]
    save_npz("mine.npz", own, n_in=200)
    assert main("--dataset", "mine.npz", "--n-epochs", "2") == 0
    with open("saved.pkl", "rb") as file:
        assert [pickle.load(file).shape for _ in range(2)] == [(200, 3), (3,)]


@pytest.mark.slow
@pytest.mark.numbers
def test_chunks_change_nothing_but_the_memory(main, capsys, tiny_sets):
    save_npz("mine.npz", tiny_sets)
    outputs = []
    for arguments in ([], ["--chunk-size", "1"], ["--chunk-size", "4"], ["--dataset", "mine.npz"]):
        assert main("--n-epochs", "5", *arguments) == 0
        outputs.append((capsys.readouterr().out.splitlines()[:-1], Path("saved.pkl").read_bytes()))
    assert main("--n-epochs", "5", "--dataset", "mine.npz", "--chunk-size", "2") == 0
    outputs.append((capsys.readouterr().out.splitlines()[:-1], Path("saved.pkl").read_bytes()))
    assert all(output == outputs[0] for output in outputs[1:])


@pytest.mark.slow
def test_a_run_in_chunks_goes_on_without_them_and_the_other_way_round(main, capsys):
    assert main("--n-epochs", "6", "--checkpoint", "whole.state") == 0
    expected = Path("saved.pkl").read_bytes()
    for begin, end in (([], ["--chunk-size", "2"]), (["--chunk-size", "4"], [])):
        assert main("--n-epochs", "2", "--checkpoint", "part.state", *begin) == 0
        assert main("--n-epochs", "6", "--resume", "part.state", *end) == 0
        assert Path("saved.pkl").read_bytes() == expected


def test_exact_evaluation_counts_every_example(main, capsys, tiny_sets):
    arguments = ["--batch-size", "23", "--n-epochs", "1", "--validation-frequency", "1"]
    assert main(*arguments) == 0
    out, err = capsys.readouterr()
    message = "left out of minibatches of 23: 14 training, 7 validation, 7 test examples"
    assert f"{message}; --exact-evaluation counts those of validation and test\n" in err
    assert main(*arguments, "--exact-evaluation") == 0
    exact_out, err = capsys.readouterr()
    assert "left out of minibatches of 23: 14 training examples\n" in err
    for output, n_examples in ((out, 23), (exact_out, 30)):
        shares = [float(share) for share in re.findall(r"error (\S+) %", output)]
        counts = [share / 100 * n_examples for share in shares]
        assert counts == pytest.approx([round(count) for count in counts], abs=1e-5)
    assert out != exact_out
    with open("saved.pkl", "rb") as file:
        W, b = pickle.load(file), pickle.load(file)
    x, y = tiny_sets[2]
    expected = ((x.dot(W) + b).argmax(axis=1) != y).mean() * 100
    assert f"with test performance {expected:.6f} %" in exact_out


@pytest.mark.slow
def test_too_little_memory_is_one_line_with_the_way_out(tmp_path):
    numpy.savez(
        tmp_path / "large.npz",
        **{f"{part}_y": numpy.arange(n) % 10 for part, n in (("train", 400_000), ("valid", 10))},
        test_y=numpy.arange(10),
        **{f"{part}_x": numpy.zeros((10, 784), "uint8") for part in ("valid", "test")},
        train_x=numpy.zeros((400_000, 784), "uint8"),
    )
    limited = (
        "import os, resource, runpy, sys; import dltutorials, pooch;"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize();"
        "resource.setrlimit(resource.RLIMIT_AS, (used + (900 << 20),) * 2);"
        "sys.argv = sys.argv[1:]; sys.path.insert(0, os.path.dirname(sys.argv[0]));"
        "runpy.run_path(sys.argv[0], run_name='__main__')"
    )
    command = ["-c", limited, SCRIPT, "--dataset", "large.npz"]
    command += ["--batch-size", "10", "--n-epochs", "1"]
    result = run_python(*command, folder=tmp_path, check=False)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == (
        "train_logreg.py: error: not enough memory: 400,000 examples take 1,254 MB as float32; "
        "keep a chunk of them at a time (--chunk-size, or load_data(chunk_size=...))"
    )
    assert "Traceback" not in result.stderr
    in_chunks = ["--chunk-size", "100", "--learning-rate", "0.001"]
    run_python(*command, *in_chunks, folder=tmp_path)
