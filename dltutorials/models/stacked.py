"""Deep networks whose layers are pretrained one after another, without labels.

The code of each layer is the input of the next; logistic regression is on top. With
autoencoders as layers, this is a stacked denoising autoencoder:

>>> import numpy, theano.tensor as T
>>> rng, sizes = numpy.random.RandomState(89677), [4, 3]
>>> model = StackedAutoencoder(rng, T.matrix("x"), 6, sizes, n_out=2, corruption_levels=[0.1, 0.2])
>>> [layer.options["corruption_level"] for layer in model.layers]
[0.1, 0.2]
>>> [param.get_value().shape for param in model.params]
[(6, 4), (4,), (4, 3), (3,), (3, 2), (2,)]
"""

from collections.abc import Sequence
from typing import Any, ClassVar

from dltutorials.exceptions import OptionError
from dltutorials.models.autoencoder import Autoencoder
from dltutorials.models.classifier import Classifier
from dltutorials.models.logistic import LogisticRegression
from dltutorials.types import Expression

from theano.sandbox.rng_mrg import MRG_RandomStreams


class PretrainedNetwork(Classifier):
    """Logistic regression on the code of several pretrained layers.

    Parameters
    ----------
    input : float matrix, ``(n_examples, n_in)``
        Numbers from 0 to 1.
    layers : sequence of models
        Unsupervised models (:class:`dltutorials.models.Model`) with `n_in`, `n_hidden` and
        `code`, the input of the next one; their `params` begin with ``W, b``.
    n_out : int
        Number of labels: the tutorial's `L`.

    Attributes
    ----------
    layers : list, and output_layer : LogisticRegression
    params : list
        ``[W, b, W, b, ...]`` from the input to the output; other parameters of a layer serve
        only its pretraining.
    weights : list
        The arrays that are regularized.
    """

    input_range: ClassVar[tuple[float, float]] = (0, 1)

    def __init__(self, input: Expression, layers: Sequence[Any], n_out: int) -> None:
        self.input, self.n_in, self.n_out = input, layers[0].n_in, n_out
        self.layers, last = list(layers), layers[-1]
        self.output_layer = LogisticRegression(last.code, last.n_hidden, n_out)
        self.params = [
            param for layer in [*layers, self.output_layer] for param in layer.params[:2]
        ]
        self.weights = self.params[::2]
        self.p_y_given_x = self.output_layer.p_y_given_x
        self.y_pred = self.output_layer.y_pred

    @staticmethod
    def sizes(shapes: Sequence[tuple[int, ...]]) -> dict[str, Any] | None:
        """Return the numbers of units for parameters of these shapes, or None."""
        layers = [LogisticRegression.sizes(shapes[n : n + 2]) for n in range(0, len(shapes), 2)]
        sizes = [size for layer in layers if layer is not None for size in layer.values()]
        if len(layers) < 2 or len(sizes) < 2 * len(layers) or sizes[1:-1:2] != sizes[2::2]:
            return None
        return {"n_in": sizes[0], "hidden_layers_sizes": sizes[1:-1:2], "n_out": sizes[-1]}


class StackedAutoencoder(PretrainedNetwork):
    """A network of denoising autoencoders: the tutorial's SdA.

    Parameters
    ----------
    rng : numpy.random.RandomState
        Draws the seed of the noise, then the initial weights of each layer.
    input, n_out
        As for :class:`PretrainedNetwork`.
    n_in : int
        Number of inputs: the tutorial's `D`.
    hidden_layers_sizes : sequence of int
        Units of each hidden layer.
    corruption_levels : sequence of float, optional
        The fraction of the inputs of each layer that is set to 0 in its pretraining; by default
        none.

    Raises
    ------
    OptionError
        If a number is out of range, or there is not one level for each layer.

    Notes
    -----
    Source: Stacked Denoising Autoencoders (SdA).
    """

    chapter: ClassVar[str | None] = "sda"

    def __init__(
        self, rng: Any, input: Expression, n_in: int, hidden_layers_sizes: Sequence[int],
        n_out: int, corruption_levels: Sequence[float] | None = None,
    ) -> None:  # fmt: skip
        sizes = list(hidden_layers_sizes)
        levels = [0.0] * len(sizes) if corruption_levels is None else list(corruption_levels)
        if not sizes or len(levels) != len(sizes):
            got = f"{len(levels)} corruption_levels for {len(sizes)} hidden_layers_sizes"
            raise OptionError(f"corruption_levels: got {got}, expected one for each layer")
        noise = MRG_RandomStreams(rng.randint(2**30))
        layers: list[Autoencoder] = []
        for n_hidden, level in zip(sizes, levels):
            x, n = (layers[-1].code, layers[-1].n_hidden) if layers else (input, n_in)
            layers.append(Autoencoder(rng, x, n, n_hidden, level, noise=noise))
        super().__init__(input, layers, n_out)
        self.options = {"corruption_levels": list(map(float, levels))}
