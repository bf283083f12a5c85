import textwrap
from pathlib import Path

from dltutorials import backend

import pytest
from helpers import run_python, theano_only


@pytest.fixture
def run(tmp_path):
    """Return a function that runs a program in a new process with a new Theano cache."""

    def run(program, flags="", check=True, **changes):
        flags = f"base_compiledir={tmp_path / 'cache'}" + (f",{flags}" if flags else "")
        variables = {"THEANO_FLAGS": flags, "THEANORC": None, "HOME": str(tmp_path / "home")}
        program = textwrap.dedent(program)
        return run_python("-c", program, folder=tmp_path, check=check, **{**variables, **changes})

    return run


PRODUCT = """
    import numpy
    import dltutorials
    import theano, theano.tensor as T
    x, y = T.fmatrices("x", "y")
    f = theano.function([x, y], T.dot(x, y))
    a = numpy.arange(6, dtype="float32").reshape(2, 3)
    assert numpy.array_equal(f(a, a.T), a.dot(a.T))
"""

FIND_BLAS_CALLS = """
    import pathlib, scipy_openblas32
    modules = [m.read_bytes() for m in pathlib.Path(theano.config.compiledir).rglob("m*.so")]
    [dot22] = [m for m in modules if b"Dot22" in m or b"sgemm_" in m]
    print(b"\\0scipy_sgemm_\\0" in dot22, b"libscipy_openblas" in dot22)
    print(scipy_openblas32.get_lib_dir() in pathlib.Path("/proc/self/maps").read_text())
"""


@theano_only
def test_theanos_own_matrix_product_calls_the_linked_blas(run):
    result = run(PRODUCT + FIND_BLAS_CALLS)
    assert result.stdout == "True True\nTrue\n"
    assert "NumPy" not in result.stderr


@theano_only
def test_a_library_that_does_not_link_falls_back_to_numpys_blas_with_a_warning(run, tmp_path):
    (tmp_path / "scipy_openblas32.py").write_text(
        "def get_lib_dir(): return '/usr/lib'\ndef get_library(): return 'no_such_library'\n"
    )
    result = run(PRODUCT, PYTHONPATH=str(tmp_path))
    assert (
        "SlowTheanoWarning: linking scipy-openblas32 failed: Theano uses NumPy's" in result.stderr
    )


@theano_only
def test_a_path_with_spaces_falls_back_with_a_warning(run, tmp_path):
    (tmp_path / "scipy_openblas32.py").write_text(
        "def get_lib_dir(): return '/a path/lib'\ndef get_library(): return 'blas'\n"
    )
    result = run(PRODUCT, PYTHONPATH=str(tmp_path))
    assert "cannot link from a path with spaces or quotes (/a path/lib)" in result.stderr


@theano_only
def test_without_scipy_openblas32_numpys_blas_serves(run, tmp_path):
    (tmp_path / "scipy_openblas32.py").write_text("raise ImportError\n")
    result = run(PRODUCT, PYTHONPATH=str(tmp_path))
    assert "scipy-openblas32 is not installed: Theano uses NumPy's BLAS" in result.stderr


@theano_only
def test_without_a_compiler_it_works_and_says_what_to_install(run, tmp_path):
    result = run(PRODUCT + "    print(theano.config.cxx == '')", PATH=str(tmp_path))
    assert result.stdout == "True\n"
    assert "no C++ compiler (g++; for example: apt install g++)" in result.stderr


@theano_only
def test_without_pythons_headers_it_works_and_says_what_to_install(run):
    hide = """
        import sysconfig
        sysconfig.get_path = lambda name: "/nowhere"
    """
    result = run(textwrap.dedent(hide) + textwrap.dedent(PRODUCT))
    assert "no C headers of this Python (for example: apt install python3-dev)" in result.stderr


SHOW = """
    import os
    import dltutorials, theano
    print(theano.config.blas.ldflags)
    print(theano.config.gcc.cxxflags)
    print(theano.config.floatX, theano.config.allow_gc)
    print(os.environ["THEANO_FLAGS"].split(",", 1)[1:])
"""


def test_the_users_flags_win_and_their_environment_is_left_alone(run):
    flags = "blas.ldflags=,gcc.cxxflags=-O1 -g0,floatX=float32,allow_gc=True"
    result = run(SHOW, flags)
    assert result.stdout == f"\n-O1 -g0\nfloat32 True\n['{flags}']\n"


def test_the_users_compiler_flags_are_kept_beside_ours(run):
    lines = run(SHOW, "gcc.cxxflags=-O1 -g0").stdout.splitlines()
    assert lines[0].endswith("-lscipy_openblas")
    assert lines[1].startswith("-O1 -g0 -Dsgemm_=scipy_sgemm_ ")


def test_the_users_theanorc_wins(run, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".theanorc").write_text(
        "[global]\nfloatX = float32\n[blas]\nldflags =\n[gcc]\ncxxflags = -O1\n"
    )
    assert run(SHOW).stdout == "\n-O1\nfloat32 False\n[]\n"
    (tmp_path / "other").write_text("[gcc]\ncxxflags = -O2\n")
    lines = run(SHOW, THEANORC=f"{tmp_path / 'home' / '.theanorc'}:{tmp_path / 'other'}")
    assert lines.stdout == "\n-O2\nfloat32 False\n[]\n"


@theano_only
def test_a_theano_that_was_imported_before_stays_as_it_is(run):
    program = """
        import theano
        before = str(theano.config)
        import dltutorials
        assert str(theano.config) == before
        print(dltutorials.backend.import_theano() is theano)
    """
    assert run(program, "blas.ldflags=").stdout == "True\n"


@pytest.mark.parametrize(
    ("flags", "chosen", "expected"),
    [
        ("", None, "float32"),
        ("floatX=float64", None, "float64"),
        ("floatX=float64", "float32", "float32"),
    ],
)
def test_floatX_is_float32_unless_the_user_says_otherwise(run, flags, chosen, expected):  # noqa: N802
    program = f"""
        import dltutorials, theano
        assert theano.config.floatX == "float64"
        assert dltutorials.set_floatX({chosen!r}) == theano.config.floatX
        print(theano.config.floatX)
    """
    assert run(program, flags).stdout == f"{expected}\n"


def test_an_unknown_flag_value_is_one_clear_error(run):
    result = run("import dltutorials", "floatX=float99", check=False)
    last = result.stderr.splitlines()[-1]
    assert last.startswith(
        f"dltutorials.exceptions.SetupError: {backend.name()} cannot be imported: "
    )
    assert "float99" in last


@pytest.mark.slow
@theano_only
def test_scan_works_on_every_python(run):
    program = """
        import dltutorials, theano, theano.tensor as T
        n = T.iscalar("n")
        powers, _ = theano.scan(lambda p: p * 2, outputs_info=T.constant(1.0), n_steps=n)
        print(theano.function([n], powers)(4).tolist())
    """
    assert run(program).stdout == "[2.0, 4.0, 8.0, 16.0]\n"


def test_the_package_says_that_it_is_typed():
    import dltutorials

    assert Path(dltutorials.__file__).with_name("py.typed").exists()


@pytest.mark.slow
@theano_only
def test_the_options_for_the_processor_are_tried_once_a_machine(run):
    program = """
        import dltutorials
        from theano.gof.cmodule import Compiler
        tried, try_compile = [], Compiler._try_compile_tmp
        def count(source, *args, **options):
            tried.append(options.get("tmp_prefix") or args)
            return try_compile(source, *args, **options)
        Compiler._try_compile_tmp = count
        import theano, theano.tensor as T
        x = T.dvector("x")
        theano.function([x], x * 2)
        print(len(tried))
    """
    run("import dltutorials")
    assert run(program).stdout == "0\n"


@theano_only
@pytest.mark.parametrize(("users", "seen"), [({}, "12"), ({"OPENBLAS_THREAD_TIMEOUT": "20"}, "20")])
def test_threads_of_the_blas_wait_shortly_unless_the_user_says_otherwise(run, users, seen):
    program = """
        import ctypes, os
        load = ctypes.CDLL
        def watch(path, *args, **options):
            if "scipy_openblas" in str(path):
                seen.add(os.environ.get("OPENBLAS_THREAD_TIMEOUT"))
            return load(path, *args, **options)
        ctypes.CDLL, seen = watch, set()
        import dltutorials
        print(*seen)
        print(os.environ.get("OPENBLAS_THREAD_TIMEOUT"))
        print(open("/proc/self/maps").read().count("libscipy_openblas.so") > 0)
    """
    after = users.get("OPENBLAS_THREAD_TIMEOUT")
    assert run(program, **users).stdout == f"{seen}\n{after}\nTrue\n"


@theano_only
def test_the_number_of_threads_is_the_users(run):
    program = """
        import ctypes, dltutorials, theano
        folder, library = (flag[2:] for flag in theano.config.blas.ldflags.split())
        blas = ctypes.CDLL(f"{folder}/lib{library}.so")
        print(blas.scipy_openblas_get_num_threads())
    """
    assert run(program, OPENBLAS_NUM_THREADS="1").stdout == "1\n"
