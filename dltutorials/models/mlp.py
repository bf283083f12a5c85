r"""The multilayer perceptron: logistic regression on learned features.

A hidden layer turns the :math:`D` inputs into :math:`D_h` features, and
logistic regression works on those:

.. math:: h = s(x W_h + b_h), \qquad P(Y = k \mid x) = \mathrm{softmax}_k(h W + b),

where :math:`s` is tanh, the logistic sigmoid or max(0, .), applied to each
number. If the weights of the hidden layer all started at 0, its units would stay equal forever;
instead they are drawn at random, from a range that depends on the numbers of units on both
sides, so that neither the signal nor its gradient grows or shrinks on the way through.

>>> import numpy, theano, theano.tensor as T
>>> x = T.matrix("x")
>>> model = MLP(numpy.random.RandomState(1234), x, n_in=4, n_hidden=3, n_out=2)
>>> [param.get_value().shape for param in model.params]
[(4, 3), (3,), (3, 2), (2,)]
>>> theano.function([x], model.p_y_given_x)(numpy.ones((1, 4), theano.config.floatX)).tolist()
[[0.5, 0.5]]
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

from dltutorials.checks import require_choice, require_integer
from dltutorials.models.classifier import Classifier
from dltutorials.models.logistic import LogisticRegression
from dltutorials.types import Expression

import numpy
import theano
import theano.tensor as T


class Activation(NamedTuple):
    """The activation function of hidden units, and the range of their initial weights.

    Attributes
    ----------
    function : callable(expression) -> expression
    bound : callable(n_in, n_out) -> float
        Weights are drawn uniformly between minus and plus this value.
    """

    function: Callable[[Any], Any]
    bound: Callable[[int, int], float]


def _glorot(n_in: int, n_out: int) -> float:
    return math.sqrt(6.0 / (n_in + n_out))


ACTIVATIONS: dict[str, Activation] = {
    "tanh": Activation(T.tanh, _glorot),
    "sigmoid": Activation(T.nnet.sigmoid, lambda n_in, n_out: 4 * _glorot(n_in, n_out)),
    # Half of the units are 0, so the weights are larger by a factor of sqrt(2) (He et al., 2015).
    "relu": Activation(T.nnet.relu, lambda n_in, _: math.sqrt(6.0 / n_in)),
}


class HiddenLayer:
    """A layer of units, each connected to every input.

    Parameters
    ----------
    rng : numpy.random.RandomState
        Draws the initial weights.
    input : float matrix
        Theano variable of shape ``(n_examples, n_in)``.
    n_in : int
        Inputs of the layer.
    n_out : int
        Units: the tutorial's `D_h`.
    activation : {"tanh", "sigmoid", "relu"}

    Attributes
    ----------
    W : shared matrix, ``(n_in, n_out)``, and b : shared vector, ``(n_out,)``
        The parameters, of type ``floatX``.
    params : list
        ``[W, b]``.
    output : float matrix, ``(n_examples, n_out)``

    Raises
    ------
    OptionError
        If `n_in` or `n_out` is not a positive integer, or the activation is unknown.

    Notes
    -----
    Source: Multilayer Perceptron, "Going from logistic regression to MLP".
    """

    def __init__(
        self,
        rng: numpy.random.RandomState,
        input: Expression,
        n_in: int,
        n_out: int,
        activation: str = "tanh",
    ) -> None:
        require_integer("n_in", n_in, at_least=1)
        require_integer("n_out", n_out, at_least=1)
        require_choice("activation", activation, ACTIVATIONS)
        floatX = theano.config.floatX
        bound = ACTIVATIONS[activation].bound(n_in, n_out)
        W_values = rng.uniform(low=-bound, high=bound, size=(n_in, n_out)).astype(floatX)
        self.W = theano.shared(W_values, name="W_hidden", borrow=True)
        self.b = theano.shared(numpy.zeros(n_out, floatX), name="b_hidden", borrow=True)
        self.params = [self.W, self.b]
        self.output = ACTIVATIONS[activation].function(T.dot(input, self.W) + self.b)


class MLP(Classifier):
    """A multilayer perceptron with one hidden layer.

    Parameters
    ----------
    rng : numpy.random.RandomState
        Draws the initial weights of the hidden layer; the output layer starts at 0.
    input : float matrix
        Theano variable of shape ``(n_examples, n_in)``.
    n_in : int
        Number of inputs: the tutorial's `D`.
    n_hidden : int
        Units of the hidden layer: the tutorial's `D_h`.
    n_out : int
        Number of labels: the tutorial's `L`.
    activation : {"tanh", "sigmoid", "relu"}
        The function of a hidden unit.

    Attributes
    ----------
    options : dict
        The arguments that the shapes of the parameters do not reveal: ``activation``.
    hidden_layer : HiddenLayer
    output_layer : LogisticRegression
    params : list
        ``[W_hidden, b_hidden, W, b]``, the order in which they are saved.
    weights : list
        ``[W_hidden, W]``, the arrays that are regularized.
    p_y_given_x : float matrix, ``(n_examples, n_out)``
        Probabilities; each row sums to 1.
    y_pred : integer vector, ``(n_examples,)``
        The most probable labels.

    Raises
    ------
    OptionError
        If a number of units is not a positive integer, or the activation is unknown.

    Notes
    -----
    Source: Multilayer Perceptron, "Putting it All Together".
    """

    chapter: ClassVar[str | None] = "mlp"

    def __init__(
        self,
        rng: numpy.random.RandomState,
        input: Expression,
        n_in: int,
        n_hidden: int,
        n_out: int,
        activation: str = "tanh",
    ) -> None:
        require_integer("n_hidden", n_hidden, at_least=1)
        self.input, self.n_in, self.n_out = input, n_in, n_out
        self.options = {"activation": activation}
        self.hidden_layer = HiddenLayer(rng, input, n_in, n_hidden, activation)
        self.output_layer = LogisticRegression(self.hidden_layer.output, n_hidden, n_out)
        self.params = [*self.hidden_layer.params, *self.output_layer.params]
        self.weights = [self.hidden_layer.W, *self.output_layer.weights]
        self.p_y_given_x = self.output_layer.p_y_given_x
        self.y_pred = self.output_layer.y_pred

    @staticmethod
    def sizes(shapes: Sequence[tuple[int, ...]]) -> dict[str, int] | None:
        """Return the numbers of units for parameters of these shapes, or None."""
        if len(shapes) != 4:
            return None
        hidden, output = (LogisticRegression.sizes(layer) for layer in (shapes[:2], shapes[2:]))
        if hidden is None or output is None or hidden["n_out"] != output["n_in"]:
            return None
        return {"n_in": hidden["n_in"], "n_hidden": hidden["n_out"], "n_out": output["n_out"]}
