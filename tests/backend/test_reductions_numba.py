import dltutorials  # noqa: F401  first: it imports the backend
from dltutorials import backend

import numpy
import pytest
import theano
import theano.tensor as T

pytestmark = pytest.mark.numbers

X = numpy.random.RandomState(7).standard_normal((5, 4)).astype("float32")


@pytest.fixture(scope="module")
def reduce_all():
    """Return a function of a matrix with all the reductions, compiled once."""
    x = T.matrix("x", dtype="float32")
    sums = [T.sum(x), T.sum(x, axis=0), T.sum(x, axis=1), T.sum(x, axis=0, dtype="float64")]
    return theano.function([x], [*sums, T.argmax(x, axis=1)], mode=backend.default_mode())


def add_one_after_the_other(parts, dtype="float32"):
    """Return the sum, added up in double precision as Theano does."""
    total = numpy.zeros_like(parts[0], "float64")
    for part in parts:
        total += part
    return total.astype(dtype).tolist()


def test_sums_add_one_number_after_the_other_and_argmax_is_numpys(reduce_all):
    total, over_rows, over_columns, in_double, places = reduce_all(X)
    assert total == add_one_after_the_other(X.ravel())
    assert over_rows.tolist() == add_one_after_the_other(X)
    assert over_columns.tolist() == add_one_after_the_other(X.T)
    assert in_double.tolist() == add_one_after_the_other(X, "float64")
    assert places.tolist() == X.argmax(axis=1).tolist()


def test_argmax_is_the_first_of_equal_values_and_a_number_that_is_none_comes_first(reduce_all):
    nan = float("nan")
    x = numpy.array([[1, 3, 3, 2], [0, nan, 9, nan], [nan, 1, 2, 3]], "float32")
    assert reduce_all(x)[-1].tolist() == [1, 1, 0] == x.argmax(axis=1).tolist()


def test_no_rows_have_no_largest_values_and_no_columns_are_an_error(reduce_all):
    total, over_rows, over_columns, _, places = reduce_all(numpy.zeros((0, 4), "float32"))
    assert (total, over_rows.tolist(), over_columns.tolist()) == (0, [0] * 4, [])
    assert places.tolist() == []
    with pytest.raises(ValueError, match="empty sequence"):
        reduce_all(numpy.zeros((3, 0), "float32"))


def test_a_sum_over_no_axis_is_the_matrix_itself_in_the_type_of_sums():
    x = T.imatrix("x")
    total = theano.function([x], T.sum(x, axis=[]), mode=backend.default_mode())
    value = total(numpy.array([[1, 2], [3, 4]], "int32"))
    assert (value.dtype, value.tolist()) == ("int64", [[1, 2], [3, 4]])


@pytest.mark.slow
def test_what_is_in_another_order_of_memory_is_left_to_pytensor():
    x = T.matrix("x", dtype="float32")
    places = theano.function([x], T.argmax(x.T, axis=1), mode=backend.default_mode())(X)
    assert places.tolist() == X.argmax(axis=0).tolist()
