import numpy as np
import pytest
import theano
import theano.tensor as T
from numba.core import codegen

pytestmark = pytest.mark.numbers


def test_a_graph_is_compiled_in_one_piece(monkeypatch):
    pieces = []
    finish = codegen.JITCodeLibrary._finalize_specific
    monkeypatch.setattr(
        codegen.JITCodeLibrary,
        "_finalize_specific",
        lambda self: (pieces.append(self.name), finish(self)),
    )
    x = T.matrix("x", dtype="float64")
    number = np.random.RandomState().uniform(1, 2)  # one that no cache has
    function = theano.function([x], T.sum(T.tanh(x * number) ** 2, axis=0))
    matrix = np.linspace(-1, 1, 6).reshape(2, 3)
    values = function(matrix)
    assert len([name for name in pieces if "numba_funcified_fgraph" in name]) == 1
    assert len(pieces) <= 3  # Numba's own, the first time, are two
    np.testing.assert_allclose(values, (np.tanh(matrix * number) ** 2).sum(axis=0))


def test_kept_code_is_one_file_and_gives_the_same_numbers_and_errors(run_program, tmp_path):
    program = """
        import dltutorials, theano, theano.tensor as T, numpy as np
        nothing = dltutorials.backend.nothing_is_compiled()
        x, i = T.fvector(), T.lvector()
        function = theano.function([x, i], T.tanh(x)[i].sum())
        numbers = function(np.arange(4, dtype="float32"), [1, 3]).tobytes().hex()
        try:
            function(np.arange(4, dtype="float32"), [1, 4])
        except IndexError as error:
            print(nothing, error, numbers)
    """
    cache = tmp_path / "cache"
    first = run_program(program, cache=cache).stdout
    assert first.startswith("True index 4 is out of bounds for axis 0 with size 4")
    kept = [file.read_bytes() for file in cache.rglob("*.nbc")]
    assert len(kept) == 1
    assert run_program(program, cache=cache).stdout == first.replace("True", "False")
    assert [file.read_bytes() for file in cache.rglob("*.nbc")] == kept
