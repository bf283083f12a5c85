from dltutorials.backend.sum_of_squares import SumOfSquares, sum_of_squares
from dltutorials.backend.whole_graph_linker import default_mode

import numpy
import pytest
import theano
import theano.tensor as T


@pytest.mark.parametrize("mode", [None, "one module", theano.Mode("py", None)])
@pytest.mark.parametrize("shape", [(), (1,), (15,), (16,), (17,), (33, 7), (784, 500), (2, 3, 5)])
def test_it_is_the_sum_of_squares(shape, mode, floatX):
    values = numpy.random.RandomState(1).normal(size=shape).astype(floatX)
    x = T.TensorType(floatX, (False,) * len(shape))()
    mode = default_mode() if mode == "one module" else mode
    f = theano.function([x], sum_of_squares(x), mode=mode)
    for _ in range(3):
        got = f(values)
        assert got.dtype == floatX
        assert got == pytest.approx((values.astype("float64") ** 2).sum(), rel=1e-6)


def test_rows_and_columns_may_lie_anyhow_in_memory(floatX):
    values = numpy.random.RandomState(1).normal(size=(30, 40)).astype(floatX)
    x = T.matrix()
    f = theano.function([x], sum_of_squares(x), mode=default_mode())
    for view in (values.T, values[::2, ::3], values[::-1], values[:0]):
        assert f(view) == pytest.approx((view.astype("float64") ** 2).sum(), rel=1e-6)


def test_its_gradient_is_right():
    values = numpy.random.RandomState(1).normal(size=(3, 4))
    T.verify_grad(sum_of_squares, [values], rng=numpy.random.RandomState(2), mode=theano.Mode())


def test_other_types_are_left_to_theano():
    x = T.imatrix()
    assert not isinstance(sum_of_squares(x).owner.op, SumOfSquares)
    assert theano.function([x], sum_of_squares(x))([[1, 2], [3, 4]]) == 30
