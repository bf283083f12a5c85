import ctypes

from dltutorials import backend
from dltutorials.backend.convolution import Conv2d, Conv2dInputGradient, Conv2dWeightGradient

import numpy
import pytest
import scipy_openblas32
import theano
import theano.tensor as T
from helpers import theano_only

SHAPES = [
    ((1, 1, 3, 3), (1, 1, 2, 2)),
    ((3, 2, 6, 5), (4, 2, 3, 2)),
    ((2, 3, 7, 19), (2, 3, 1, 4)),
    ((2, 1, 5, 4), (3, 1, 5, 4)),  # the whole image
    ((1, 1, 1, 9), (1, 1, 1, 2)),
]
OPERATIONS = [Conv2d, Conv2dWeightGradient, Conv2dInputGradient]


def convolve(x, W):
    """Convolve in loops, as the definition says."""
    (n, channels, height, width), (filters, _, rows, columns) = x.shape, W.shape
    z = numpy.zeros((n, filters, height - rows + 1, width - columns + 1))
    for image, f, i, j in numpy.ndindex(z.shape):
        for c, a, b in numpy.ndindex(channels, rows, columns):
            z[image, f, i, j] += x[image, c, i + rows - 1 - a, j + columns - 1 - b] * W[f, c, a, b]
    return z


def draw(*shapes, seed=5):
    rng = numpy.random.RandomState(seed)
    return [rng.randn(*shape).astype(theano.config.floatX) for shape in shapes]


def compiled_conv2d():
    x, W = T.tensor4("x"), T.tensor4("W")
    return theano.function([x, W], backend.conv2d(x, W), mode=backend.default_mode())


def is_close(value, expected):
    scale = abs(expected).max()
    return abs(value - expected).max() <= scale * (1e-5 if value.dtype == "float32" else 1e-13)


def test_the_convolution_is_the_one_of_the_definition(floatX):
    conv2d = compiled_conv2d()
    for shapes in SHAPES:
        x, W = draw(*shapes)
        value = conv2d(x, W)
        assert value.dtype == floatX
        assert is_close(value, convolve(x, W))


@theano_only
def test_it_is_theanos_own(floatX):
    x, W = draw((3, 2, 8, 7), (4, 2, 3, 3))
    x_, W_ = T.tensor4("x"), T.tensor4("W")
    outputs = []
    for conv2d in (backend.conv2d, T.nnet.conv2d):
        z = conv2d(x_, W_)
        outputs += [z, *T.grad(T.sum(z**2), [x_, W_])]
    values = theano.function([x_, W_], outputs)(x, W)
    assert all(is_close(ours, its) for ours, its in zip(values[:3], values[3:]))


def test_the_chapters_example():
    x = numpy.array([[[[1, 2, 0], [0, 1, 3], [2, 1, 1]]]], theano.config.floatX)
    W = numpy.array([[[[1, 0], [2, -1]]]], theano.config.floatX)
    assert compiled_conv2d()(x, W).tolist() == [[[[4, 1], [3, 6]]]]


def test_the_gradients_are_those_of_the_function():
    values = [value.astype("float64") for value in draw((3, 2, 6, 5), (4, 2, 3, 2))]
    T.verify_grad(lambda x, W: Conv2d()(x, W), values, rng=numpy.random.RandomState(1))


@pytest.mark.parametrize("operation", OPERATIONS[1:])
def test_the_gradients_have_gradients(operation):
    x, W, dz = (value.astype("float64") for value in draw((2, 3, 5, 4), (2, 3, 3, 2), (2, 2, 3, 3)))
    values = [x, dz] if operation is Conv2dWeightGradient else [W, dz]
    T.verify_grad(lambda *of: operation()(*of), values, rng=numpy.random.RandomState(1))


def compile_with_gradients(call=backend.conv2d):
    x, W = T.tensor4("x"), T.tensor4("W")
    z = call(x, W)
    outputs = [z, *T.grad(T.sum(z**2), [x, W])]
    return theano.function([x, W], outputs, mode=backend.default_mode())


@theano_only
def test_the_result_does_not_depend_on_the_number_of_threads():
    function = compile_with_gradients(
        lambda x, W: backend.max_pool_2d(backend.conv2d(x, W), (2, 2))
    )
    x, W = draw((57, 3, 40, 40), (20, 3, 5, 5))
    results = {n: [z.tobytes() for z in with_blas_threads(n, function, x, W)] for n in (1, 2, 3)}
    assert results[1] == results[2] == results[3]


def with_blas_threads(n, function, *arguments):
    folder, name = scipy_openblas32.get_lib_dir(), scipy_openblas32.get_library()
    blas = ctypes.CDLL(f"{folder}/lib{name}.so")
    before = blas.scipy_openblas_get_num_threads()
    blas.scipy_openblas_set_num_threads(n)
    try:
        result = function(*arguments)
        assert blas.scipy_openblas_get_num_threads() == n
    finally:
        blas.scipy_openblas_set_num_threads(before)
    return result


def test_many_blocks_of_images_are_as_good_as_one(floatX):
    function = compile_with_gradients()
    for n_images in (0, 1, 57):
        x, W = draw((n_images, 3, 40, 40), (20, 3, 5, 5))  # a block holds 1 or 2 of them
        z = Conv2d().compute(x, W)
        dx = Conv2dInputGradient().compute(W, 2 * z)
        dW = Conv2dWeightGradient().compute(x, 2 * z)
        for value, other in zip(function(x, W), (z, dx, dW)):
            assert value.shape == other.shape
            assert not other.size or is_close(value, other)


@pytest.mark.parametrize(("x_shape", "W_shape"), SHAPES)
def test_without_a_compiler_numpy_computes_the_same(x_shape, W_shape):
    x, W = (value.astype("float64") for value in draw(x_shape, W_shape))
    z = Conv2d().compute(x, W)
    assert is_close(z, convolve(x, W))
    [dz] = draw(z.shape, seed=6)
    dz = dz.astype("float64")
    # The convolution is linear in x and in W, and the gradients are its transposes.
    product = (z * dz).sum()
    assert numpy.isclose((x * Conv2dInputGradient().compute(W, dz)).sum(), product)
    assert numpy.isclose((W * Conv2dWeightGradient().compute(x, dz)).sum(), product)


def test_images_that_do_not_lie_in_order():
    x, W = draw((2, 5, 4, 3), (3, 3, 2, 2))
    x_, W_ = T.tensor4("x"), T.tensor4("W")
    z = backend.conv2d(x_.dimshuffle(0, 3, 1, 2), W_[::-1])
    function = theano.function([x_, W_], z, mode=backend.default_mode())
    assert is_close(function(x, W), convolve(x.transpose(0, 3, 1, 2), W[::-1]))


def test_shapes_that_do_not_fit_are_refused():
    conv2d = compiled_conv2d()
    for W_shape, message in (
        ((5, 2, 2, 2), "channels"),
        ((5, 3, 5, 2), "smaller than the filters"),
        ((5, 3, 2, 5), "smaller than the filters"),
    ):
        with pytest.raises(ValueError, match=message):
            conv2d(*draw((2, 3, 4, 4), W_shape))


def test_other_types_are_refused_before_anything_is_computed():
    with pytest.raises(TypeError, match="Conv2d: got float64 of 3 dimensions, float32 of 4"):
        backend.conv2d(T.dtensor3(), T.ftensor4())
    with pytest.raises(TypeError, match="all float32 or all float64"):
        backend.conv2d(T.itensor4(), T.itensor4())
