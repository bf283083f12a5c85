from dltutorials import backend
from dltutorials.backend.random_state import pack, unpack

import numpy
import pytest
import theano
import theano_numbers
from helpers import numpys_numbers
from theano.tensor.shared_randomstreams import RandomStreams
from theano_numbers import compute, expected

pytestmark = [pytest.mark.numbers, numpys_numbers]


def test_the_numbers_are_theanos_to_the_bit():
    assert compute(theano_numbers.old_streams) == expected(theano_numbers.old_streams)


def test_seeding_begins_anew_and_a_state_goes_from_engine_to_engine():
    rng = RandomStreams(seed=7)
    draw = theano.function([], rng.normal((3,), dtype="float64"))
    [(state, _)] = rng.updates()
    generator = numpy.random.RandomState(numpy.random.RandomState(7).randint(2**30))
    backend.compile_now(draw)
    assert draw().tolist() == generator.normal(size=3).tolist()
    kept = pack(state.get_value())  # as a checkpoint has it: one normal number is left over
    assert (kept == pack(generator)).all()
    second = draw().tolist()
    assert second == generator.normal(size=3).tolist()
    rng.seed()
    assert draw().tolist() != second
    state.set_value(unpack(kept, like=state.get_value()))
    assert draw().tolist() == second
