r"""Multinomial logistic regression: the simplest classifier of the tutorial.

The probability of label :math:`k` for an input :math:`x` of :math:`D` numbers
is the softmax of a linear function of it,

.. math:: P(Y = k \mid x, W, b) = \mathrm{softmax}_k(x W + b),

and the prediction is the most probable label. Both start at 0, where all
labels are equally likely:

>>> import numpy, theano, theano.tensor as T
>>> x = T.matrix("x")
>>> model = LogisticRegression(x, n_in=2, n_out=4)
>>> theano.function([x], model.p_y_given_x)(numpy.ones((1, 2), theano.config.floatX)).tolist()
[[0.25, 0.25, 0.25, 0.25]]
"""

from typing import Any, ClassVar

from dltutorials import losses
from dltutorials.checks import require_integer

import numpy
import theano
import theano.tensor as T


class LogisticRegression:
    """Logistic regression of `n_out` labels on `n_in` inputs.

    Parameters
    ----------
    input : float matrix
        Theano variable of shape ``(n_examples, n_in)``.
    n_in : int
        Inputs of an example: the tutorial's `D`.
    n_out : int
        Labels: the tutorial's `L`.

    Attributes
    ----------
    W : shared matrix, ``(n_in, n_out)``, and b : shared vector, ``(n_out,)``
        The parameters, zeros of type ``floatX`` at first.
    params : list
        ``[W, b]``, the order in which they are saved.
    weights : list
        ``[W]``, what penalties are taken over.
    p_y_given_x : float matrix, ``(n_examples, n_out)``
        Probabilities; each row sums to 1.
    y_pred : integer vector, ``(n_examples,)``
        The most probable labels.

    Raises
    ------
    OptionError
        If `n_in` or `n_out` is no positive integer.

    Notes
    -----
    Source: Classifying MNIST digits using Logistic Regression, "The Model".
    """

    chapter: ClassVar[str] = "logreg"
    options: ClassVar[dict[str, Any]] = {}  # its shapes say everything

    def __init__(self, input: Any, n_in: int, n_out: int) -> None:
        require_integer("n_in", n_in, at_least=1)
        require_integer("n_out", n_out, at_least=1)
        floatX = theano.config.floatX
        self.W = theano.shared(numpy.zeros((n_in, n_out), floatX), name="W", borrow=True)
        self.b = theano.shared(numpy.zeros(n_out, floatX), name="b", borrow=True)
        self.params = [self.W, self.b]
        self.weights = [self.W]
        self.p_y_given_x = T.nnet.softmax(T.dot(input, self.W) + self.b)
        self.y_pred = T.argmax(self.p_y_given_x, axis=1)

    def negative_log_likelihood(self, y: Any) -> Any:
        """Return the mean negative log-likelihood of the labels `y` (integer vector)."""
        return losses.negative_log_likelihood(self.p_y_given_x, y)

    def errors(self, y: Any) -> Any:
        """Return the share of examples that the model labels otherwise than `y`."""
        return losses.errors(self.y_pred, y)

    def misclassified(self, y: Any) -> Any:
        """Return which examples the model labels otherwise than `y` (bool vector)."""
        return losses.misclassified(self.y_pred, y)
