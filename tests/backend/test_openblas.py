import textwrap

import pytest
from helpers import theano_only

pytestmark = [pytest.mark.slow, theano_only]

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


def test_theanos_own_matrix_product_calls_the_linked_blas(run_program, tmp_path):
    result = run_program(PRODUCT + FIND_BLAS_CALLS, cache=tmp_path)
    assert result.stdout == "True True\nTrue\n"
    assert "NumPy" not in result.stderr


def test_a_library_that_does_not_link_falls_back_with_a_warning(run_program, tmp_path):
    (tmp_path / "scipy_openblas32.py").write_text(
        "def get_lib_dir(): return '/usr/lib'\ndef get_library(): return 'no_such_library'\n"
    )
    result = run_program(PRODUCT, PYTHONPATH=str(tmp_path))
    assert (
        "SlowTheanoWarning: linking scipy-openblas32 failed: Theano uses NumPy's" in result.stderr
    )


def test_a_path_with_spaces_falls_back_with_a_warning(run_program, tmp_path):
    (tmp_path / "scipy_openblas32.py").write_text(
        "def get_lib_dir(): return '/a path/lib'\ndef get_library(): return 'blas'\n"
    )
    result = run_program(PRODUCT, PYTHONPATH=str(tmp_path))
    assert "cannot link from a path with spaces or quotes (/a path/lib)" in result.stderr


def test_without_scipy_openblas32_numpys_blas_serves(run_program, tmp_path):
    (tmp_path / "scipy_openblas32.py").write_text("raise ImportError\n")
    result = run_program(PRODUCT, PYTHONPATH=str(tmp_path))
    assert "scipy-openblas32 is not installed: Theano uses NumPy's BLAS" in result.stderr


def test_without_a_compiler_it_works_and_says_what_to_install(run_program, tmp_path):
    result = run_program(PRODUCT + "    print(theano.config.cxx == '')", PATH=str(tmp_path))
    assert result.stdout == "True\n"
    assert "no C++ compiler (g++; for example: apt install g++)" in result.stderr


def test_without_pythons_headers_it_works_and_says_what_to_install(run_program):
    hide = """
        import sysconfig
        sysconfig.get_path = lambda name: "/nowhere"
    """
    result = run_program(textwrap.dedent(hide) + textwrap.dedent(PRODUCT))
    assert "no C headers of this Python (for example: apt install python3-dev)" in result.stderr


@pytest.mark.parametrize(("users", "seen"), [({}, "20"), ({"OPENBLAS_THREAD_TIMEOUT": "12"}, "12")])
def test_threads_of_the_blas_wait_shortly_unless_the_user_says_otherwise(run_program, users, seen):
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
    assert run_program(program, **users).stdout == f"{seen}\n{after}\nTrue\n"


def test_the_number_of_threads_is_the_users(run_program):
    program = """
        import ctypes, dltutorials, theano
        folder, library = (flag[2:] for flag in theano.config.blas.ldflags.split())
        blas = ctypes.CDLL(f"{folder}/lib{library}.so")
        print(blas.scipy_openblas_get_num_threads())
    """
    assert run_program(program, OPENBLAS_NUM_THREADS="1").stdout == "1\n"
