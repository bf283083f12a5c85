r"""The restricted Boltzmann machine: the distribution of examples, learned without labels.

The more energy a state of visible units `v` and hidden units `h` has, the less probable it is:

.. math::
    E(v, h) = -b' v - c' h - v' W h, \qquad
    F(v) = -b' v - \sum_j \log(1 + e^{c_j + v' W_j}), \qquad p(v) = e^{-F(v)} / Z.

>>> model = RBM(numpy.random.RandomState(123), T.matrix("x"), n_in=4, n_hidden=3)
>>> [param.get_value().shape for param in model.params]
[(4, 3), (3,), (4,)]
"""

from typing import Any, ClassVar

from dltutorials.backend import Repeated, repeat
from dltutorials.checks import require_integer
from dltutorials.loss import Loss
from dltutorials.models.autoencoder import Autoencoder
from dltutorials.types import Expression, Updates
from dltutorials.updates import sgd

import numpy
import theano
import theano.tensor as T
from theano.gradient import disconnected_grad
from theano.sandbox.rng_mrg import MRG_RandomStreams


class RBM(Autoencoder):
    """A restricted Boltzmann machine: the units of an autoencoder, trained differently.

    Parameters
    ----------
    rng, input, n_in, n_hidden, noise
        As for an autoencoder; there are `n_in` visible units, and `noise` draws the samples.
    k : int
        Steps of Gibbs sampling per training step.
    persistent : bool
        Whether the chains continue from the previous training step instead of the minibatch.
    n_chains : int
        The number of persistent chains: in the tutorial, the batch size.

    Raises
    ------
    OptionError
        If a number is not a positive integer.

    Notes
    -----
    Source: Restricted Boltzmann Machines (RBM); its `hbias` and `vbias` are ``b`` and ``b_prime``.
    Differs: CD-k reports the cross-entropy of the reconstruction, the original its negative.
    """

    chapter: ClassVar[str | None] = "rbm"

    def __init__(
        self, rng: Any, input: Any, n_in: int, n_hidden: int, k: int = 15, persistent: bool = True,
        n_chains: int = 20, noise: Any = None,
    ) -> None:  # fmt: skip
        require_integer("k", k, at_least=1)
        require_integer("n_chains", n_chains, at_least=1)
        self.noise = MRG_RandomStreams(rng.randint(2**30)) if noise is None else noise
        super().__init__(rng, input, n_in, n_hidden, noise=self.noise)
        self.k, self.n_chains, self.persistent = k, n_chains, bool(persistent)
        self.options = {"k": int(k), "persistent": self.persistent}
        name = "pseudo-likelihood" if persistent else "reconstruction cross-entropy"
        self.loss = Loss(name, is_fraction=False, larger_is_better=self.persistent)
        # Built now: streams are shared, and a resumed run must draw what an undisturbed one does.
        self._chain = self._start_chain()

    def free_energy(self, v: Expression) -> Expression:
        """Return the free energy of each row of visible units (float vector)."""
        return -T.dot(v, self.b_prime) - T.sum(T.nnet.softplus(self._scores(v)), axis=1)

    def gibbs_hvh(self, h: Expression) -> tuple[Expression, Expression, Expression]:
        """Return one Gibbs step from hidden units: scores of the visible ones, samples of both."""
        scores = T.dot(h, self.W.T) + self.b_prime
        v = self._draw(scores)
        return scores, v, self._draw(self._scores(v))

    def gibbs_from(self, v: Expression, k: int) -> Repeated:
        """Return `k` Gibbs steps that start from visible units."""
        return repeat(self.gibbs_hvh, self._draw(self._scores(v)), k, n_others=2)

    def cost(self) -> Expression:
        """Return the mean free energy of the minibatch minus that of the samples, held constant."""
        samples = disconnected_grad(self._chain.outputs[1])
        return T.mean(self.free_energy(self.input)) - T.mean(self.free_energy(samples))

    def updates(self, cost: Expression, learning_rate: Any) -> Updates:
        """Return the updates of gradient descent, and those of the chains and random streams."""
        return [*sgd(cost, self.params, learning_rate), *self._chain.updates]

    def watched(self) -> Expression:
        """Return the mean pseudo-likelihood (one pixel per step), or the cross-entropy of CD-k."""
        if not self.persistent:
            scores = self._chain.outputs[0]
            return T.mean(T.sum(T.nnet.softplus(scores) - self.input * scores, axis=1))
        x, pixel = T.cast(self.input > 0.5, self.input.dtype), self._chain.updates[-1][0]
        scores, change = self._scores(x), 1 - 2 * x[:, pixel]
        flipped = scores + T.outer(change, self.W[pixel])
        rise = T.sum(T.nnet.softplus(scores) - T.nnet.softplus(flipped), axis=1)
        return T.mean(-self.n_in * T.nnet.softplus(change * self.b_prime[pixel] - rise))

    def _start_chain(self) -> Repeated:
        if not self.persistent:
            return self.gibbs_from(self.input, self.k)
        start = theano.shared(numpy.zeros((self.n_chains, self.n_hidden), self.input.dtype))
        pixel = theano.shared(numpy.int64(0), name="pixel")
        chain = repeat(self.gibbs_hvh, start, self.k, n_others=2)
        moved = [(start, chain.outputs[2]), (pixel, (pixel + 1) % self.n_in)]
        return chain._replace(updates=[*chain.updates, *moved])

    def _scores(self, v: Expression) -> Expression:
        return T.dot(v, self.W) + self.b

    def _draw(self, scores: Expression) -> Expression:
        p = T.nnet.sigmoid(scores)
        return self.noise.binomial(size=p.shape, n=1, p=p, dtype=p.dtype)
