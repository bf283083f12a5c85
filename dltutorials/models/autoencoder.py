r"""The autoencoder: a code from which an example can be reconstructed, learned without labels.

The same weights encode and decode: :math:`h = s(x W + b)`, :math:`z = s(h W^T + b')`. A
denoising one restores numbers that were set to 0; a contractive code hardly varies with its input.

>>> import numpy, theano.tensor as T
>>> rng = numpy.random.RandomState(123)
>>> model = Autoencoder(rng, T.matrix("x"), n_in=4, n_hidden=3, corruption_level=0.3)
>>> model.reconstruct([[0, 0, 1, 1]]).shape
(1, 4)
"""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from dltutorials.checks import require_integer, require_not_negative, require_probability
from dltutorials.datasets.examples import as_examples
from dltutorials.models.classifier import compile_examples
from dltutorials.models.mlp import ACTIVATIONS
from dltutorials.types import Expression

import numpy
import theano
import theano.tensor as T
from theano.sandbox.rng_mrg import MRG_RandomStreams


class Autoencoder:
    """An autoencoder with tied weights and sigmoid units, denoising or contractive or both.

    Parameters
    ----------
    rng : numpy.random.RandomState
        Draws the seed of the noise, then the initial weights.
    input : float matrix, ``(n_examples, n_in)``
        Numbers from 0 to 1.
    n_in, n_hidden : int
        The lengths of an example and of its code.
    corruption_level : float
        The fraction of the inputs that is set to 0 in training, from 0 to 1.
    contraction_level : float
        The weight of the penalty on the derivatives of the code, at least 0.
    noise : MRG_RandomStreams, optional
        Draws the noise; by default the model makes its own streams.

    Attributes
    ----------
    params : list, ``[W, b, b_prime]``
    corrupted, code, reconstruction : float matrix
        The input with noise; the code and the reconstruction of the input without noise.

    Notes
    -----
    Source: Denoising Autoencoders (dA), "Autoencoders".
    Differs: the original contractive autoencoder divides its penalty with ``//``, whose
    gradient is 0; here the division is exact, and a formula replaces the Jacobian.
    """

    chapter: ClassVar[str | None] = "da"
    is_supervised: ClassVar[bool] = False
    input_range: ClassVar[tuple[float, float]] = (0, 1)
    _reconstruct: Callable | None = None

    def __init__(
        self, rng: Any, input: Any, n_in: int, n_hidden: int, corruption_level: float = 0.0,
        contraction_level: float = 0.0, noise: Any = None,
    ) -> None:  # fmt: skip
        require_integer("n_in", n_in, at_least=1)
        require_integer("n_hidden", n_hidden, at_least=1)
        require_probability("corruption_level", corruption_level)
        require_not_negative("contraction_level", contraction_level)
        levels = float(corruption_level), float(contraction_level)
        self.options = dict(zip(("corruption_level", "contraction_level"), levels))
        self.input, self.n_in, self.n_hidden = input, n_in, n_hidden
        noise = MRG_RandomStreams(rng.randint(2**30)) if noise is None else noise
        floatX, bound = theano.config.floatX, ACTIVATIONS["sigmoid"].bound(n_in, n_hidden)
        W = rng.uniform(low=-bound, high=bound, size=(n_in, n_hidden)).astype(floatX)
        self.W = theano.shared(W, name="W", borrow=True)
        self.b = theano.shared(numpy.zeros(n_hidden, floatX), name="b", borrow=True)
        self.b_prime = theano.shared(numpy.zeros(n_in, floatX), name="b_prime", borrow=True)
        self.params, self.weights = [self.W, self.b, self.b_prime], [self.W]
        self.code, self.corrupted = self._encode(input), input
        self.reconstruction = self._decode(self.code)
        if levels[0]:  # drawn here, so that each layer of a stack always has the same noise stream
            mask = noise.binomial(size=input.shape, n=1, p=1 - levels[0], dtype=floatX)
            self.corrupted = mask * input

    def cost(self) -> Expression:
        """Return the mean cross-entropy of input and reconstruction, plus the penalty."""
        x, z = self.input, self._decode(self._encode(self.corrupted))
        cross_entropy = -T.sum(x * T.log(z) + (1 - x) * T.log(1 - z), axis=1)
        weight = numpy.asarray(self.options["contraction_level"], theano.config.floatX)
        return T.mean(cross_entropy) + (weight * self.contraction() if weight else 0)

    def contraction(self) -> Expression:
        """Return the squared norm of the Jacobian of the code, averaged over the examples."""
        slopes = (self.code * (1 - self.code)) ** 2
        return T.mean(T.dot(slopes, T.sum(self.W**2, axis=0)))

    def reconstruct(self, x: Any) -> numpy.ndarray:
        """Return the reconstructions of examples ``(n_examples, n_in)``, or of one ``(n_in,)``."""
        rows = as_examples(x, self.n_in, self.input.dtype)
        if self._reconstruct is None:
            self._reconstruct = compile_examples(self.input, self.reconstruction)
        z = self._reconstruct(rows.values)
        return z[0] if rows.is_single else z

    @staticmethod
    def sizes(shapes: Sequence[tuple[int, ...]]) -> dict[str, int] | None:
        """Return the numbers of inputs and units for parameters of these shapes, or None."""
        match shapes:
            case [(n_in, n_hidden), b, b_prime] if n_in and n_hidden and b == (n_hidden,):
                return {"n_in": n_in, "n_hidden": n_hidden} if b_prime == (n_in,) else None
        return None

    def _encode(self, x: Expression) -> Expression:
        return T.nnet.sigmoid(T.dot(x, self.W) + self.b)

    def _decode(self, h: Expression) -> Expression:
        return T.nnet.sigmoid(T.dot(h, self.W.T) + self.b_prime)
