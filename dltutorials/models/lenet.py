"""LeNet: the convolutional network with which LeCun and others read digits in 1998.

Layers of convolution and pooling (:mod:`dltutorials.models.conv_pool`), each on the maps of the
previous one, then a multilayer perceptron on the last maps, flattened to a vector.

>>> import numpy, theano.tensor as T
>>> rng = numpy.random.RandomState(23455)
>>> model = LeNet(rng, T.matrix("x"), n_out=10, image_shape=(28, 28), nkerns=(20, 50))
>>> [layer.output_shape for layer in model.conv_layers], model.n_in
([(20, 12, 12), (50, 4, 4)], 784)
>>> [param.get_value().shape for param in model.params][:5]
[(20, 1, 5, 5), (20,), (50, 20, 5, 5), (50,), (800, 500)]
"""

import math
from collections.abc import Sequence
from typing import Any, ClassVar

from dltutorials.exceptions import OptionError
from dltutorials.models.classifier import Classifier
from dltutorials.models.conv_pool import LeNetConvPoolLayer, require_image_shape
from dltutorials.models.mlp import MLP


class LeNet(Classifier):
    """Layers of convolution and max pooling 2 x 2 under a multilayer perceptron.

    Parameters
    ----------
    rng : numpy.random.RandomState
        Draws the initial weights, except those of the output layer, which start at 0.
    input : float matrix
        Of shape ``(n_examples, n_in)``: one image per row, the channels of a pixel side by side.
    n_out : int
        Number of labels: the tutorial's `L`.
    image_shape : sequence of int
        Height and width of an image, and its channels if there is more than one.
    nkerns : sequence of int
        Filters of each convolutional layer.
    n_hidden : int
        Units of the hidden layer.
    filter_shape : (int, int)
        Rows and columns of a filter.
    n_features : (int, int), optional
        Channels of an image, and numbers of the last maps, if known: `image_shape` has to fit.

    Attributes
    ----------
    n_in : int
        ``height * width * n_channels``.
    conv_layers : list of LeNetConvPoolLayer, and mlp : MLP
        The convolutional layers, and the perceptron on the output of the last one.
    params, weights : list
        Weights and biases, and the weights alone, from the input to the output.

    Raises
    ------
    OptionError
        If a number is not a positive integer, or the images are too small.

    Notes
    -----
    Source: Convolutional Neural Networks (LeNet), "Putting it All Together".
    """

    chapter: ClassVar[str | None] = "lenet"

    def __init__(
        self,
        rng: Any,
        input: Any,
        n_out: int,
        image_shape: Sequence[int] = (28, 28),
        nkerns: Sequence[int] = (20, 50),
        n_hidden: int = 500,
        filter_shape: Sequence[int] = (5, 5),
        n_features: tuple[int, int] | None = None,
    ) -> None:
        if not nkerns or len(filter_shape) != 2:
            got = f"{list(nkerns)} filters of {list(filter_shape)}"
            raise OptionError(f"nkerns: got {got}, expected some in each layer, of two sizes")
        height, width, n_maps = require_image_shape(image_shape)
        if n_features is not None and n_features[0] != n_maps:  # before memory is taken for them
            raise OptionError(f"image_shape: got {image_shape}, expected {n_features[0]} channels")
        self.input, self.n_in, self.n_out = input, height * width * n_maps, n_out
        self.options = {"image_shape": list(image_shape)}
        maps = input.reshape((input.shape[0], height, width, n_maps)).dimshuffle(0, 3, 1, 2)
        shape: tuple[int, ...] = (n_maps, height, width)
        self.conv_layers: list[LeNetConvPoolLayer] = []
        for n_filters in nkerns:
            layer = LeNetConvPoolLayer(rng, maps, (n_filters, shape[0], *filter_shape), shape)
            self.conv_layers.append(layer)
            maps, shape = layer.output, layer.output_shape
        n_last = math.prod(shape)
        if n_features is not None and n_features[1] != n_last:
            raise OptionError(f"image_shape: got {image_shape}, expected {n_features[1]} features")
        self.mlp = MLP(rng, maps.flatten(2), n_last, n_hidden, n_out)
        self.params = [*(p for layer in self.conv_layers for p in layer.params), *self.mlp.params]
        self.weights = [*(layer.W for layer in self.conv_layers), *self.mlp.weights]
        self.p_y_given_x, self.y_pred = self.mlp.p_y_given_x, self.mlp.y_pred

    @staticmethod
    def sizes(shapes: Sequence[tuple[int, ...]]) -> dict[str, Any] | None:
        """Return the numbers of units and filters for parameters of these shapes, or None."""
        filters, biases = shapes[:-4:2], shapes[1:-4:2]
        top = MLP.sizes(shapes[-4:])
        if not filters or len(filters) != len(biases) or top is None:
            return None
        nkerns = [shape[0] for shape in filters]
        is_chain = all(
            len(W) == 4 and 0 not in W and b == W[:1] and W[2:] == filters[0][2:]
            for W, b in zip(filters, biases)
        ) and all(W[1] == n for W, n in zip(filters[1:], nkerns))
        if not is_chain or top["n_in"] % nkerns[-1]:
            return None
        rest = {"filter_shape": list(filters[0][2:]), "n_features": (filters[0][1], top["n_in"])}
        return {"n_out": top["n_out"], "nkerns": nkerns, "n_hidden": top["n_hidden"], **rest}
