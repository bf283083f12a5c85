from dltutorials import backend

import pytest

pytestmark = pytest.mark.slow

SHOW = """
    import os
    import dltutorials, theano
    print(theano.config.blas.ldflags)
    print(theano.config.gcc.cxxflags)
    print(theano.config.floatX, theano.config.allow_gc)
    print(os.environ["THEANO_FLAGS"].split(",", 1)[1:])
"""


def test_the_users_flags_win_and_their_environment_is_left_alone(run_program):
    flags = "blas.ldflags=,gcc.cxxflags=-O1 -g0,floatX=float32,allow_gc=True"
    result = run_program(SHOW, flags)
    assert result.stdout == f"\n-O1 -g0\nfloat32 True\n['{flags}']\n"


def test_the_users_compiler_flags_are_kept_beside_ours(run_program):
    lines = run_program(SHOW, "gcc.cxxflags=-O1 -g0").stdout.splitlines()
    assert lines[0].endswith("-lscipy_openblas")
    assert lines[1].startswith("-O1 -g0 -Dsgemm_=scipy_sgemm_ ")


def test_the_users_theanorc_wins(run_program, tmp_path):
    (tmp_path / ".theanorc").write_text(
        "[global]\nfloatX = float32\n[blas]\nldflags =\n[gcc]\ncxxflags = -O1\n"
    )
    assert run_program(SHOW).stdout == "\n-O1\nfloat32 False\n[]\n"
    (tmp_path / "other").write_text("[gcc]\ncxxflags = -O2\n")
    lines = run_program(SHOW, THEANORC=f"{tmp_path / '.theanorc'}:{tmp_path / 'other'}")
    assert lines.stdout == "\n-O2\nfloat32 False\n[]\n"


def test_an_unknown_flag_value_is_one_clear_error(run_program):
    result = run_program("import dltutorials", "floatX=float99", check=False)
    last = result.stderr.splitlines()[-1]
    assert last.startswith(
        f"dltutorials.exceptions.SetupError: {backend.name()} cannot be imported: "
    )
    assert "float99" in last
