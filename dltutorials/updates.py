r"""Gradient descent: :math:`\theta \leftarrow \theta - \eta\, \partial cost / \partial \theta`.

Gradient descent, stochastic gradient descent and minibatch stochastic gradient
descent are the same step; they differ in how many examples the cost is taken
over: all of them, one, or a minibatch. So there is one update rule here, and
``batch_size`` makes the difference.

>>> import theano, theano.tensor as T
>>> theta = theano.shared(3.0, "theta")
>>> step = theano.function([], theta**2, updates=sgd(theta**2, [theta], learning_rate=0.25))
>>> [float(step()) for _ in range(3)], float(theta.get_value())
([9.0, 2.25, 0.5625], 0.375)
"""

from collections.abc import Sequence
from typing import Any

from dltutorials.checks import require_positive

import theano.tensor as T


def sgd(cost: Any, params: Sequence[Any], learning_rate: float) -> list[tuple[Any, Any]]:
    """Return the updates of (minibatch stochastic) gradient descent.

    Parameters
    ----------
    cost : float scalar
        A Theano expression of `params`.
    params : sequence of shared variables
    learning_rate : float
        The size of a step for a gradient of length 1; positive.

    Returns
    -------
    list of (shared variable, expression)
        For ``theano.function(..., updates=...)``; each expression has the
        dtype of its parameter.

    Raises
    ------
    OptionError
        If `learning_rate` is not a finite number above 0.

    Notes
    -----
    Source: Getting Started, "Stochastic Gradient Descent".
    """
    require_positive("learning_rate", learning_rate)
    gradients = T.grad(cost, list(params))
    return [
        (param, param - T.cast(learning_rate, param.dtype) * gradient)
        for param, gradient in zip(params, gradients)
    ]
