"""Samples of a restricted Boltzmann machine: Markov chains, looked at now and then.

>>> import numpy, theano.tensor as T
>>> from dltutorials.models import RBM
>>> model = RBM(numpy.random.RandomState(123), T.matrix("x"), n_in=4, n_hidden=3)
>>> draw_samples(model, numpy.eye(4)[:2], n_samples=3, plot_every=5).shape
(3, 2, 4)
"""

from typing import Any

from dltutorials.backend import default_mode, temporary_floatX
from dltutorials.checks import require_integer
from dltutorials.datasets.examples import as_examples
from dltutorials.exceptions import DataError

import numpy
import theano
import theano.tensor as T


def start_chains(model: Any, x: Any) -> numpy.ndarray:
    """Return the visible units that chains of a model begin with, one row each.

    Raises
    ------
    DataError
        If the model is not an RBM, or `x` does not fit it.
    """
    if not hasattr(model, "gibbs_from"):
        name = type(model).__name__
        raise DataError(f"a model of the class {name} draws no samples; give an RBM")
    return as_examples(x, model.n_in, model.input.dtype).values


def draw_samples(model: Any, x: Any, n_samples: int = 10, plot_every: int = 1000) -> numpy.ndarray:
    """Run a chain of Gibbs steps from each example, and return what the visible units become.

    Parameters
    ----------
    model : RBM
        Its random stream moves on, so a second call draws other samples.
    x : array-like ``(n_chains, n_in)``
        Visible units that the chains begin with, from 0 to 1.
    n_samples : int
        Number of samples that are taken from each chain.
    plot_every : int
        Gibbs steps between two of them.

    Returns
    -------
    float array ``(n_samples, n_chains, n_in)``
        The probability of each visible unit in the sampled step, smoother than the sample itself.

    Raises
    ------
    DataError
        If the model is not an RBM, or `x` does not fit it.
    OptionError
        If a number is not a positive integer.

    Notes
    -----
    Source: Restricted Boltzmann Machines (RBM), "Sampling from the RBM".
    """
    require_integer("n_samples", n_samples, at_least=1)
    require_integer("plot_every", plot_every, at_least=1)
    visible = start_chains(model, x)
    with temporary_floatX(model.input.dtype):
        start = T.matrix("start")
        chain = model.gibbs_from(start, plot_every)
        scores, samples = chain.outputs[:2]
        outputs = [T.nnet.sigmoid(scores), samples]
        steps = theano.function([start], outputs, updates=chain.updates, mode=default_mode())
    shown = []
    for _ in range(n_samples):
        probabilities, visible = steps(visible)
        shown.append(probabilities)
    return numpy.array(shown)
