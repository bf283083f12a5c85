"""Data that pass every check and cannot be learnt from are told; others are not."""

import re

from dltutorials import load_mnist
from dltutorials.datasets.plausibility import find_doubts

import numpy
import pytest
from helpers import make_split


@pytest.fixture
def learnable():
    """Return three sets of four classes that the nearest class mean tells apart."""
    rng = numpy.random.RandomState(1)
    sets = []
    for n in (900, 300, 300):
        y = rng.randint(0, 4, n)
        sets.append((numpy.eye(4)[y] + 0.3 * rng.rand(n, 4), y))
    return sets


def test_sound_data_give_no_doubt(learnable):
    assert find_doubts(learnable) == []
    assert find_doubts(load_mnist(), scales=["as given"] * 3) == []
    rng = numpy.random.RandomState(99)
    assert find_doubts([make_split(rng, n) for n in (60, 30, 30)]) == []
    assert find_doubts([(x,) for x, _ in learnable]) == []
    assert find_doubts([(numpy.eye(3), numpy.arange(3))] * 3) == []


def in_order(x, y):
    order = numpy.argsort(y, kind="stable")
    return x[order], y[order]


@pytest.mark.parametrize(
    ("change", "doubt"),
    [
        (in_order, "the rows are sorted by label, .* --shuffle SEED"),
        (lambda x, y: (x, y * 0), "all 900 examples have the label 0, .* give examples of two"),
        (lambda x, y: (x * 0 + 0.5, y), "all examples are the same"),
        (lambda x, y: (numpy.c_[x, numpy.ones((900, 6))], y), "6 of 10 inputs are constant"),
        (lambda x, y: (x * 500, y), "of the size 3.1e.02, far from 1, .* scale all sets"),
        (lambda x, y: (x * 1e-4, y), "far from 1"),
    ],
)
def test_what_keeps_from_learning_is_told_of_the_training_set(change, doubt, learnable):
    found = find_doubts([change(*learnable[0])])
    assert len(found) == 1
    assert found[0].startswith("training set: ")
    assert "\n" not in found[0]
    assert re.search(doubt, found[0]), found


def test_rows_that_are_shuffled_may_be_sorted(learnable):
    assert find_doubts([in_order(*learnable[0])], is_shuffled=True) == []


@pytest.mark.parametrize(
    ("change", "doubt"),
    [
        (lambda x, y: (x, (y + 1) % 4), "stand for others (0 for 3, 1 for 0, 2 for 1); number"),
        (lambda x, y: (x[::-1], y), "are x and y in the same order?"),
        (lambda x, y: (x[y < 2], y[y < 2]), "its labels are distributed otherwise: "),
        (lambda x, y: (x * 256, y), "the training set's 0.61; scale both alike"),
    ],
)
def test_what_fits_the_training_set_badly_is_told_of_the_others(change, doubt, learnable):
    train, valid, test = learnable
    for number, sets in ((0, [train, change(*valid), test]), (1, [train, valid, change(*test)])):
        found = find_doubts(sets)
        assert len(found) == 1, found
        assert found[0].startswith(("validation set: ", "test set: ")[number])
        assert doubt.split("0.61")[0] in found[0]


def test_what_the_numbers_mean_is_told_by_their_scale(learnable):
    x, y = learnable[0]
    assert "uint8" in find_doubts([(numpy.round(x) / 256, y)], scales=["bytes divided by 256"])[0]
    assert "if they are grey" in find_doubts([(x * 196, y)], scales=["as given"])[0]
    mixed = find_doubts([(x, y), (x, y)], scales=["as given", "bytes divided by 256"])
    assert mixed == [
        "validation set: its numbers are used divided by 256, as bytes are, the training set's as "
        "they are; give both in the same type"
    ]
