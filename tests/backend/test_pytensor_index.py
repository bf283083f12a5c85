from dltutorials import backend

import numpy
import pytest
import theano
import theano.tensor as T
from helpers import known_shapes

P = numpy.full((4, 3), 1 / 3)


def compile_all(*outputs, inputs):
    return [theano.function(inputs, output) for output in outputs]


def test_the_chapters_own_line_reads_nothing_outside():
    p, y = T.dmatrix("p"), T.ivector("y")
    nll = -T.mean(T.log(p)[T.arange(y.shape[0]), y])
    for function in compile_all(nll, T.grad(nll, p), inputs=[p, y]):
        function(P, [0, 1, 2, 1])
        for labels, index, axis in (
            ([0, 1, 100000, 1], 100000, 1),
            ([0, 1, -4, 1], -4, 1),
            ([0, 1, 2, 1, 0], 4, 0),
        ):
            with pytest.raises(
                IndexError, match=f"^index {index} is out of bounds for axis {axis} "
            ):
                function(P, labels)


@pytest.mark.parametrize(
    "build",
    [
        lambda x, i: x[i],
        lambda x, i: T.tanh(x[i]) + 1,
        lambda x, i: x[:, i],
        lambda x, i: x[1:, i].sum(),
        lambda x, i: x[i, i],
        lambda x, i: x[i, 0],
        lambda x, i: x[T.stack([i, i])],
        lambda x, i: x.take(i, axis=0),
        lambda x, i: T.set_subtensor(x[i], 0.0),
        lambda x, i: T.inc_subtensor(x[:, i], T.exp(x[:, i])),
        lambda x, i: T.grad(T.sum(x[i] ** 2), x),
    ],
)
def test_an_index_of_any_kind(build):
    x, i = T.dmatrix("x"), T.lvector("i")
    function = theano.function([x, i], build(x, i))
    values = numpy.arange(9.0).reshape(3, 3)
    inside = function(values, [0, -1])
    assert numpy.isfinite(inside).all()
    for wrong in (3, -4, 2**40, -(2**40)):
        with pytest.raises(IndexError, match=f"index {wrong} is out of bounds"):
            function(values, [0, wrong])


def test_what_is_within_is_what_numpy_gives():
    x, i = T.dmatrix("x"), T.lvector("i")
    f = theano.function([x, i], [x[i], x[i, i], x[:, i], x[1:, i]])
    values, index = numpy.arange(9.0).reshape(3, 3), numpy.array([2, 0, -1])
    expected = [values[index], values[index, index], values[:, index], values[1:, index]]
    for got, wanted in zip(f(values, index), expected):
        assert got.tolist() == wanted.tolist()


@known_shapes
def test_what_a_mask_chooses_is_what_numpy_gives():
    x, mask = T.dmatrix("x"), T.vector("mask", dtype="bool")
    f = theano.function([x, mask], [x[mask], x[mask, 0]])
    values, chosen = numpy.arange(9.0).reshape(3, 3), numpy.array([True, False, True])
    for got, wanted in zip(f(values, chosen), [values[chosen], values[chosen, 0]]):
        assert got.tolist() == wanted.tolist()


def test_a_single_index_and_one_in_a_loop():
    x, i = T.dvector("x"), T.lscalar("i")
    single = theano.function([x, i], x[i] * 2)
    many = T.lvector("many")
    outputs = theano.scan(lambda j, x: x[T.stack([j, j])].sum(), sequences=many, non_sequences=x)
    loop = theano.function([x, many], outputs[0])
    assert loop([1.0, 2.0], [0, 1]).tolist() == [2.0, 4.0]
    with pytest.raises(IndexError):
        single([1.0, 2.0], 2)
    if backend.uses_jax():  # which has no errors in a loop
        assert numpy.isnan(loop([1.0, 2.0], [0, 2])).tolist() == [False, True]
        return
    with pytest.raises(IndexError):
        loop([1.0, 2.0], [0, 2])


def test_cross_entropy_of_labels_that_are_wrong():
    p, y = T.dmatrix("p"), T.ivector("y")
    function = theano.function([p, y], T.nnet.categorical_crossentropy(p, y))
    for labels in ([0, 1, 100000, 1], [0, -1, 0, 1], [0, 1, 2], [0, 1, 2, 1, 0]):
        with pytest.raises(ValueError, match=r"^y: got "):
            function(P, labels)
