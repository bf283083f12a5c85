import re
import types

from dltutorials.backend import preflight
from dltutorials.backend.flags import UserSettings
from dltutorials.exceptions import SetupError

import pytest
from helpers import ROOT, SCRIPTS, on_pytensor, run_python, theano_only

IMPORT = "import dltutorials"


@theano_only
@pytest.mark.parametrize("version", ["1.24.0", "2.4.6"])
def test_a_numpy_that_another_package_brought_is_named_with_what_mends_it(run_program, version):
    program = f"import numpy; numpy.__version__ = {version!r}; {IMPORT}"
    last = run_program(program, check=False).stderr.splitlines()[-1]
    assert last.startswith(
        f"dltutorials.exceptions.SetupError: NumPy: got {version}, expected 1.21 to 1.23, "
        "which Theano needs; pip install 'numpy>=1.21,<1.24' scipy pandas"
    )


def test_the_range_of_numpy_is_that_of_the_installation():
    oldest, too_new = (".".join(map(str, version)) for version in preflight.NUMPY_OF_THEANO)
    assert f"numpy>={oldest},<{too_new};" in (ROOT / "setup.py").read_text()


@pytest.mark.slow
@theano_only
def test_a_scipy_for_a_newer_numpy_is_one_line_that_says_what_to_do(run_program):
    program = """
        import sys, warnings
        class Warns:
            def find_spec(self, name, *others):
                if name == "scipy.special":
                    sys.meta_path.remove(self)
                    warnings.warn("A NumPy version >=1.26.4 is required for this version of SciPy")
        sys.meta_path.insert(0, Warns())
        import dltutorials
    """
    [line] = run_program(program).stderr.splitlines()
    assert re.search(
        r"SciPy .* was not made for NumPy .*; pip install 'numpy>=1.21,<1.24' scipy$", line
    )


@on_pytensor
def test_a_numpy_that_numba_does_not_know_is_one_line(run_program):
    program = """
        import numpy, dltutorials, theano
        numpy.__version__ = "99.0"
        theano.function([], theano.shared(1.0) + 1)
    """
    last = run_program(program, check=False).stderr.splitlines()[-1]
    assert last.startswith("dltutorials.exceptions.SetupError: Numba, which compiles for PyTensor")
    assert "pip install --upgrade numba numpy" in last


@theano_only
@pytest.mark.parametrize("package", ["numpy", "scipy", "six"])
def test_a_missing_package_is_named_with_what_installs_it(run_program, package):
    program = f"import sys; sys.modules[{package!r}] = None; {IMPORT}"
    last = run_program(program, check=False).stderr.splitlines()[-1]
    assert last.startswith("dltutorials.exceptions.SetupError: ")
    assert package in last
    assert "; pip install " in last


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ('"', "THEANO_FLAGS: got '\"', expected NAME=VALUE,NAME=VALUE: No closing quotation"),
        ("floatX=float32\\", "THEANO_FLAGS: got 'floatX=float32\\\\', expected NAME=VALUE"),
    ],
)
def test_flags_that_cannot_be_read_are_one_line_from_a_script(tmp_path, flags, said):
    script = SCRIPTS / "train_logreg.py"
    done = run_python(script, folder=tmp_path, check=False, THEANO_FLAGS=flags)
    assert (done.returncode, done.stdout) == (1, "")
    [line] = done.stderr.splitlines()
    assert line.startswith(f"train_logreg.py: error: {said}")


@pytest.mark.parametrize("content", [b"[global]\nfloatX = float32 # \xe9\n", b"floatX = float32\n"])
def test_a_theanorc_that_cannot_be_read_is_named(tmp_path, monkeypatch, content):
    (tmp_path / "rc").write_bytes(content)
    monkeypatch.setenv("THEANORC", str(tmp_path / "rc"))
    with pytest.raises(SetupError, match=r"rc: .*; expected \[global\] or another section"):
        UserSettings()


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        ("cxx=/bin/false", "exit status 1"),
        ("cxx=/no/such", "No such file or directory"),
        ("gcc.cxxflags=-fnonsense", ".*-fnonsense.*"),
        ("blas.ldflags=-lnonexistent", ".*-lnonexistent.*"),
    ],
)
def test_a_compiler_that_makes_no_program_is_refused(monkeypatch, flags, reason):
    monkeypatch.setenv("THEANO_FLAGS", flags)
    with pytest.raises(SetupError, match=f"^{flags}: the compiler fails with it: {reason};"):
        preflight.require_compiler(UserSettings())


@pytest.mark.parametrize("flags", ["", "cxx=", "cxx=,blas.ldflags=-lnonexistent", "blas.ldflags="])
def test_where_nothing_is_compiled_nothing_is_tried(monkeypatch, flags):
    monkeypatch.setenv("THEANO_FLAGS", flags)
    monkeypatch.setattr("subprocess.run", None)
    preflight.require_compiler(UserSettings())


def test_the_compiler_is_asked_before_the_engine(run_program):
    done = run_program(IMPORT, "linker=cvm,cxx=/bin/false", check=False)
    last = done.stderr.splitlines()[-1]
    assert last.startswith("dltutorials.exceptions.SetupError: cxx=/bin/false: the compiler fails")


def test_a_compile_folder_that_cannot_be_made_names_the_flag(run_program, tmp_path):
    (tmp_path / "file").touch()
    done = run_program(IMPORT, cache=tmp_path / "file", check=False)
    last = done.stderr.splitlines()[-1]
    assert last.startswith("dltutorials.exceptions.SetupError: ")
    assert "name another folder with THEANO_FLAGS=base_compiledir=FOLDER" in last


def test_a_compile_folder_that_takes_no_files_names_the_flag():
    config = types.SimpleNamespace(compiledir="/no/such")
    with pytest.raises(SetupError, match=r"^/no/such is read-only; .*base_compiledir=FOLDER"):
        preflight.require_compile_folder(config)
