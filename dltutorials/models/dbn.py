"""The deep belief network: its layers are pretrained as restricted Boltzmann machines.

The probabilities of one machine's hidden units are the visible units of the next. Logistic
regression is on top; finally, the whole network is trained as a multilayer perceptron:

>>> import numpy, theano.tensor as T
>>> rng = numpy.random.RandomState(123)
>>> model = DBN(rng, T.matrix("x"), n_in=6, hidden_layers_sizes=[4, 3], n_out=2)
>>> [(layer.k, layer.persistent) for layer in model.layers]
[(1, False), (1, False)]
>>> [param.get_value().shape for param in model.params]
[(6, 4), (4,), (4, 3), (3,), (3, 2), (2,)]
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from dltutorials.exceptions import OptionError
from dltutorials.models.rbm import RBM
from dltutorials.models.stacked import PretrainedNetwork
from dltutorials.types import Expression

from theano.sandbox.rng_mrg import MRG_RandomStreams


class DBN(PretrainedNetwork):
    """A network of restricted Boltzmann machines, pretrained by contrastive divergence.

    Parameters
    ----------
    rng : numpy.random.RandomState
        Draws the seed of the samples, then the initial weights of each layer.
    input : float matrix, ``(n_examples, n_in)``
        Numbers from 0 to 1.
    n_in : int
        Number of inputs: the tutorial's `D`.
    hidden_layers_sizes : sequence of int
        Units of each hidden layer.
    n_out : int
        Number of labels: the tutorial's `L`.
    k : int
        Steps of Gibbs sampling per pretraining step.

    Raises
    ------
    OptionError
        If a size or `k` is not a positive integer, or `hidden_layers_sizes` is empty.

    Notes
    -----
    Source: Deep Belief Networks (DBN).
    """

    chapter: ClassVar[str | None] = "dbn"

    def __init__(
        self,
        rng: Any,
        input: Expression,
        n_in: int,
        hidden_layers_sizes: Sequence[int],
        n_out: int,
        k: int = 1,
    ) -> None:
        sizes = list(hidden_layers_sizes)
        if not sizes:
            raise OptionError("hidden_layers_sizes: got none, expected a size for each layer")
        noise, layers = MRG_RandomStreams(rng.randint(2**30)), list[RBM]()
        for n_hidden in sizes:
            x, n = (layers[-1].code, layers[-1].n_hidden) if layers else (input, n_in)
            layers.append(RBM(rng, x, n, n_hidden, k, persistent=False, noise=noise))
        super().__init__(input, layers, n_out)
        self.options = {"k": int(k)}
