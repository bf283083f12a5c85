"""Convolution and pooling under the names that the chapter on LeNet imports them by."""

import pytest
import theano
import theano.tensor as T
from helpers import on_pytensor
from theano.tensor.nnet import conv2d
from theano.tensor.signal import pool

pytestmark = pytest.mark.numbers


def test_a_layer_of_the_chapter():
    x, W = T.dtensor4("x"), T.dtensor4("W")
    maps = conv2d(input=x, filters=W, filter_shape=(1, 1, 1, 2), input_shape=(1, 1, 1, 5))
    pooled = pool.pool_2d(input=maps, ws=(1, 2), ignore_border=True)
    layer = theano.function([x, W], [pooled, T.grad(T.sum(pooled), W)])
    value, gradient = layer([[[[1.0, 2.0, 4.0, 8.0, 3.0]]]], [[[[10.0, 1.0]]]])
    assert value.tolist() == [[[[42.0, 84.0]]]]
    assert gradient.tolist() == [[[[12.0, 6.0]]]]


@on_pytensor
def test_what_is_not_carried_says_so():
    x = T.tensor4("x")
    with pytest.raises(NotImplementedError, match=r"conv2d: got border_mode=full, "):
        conv2d(x, x, border_mode="full")
    for options in (
        {},
        {"ignore_border": True, "mode": "sum"},
        {"ignore_border": True, "ws": None},
    ):
        with pytest.raises(NotImplementedError, match=r"pool_2d: got ws=.*; expected a window, "):
            pool.pool_2d(x, **{"ws": (2, 2), **options})
    assert pool.pool_2d(x, ds=(2, 2), ignore_border=True).ndim == 4
