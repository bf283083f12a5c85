import argparse
import io
import os
import re
import subprocess
import sys

from dltutorials.cli import console
from dltutorials.exceptions import OptionError
from dltutorials.training.parameters import save_params

import numpy
import PIL.Image
import pytest
from helpers import SCRIPTS, run_python

# Terminals that lack most characters.
POOR = [
    {"PYTHONIOENCODING": "ascii"},
    {"PYTHONIOENCODING": "latin-1"},
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    {"LC_ALL": "POSIX"},
    {"LANG": "C", "LC_ALL": "", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
]


def name_of(variables):
    return " ".join(f"{name}={value}" for name, value in variables.items())


@pytest.mark.slow
@pytest.mark.parametrize("variables", POOR, ids=name_of)
def test_a_photo_with_a_name_that_the_terminal_lacks(tmp_path, variables):
    save_params([numpy.zeros((784, 10)), numpy.arange(10.0)], tmp_path / "best_model.pkl")
    photo = numpy.full((90, 120), 255, "uint8")
    photo[20:70, 60:66] = 0
    PIL.Image.fromarray(photo).save(os.fsencode(tmp_path) + "/é图.png".encode())
    photos = ["é图.png".encode(), "missing é.png".encode()]
    done = subprocess.run(
        [sys.executable, SCRIPTS / "predict.py", "best_model.pkl", "--image", *photos],
        cwd=tmp_path,
        env={**os.environ, **variables},
        capture_output=True,
    )
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert re.match(rb".*\.png: label 9 \(", done.stdout), done.stdout
    [line] = done.stderr.splitlines()
    assert line.startswith(b"predict.py: error: missing ")


PRINTING = """
from dltutorials.cli import console
console.print_results(["18.75 ± 8.84, 图"])
console.print_message("图 \\udce9.png")
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variables", "out", "err"),
    [
        ({"PYTHONIOENCODING": "utf-8"}, "18.75 ± 8.84, 图", r"图 \udce9.png"),
        ({"PYTHONIOENCODING": "ascii"}, r"18.75 +/- 8.84, \u56fe", r"\u56fe \udce9.png"),
        ({"PYTHONIOENCODING": "latin-1"}, r"18.75 +/- 8.84, \u56fe", r"\u56fe \udce9.png"),
        ({"PYTHONIOENCODING": "ascii:replace"}, "18.75 ? 8.84, ?", r"\u56fe \udce9.png"),
    ],
)
def test_what_the_encoding_lacks_is_escaped(tmp_path, variables, out, err):
    program = tmp_path / "program.py"
    program.write_text(PRINTING, encoding="utf-8")
    done = run_python(program, **variables)
    assert (done.stdout, done.stderr) == (f"{out}\n", f"{err}\n")


def test_the_help_is_printed_on_any_terminal(monkeypatch):
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    console.Parser(description="图").print_help(file)
    assert b"\\u56fe" in file.buffer.getvalue()


class TestExitStatus:
    def status_of(self, error, **settings):
        def program(options):
            raise error

        return console.run(program, console.Parser(prog="x"), [])

    @pytest.mark.parametrize(
        ("error", "status", "line"),
        [
            (OptionError("a: got 1"), 2, "error: a: got 1"),
            (OSError(28, "No space left on device", "file"), 1, "error: file: No space left"),
            (OSError("gone"), 1, "error: gone"),
            (MemoryError(), 1, "error: not enough memory"),
            (KeyboardInterrupt(), 130, "interrupted"),
        ],
    )
    def test_what_is_raised_is_a_line(self, capsys, error, status, line):
        assert self.status_of(error) == status
        [printed] = capsys.readouterr().err.splitlines()
        assert printed.partition(": ")[2].startswith(line)

    def test_a_fault_of_the_program_is_not_hidden(self):
        with pytest.raises(ZeroDivisionError):
            self.status_of(ZeroDivisionError())

    def test_wrong_options_are_one_line(self, capsys):
        with console.named("count"):
            status = console.run(lambda options: 0, console.Parser(), ["--colour"])
        message = "count: error: unrecognized arguments: --colour; see --help\n"
        assert (status, capsys.readouterr().err) == (2, message)


STREAMS = {
    "stdout closed": (">&-", 0, []),
    "stderr closed": ("2>&-", 0, None),
    "stdout full": (">/dev/full", 1, ["error: standard output: No space left on device"]),
    "stderr full": ("2>/dev/full", 0, None),
    "nobody reads": ("| true", 1, []),
}


@pytest.mark.slow
@pytest.mark.parametrize("stream", STREAMS)
def test_streams_that_take_nothing_are_no_traceback_and_a_status(tmp_path, stream):
    redirection, status, lines = STREAMS[stream]
    program = tmp_path / "program.py"
    program.write_text(
        "import sys\n"
        "from dltutorials.cli import console\n"
        "def count(options):\n"
        "    console.print_message('counting')\n"
        "    for line in range(20_000):\n"
        "        console.print_results([str(line)])\n"
        "    return 0\n"
        "sys.exit(console.run(count, console.Parser()))\n"
    )
    command = f"{sys.executable} {program} {redirection}; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.returncode == status, done.stderr
    if lines is not None:
        expected = ["counting", *(f"program.py: {line}" for line in lines)]
        assert done.stderr.splitlines() == expected


# The first moments: Ctrl-C while NumPy is being imported.

WAYS = {
    "train_logreg.py": [str(SCRIPTS / "train_logreg.py")],
    "plot.py": [str(SCRIPTS / "plot.py"), "history", "run.jsonl"],
    "dltutorials": ["-m", "dltutorials", "train-logreg"],
}


CTRL_C = {
    "once": "os.kill(os.getpid(), signal.SIGINT)\n",
    "where it is taken for an import's failure": """
try:
    os.kill(os.getpid(), signal.SIGINT)
except BaseException:
    raise ImportError
""",
    "where another's hook is in place": """
import sys
sys.excepthook = None
os.kill(os.getpid(), signal.SIGINT)
""",
}


@pytest.fixture
def early(tmp_path):
    """Return a function that runs Python where importing NumPy does something else."""

    def run(arguments, instead):
        (tmp_path / "numpy.py").write_text(instead)
        return run_python(*arguments, check=False, PYTHONPATH=str(tmp_path))

    return run


@pytest.mark.parametrize("how", CTRL_C)
@pytest.mark.parametrize("name", WAYS)
def test_ctrl_c_while_importing_is_one_line(early, name, how):
    done = early(WAYS[name], f"import os, signal\n{CTRL_C[how]}")
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == f"{name}: interrupted\n"


@pytest.mark.parametrize("name", WAYS)
def test_sigterm_while_importing_is_one_line(early, name):
    done = early(WAYS[name], "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n")
    assert (done.returncode, done.stdout) == (143, "")
    assert done.stderr == f"{name}: interrupted\n"


def test_ctrl_c_in_the_first_moments_of_the_installed_command(early, tmp_path):
    command = tmp_path / "dltutorials"  # as pip writes it
    command.write_text("import sys\nfrom dltutorials.__main__ import main\nsys.exit(main())\n")
    done = early([command, "--version"], "raise KeyboardInterrupt\n")
    assert (done.returncode, done.stderr) == (130, "dltutorials: interrupted\n")


@pytest.mark.parametrize("name", WAYS)
def test_a_missing_package_is_one_line(early, name):
    done = early(WAYS[name], "raise ModuleNotFoundError('No module named \\'numpy\\'')\n")
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert line.startswith(f"{name}: error: ")
    assert "No module named 'numpy'" in line


def test_a_program_of_ones_own_is_interrupted_as_ever(early):
    done = early(["-c", "import dltutorials"], "raise KeyboardInterrupt\n")
    assert done.stderr.startswith("Traceback")


def test_a_checkout_that_is_not_installed_finds_its_package(tmp_path):
    program = (
        f"import sys; sys.path.insert(0, {str(SCRIPTS)!r}); import launcher; launcher.start();"
        "import importlib.util; print(importlib.util.find_spec('dltutorials').origin)"
    )
    # Without site packages, as if nothing were installed.
    done = run_python("-S", "-c", program, PYTHONPATH=None)
    assert done.stdout.strip() == str(SCRIPTS.parent / "dltutorials" / "__init__.py")


def test_any_parser_may_be_run(capsys):
    parser = argparse.ArgumentParser()
    parser.add_argument("number", type=int)
    assert console.run(lambda options: options.number, parser, ["3"]) == 3
