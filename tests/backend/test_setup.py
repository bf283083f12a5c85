from pathlib import Path

import pytest
from helpers import theano_only


@pytest.mark.slow
@theano_only
def test_a_theano_that_was_imported_before_stays_as_it_is(run_program):
    program = """
        import theano
        before = str(theano.config)
        import dltutorials
        assert str(theano.config) == before
        print(dltutorials.backend.import_theano() is theano)
    """
    assert run_program(program, "blas.ldflags=").stdout == "True\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "chosen", "expected"),
    [
        ("", None, "float32"),
        ("floatX=float64", None, "float64"),
        ("floatX=float64", "float32", "float32"),
    ],
)
def test_floatX_is_float32_unless_the_user_says_otherwise(run_program, flags, chosen, expected):  # noqa: N802
    program = f"""
        import dltutorials, theano
        assert theano.config.floatX == "float64"
        assert dltutorials.set_floatX({chosen!r}) == theano.config.floatX
        print(theano.config.floatX)
    """
    assert run_program(program, flags).stdout == f"{expected}\n"


def test_the_package_says_that_it_is_typed():
    import dltutorials

    assert Path(dltutorials.__file__).with_name("py.typed").exists()
