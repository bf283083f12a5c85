from dltutorials.backend import Repeated
from dltutorials.models.sampling import draw_samples

import numpy
import pytest
import theano.tensor as T


class Clock:
    """A stand-in for a machine: its visible units count the steps."""

    input, n_in = T.matrix("x"), 3

    @staticmethod
    def gibbs_from(v, k):
        return Repeated([v + 0.5, v + k, v], [])


def test_chains_start_at_the_examples_and_go_on_from_sample_to_sample():
    x = numpy.array([[-5, -3, 0], [1, 2, 3]], "float32") / 8 - 4
    samples = draw_samples(Clock(), x, n_samples=3, plot_every=2)
    for number, sample in enumerate(samples):
        assert sample == pytest.approx(1 / (1 + numpy.exp(-(x + 2 * number + 0.5))), rel=1e-4)
