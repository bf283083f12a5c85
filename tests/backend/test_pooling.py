from dltutorials import backend
from dltutorials.backend.pooling import MaxPool2d, MaxPool2dGradient
from dltutorials.exceptions import OptionError

import numpy
import pytest
import theano
import theano.tensor as T


def pool(x, rows, columns):
    """Take the largest of each window in loops."""
    z = numpy.zeros((*x.shape[:2], x.shape[2] // rows, x.shape[3] // columns), x.dtype)
    for n, m, i, j in numpy.ndindex(z.shape):
        z[n, m, i, j] = x[n, m, i * rows : (i + 1) * rows, j * columns : (j + 1) * columns].max()
    return z


def compiled(ws):
    """Return a function of x and dz: the pooled maps and the gradient for x."""
    x, dz = T.tensor4("x"), T.tensor4("dz")
    z = backend.max_pool_2d(x, ws)
    outputs = [z, T.grad(T.sum(z * dz), x)]
    return theano.function([x, dz], outputs, mode=backend.default_mode())


@pytest.mark.parametrize("ws", [(2, 2), (1, 3), (3, 2)])
def test_the_largest_of_each_window_and_its_gradient(floatX, ws):
    function, rng = compiled(ws), numpy.random.RandomState(3)
    for shape in (2, 3, 4, 6), (2, 1, 5, 7), (1, 2, 3, 3), (0, 1, 4, 4):
        x = rng.permutation(int(numpy.prod(shape))).reshape(shape).astype(floatX)  # no ties
        z = pool(x, *ws)
        dz = rng.randn(*z.shape).astype(floatX)
        dx = numpy.zeros_like(x)
        for n, m, i, j in numpy.ndindex(z.shape):
            dx[(n, m, *numpy.argwhere(x[n, m] == z[n, m, i, j])[0])] = dz[n, m, i, j]
        value, gradient = function(x, dz)
        assert value.dtype == gradient.dtype == floatX
        assert value.tolist() == z.tolist()
        assert gradient.tolist() == dx.tolist()
        assert MaxPool2d(*ws).compute(x).tolist() == z.tolist()
        assert MaxPool2dGradient(*ws).compute(x, z, dz).tolist() == dx.tolist()


def test_each_of_several_largest_numbers_gets_the_gradient():
    x = [[[[1, 8, 2, 0], [8, 3, 2, 2], [0, 0, -1, -5], [0, 0, -2, -1]]]]
    dz = [[[[0.5, 2], [3, -4]]]]
    value, gradient = compiled((2, 2))(*(numpy.array(a, theano.config.floatX) for a in (x, dz)))
    assert value.tolist() == [[[[8, 2], [0, -1]]]]
    assert gradient.tolist() == [
        [[[0, 0.5, 2, 0], [0.5, 0, 2, 2], [3, 3, -4, 0], [3, 3, 0, -4]]],
    ]


def test_the_gradient_is_that_of_the_function():
    x = numpy.random.RandomState(2).permutation(60).reshape(1, 2, 5, 6) / 8
    T.verify_grad(
        lambda x: MaxPool2d(2, 3)(x), [x.astype("float64")], rng=numpy.random.RandomState(1)
    )


def test_maps_that_do_not_lie_in_order():
    x_ = T.tensor4("x")
    z = backend.max_pool_2d(x_[:, ::-1].dimshuffle(0, 1, 3, 2), (2, 2))
    function = theano.function([x_], z, mode=backend.default_mode())
    x = numpy.random.RandomState(3).randn(2, 3, 4, 6).astype(theano.config.floatX)
    assert function(x).tolist() == pool(x[:, ::-1].transpose(0, 1, 3, 2), 2, 2).tolist()


def test_windows_larger_than_the_map_leave_nothing():
    x = numpy.ones((2, 3, 1, 4), theano.config.floatX)
    value, gradient = compiled((2, 2))(x, numpy.ones((2, 3, 0, 2), theano.config.floatX))
    assert value.shape == (2, 3, 0, 2)
    assert gradient.tolist() == numpy.zeros_like(x).tolist()


@pytest.mark.parametrize("ws", [(0, 2), (2, -1), (2.0, 2)])
def test_windows_of_no_size_are_refused(ws):
    with pytest.raises(OptionError, match="ws: got"):
        backend.max_pool_2d(T.tensor4(), ws)


def test_second_derivatives_are_refused():
    x = T.tensor4("x")
    gradient = T.grad(T.sum(backend.max_pool_2d(x, (2, 2)) ** 2), x)
    with pytest.raises(NotImplementedError, match="no second derivatives"):
        T.grad(T.sum(gradient), x)
