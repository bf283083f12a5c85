r"""Multinomial logistic regression: the simplest classifier of the tutorial.

The probability of label :math:`k` for an input :math:`x` of :math:`D` numbers
is the softmax of a linear function of it,

.. math:: P(Y = k \mid x, W, b) = \mathrm{softmax}_k(x W + b),

and the prediction is the most probable label. Weights and biases start at 0, where all labels
are equally likely:

>>> import numpy, theano, theano.tensor as T
>>> x = T.matrix("x")
>>> model = LogisticRegression(x, n_in=2, n_out=4)
>>> theano.function([x], model.p_y_given_x)(numpy.ones((1, 2), theano.config.floatX)).tolist()
[[0.25, 0.25, 0.25, 0.25]]
"""

from collections.abc import Sequence
from typing import ClassVar

from dltutorials.checks import require_integer
from dltutorials.models.classifier import Classifier
from dltutorials.types import Expression

import numpy
import theano
import theano.tensor as T


class LogisticRegression(Classifier):
    """Logistic regression of `n_out` labels on `n_in` inputs.

    Parameters
    ----------
    input : float matrix
        Theano variable of shape ``(n_examples, n_in)``.
    n_in : int
        Number of inputs: the tutorial's `D`.
    n_out : int
        Number of labels: the tutorial's `L`.

    Attributes
    ----------
    W : shared matrix, ``(n_in, n_out)``, and b : shared vector, ``(n_out,)``
        The parameters, initially zeros of type ``floatX``.
    params : list
        ``[W, b]``, the order in which they are saved.
    weights : list
        ``[W]``, the arrays that are regularized.
    p_y_given_x : float matrix, ``(n_examples, n_out)``
        Probabilities; each row sums to 1.
    y_pred : integer vector, ``(n_examples,)``
        The most probable labels.

    Raises
    ------
    OptionError
        If `n_in` or `n_out` is not a positive integer.

    Notes
    -----
    Source: Classifying MNIST digits using Logistic Regression, "The Model".
    """

    chapter: ClassVar[str | None] = "logreg"

    def __init__(self, input: Expression, n_in: int, n_out: int) -> None:
        require_integer("n_in", n_in, at_least=1)
        require_integer("n_out", n_out, at_least=1)
        floatX = theano.config.floatX
        self.input, self.n_in, self.n_out = input, n_in, n_out
        self.W = theano.shared(numpy.zeros((n_in, n_out), floatX), name="W", borrow=True)
        self.b = theano.shared(numpy.zeros(n_out, floatX), name="b", borrow=True)
        self.params = [self.W, self.b]
        self.weights = [self.W]
        self.p_y_given_x = T.nnet.softmax(T.dot(input, self.W) + self.b)
        self.y_pred = T.argmax(self.p_y_given_x, axis=1)

    @staticmethod
    def sizes(shapes: Sequence[tuple[int, ...]]) -> dict[str, int] | None:
        """Return the numbers of inputs and labels for parameters of these shapes, or None."""
        match shapes:
            case [(n_in, n_out), (n_biases,)] if n_biases == n_out and n_in and n_out:
                return {"n_in": n_in, "n_out": n_out}
        return None
