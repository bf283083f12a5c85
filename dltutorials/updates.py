r"""Gradient descent: :math:`\theta \leftarrow \theta - \eta\, \partial cost / \partial \theta`.

Gradient descent, stochastic gradient descent and minibatch stochastic gradient
descent take the same step; they differ in how many examples the cost covers: all of them, one,
or a minibatch. So there is one update rule here, and ``batch_size`` makes the difference.

>>> import theano, theano.tensor as T
>>> theta = theano.shared(3.0, "theta")
>>> step = theano.function([], theta**2, updates=sgd(theta**2, [theta], learning_rate=0.25))
>>> [float(step()) for _ in range(3)], float(theta.get_value())
([9.0, 2.25, 0.5625], 0.375)

Two extensions are common. With :func:`momentum`, each step keeps part of the previous one. A
learning rate in a shared variable can be lowered during training:

>>> rate, begin_epoch = decaying_learning_rate(0.5, decay=0.5)
>>> for epoch in range(3):
...     begin_epoch(epoch)
...     print(float(rate.get_value()))
0.5
0.25
0.125
"""

from collections.abc import Callable, Sequence
from typing import Any

from dltutorials.checks import require_fraction, require_momentum, require_positive
from dltutorials.types import Expression, SharedVariable, Updates

import numpy
import theano
import theano.tensor as T


def sgd(
    cost: Expression, params: Sequence[SharedVariable], learning_rate: float | SharedVariable
) -> Updates:
    """Return the updates of (minibatch stochastic) gradient descent.

    Parameters
    ----------
    cost : float scalar
        A Theano expression of `params`.
    params : sequence of shared variables
    learning_rate : float or shared scalar
        The step size for a gradient of length 1; positive. A shared variable can be changed
        between steps.

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
    _require_rate(learning_rate)
    gradients = T.grad(cost, list(params))
    return [
        (param, param - T.cast(learning_rate, param.dtype) * gradient)
        for param, gradient in zip(params, gradients)
    ]


def momentum(
    cost: Expression,
    params: Sequence[SharedVariable],
    learning_rate: float | SharedVariable,
    momentum: float,
) -> Updates:
    r"""Return the updates of gradient descent with momentum.

    Each parameter has a velocity, initially 0; a step keeps the fraction `momentum` of it:
    :math:`v \leftarrow m v - \eta\, \partial cost / \partial \theta`, then
    :math:`\theta \leftarrow \theta + v`.

    Parameters
    ----------
    cost, params, learning_rate
        As for :func:`sgd`.
    momentum : float
        In [0, 1); 0 gives the steps of :func:`sgd`.

    Returns
    -------
    list of (shared variable, expression)
        For the velocities and the parameters. The velocities are part of the training state,
        which a checkpoint contains.

    Raises
    ------
    OptionError
        If `learning_rate` is not a finite number above 0, or `momentum` is not in [0, 1).

    Notes
    -----
    Source: none in the chapters; Polyak (1964), Sutskever et al. (2013), equations 1 and 2.
    """
    _require_rate(learning_rate)
    require_momentum("momentum", momentum)
    updates = []
    for param, gradient in zip(params, T.grad(cost, list(params))):
        zeros = numpy.zeros_like(param.get_value(borrow=True))
        velocity = theano.shared(zeros, f"velocity_{param.name}")
        rate, kept = (T.cast(number, param.dtype) for number in (learning_rate, momentum))
        new_velocity = kept * velocity - rate * gradient
        updates += [(velocity, new_velocity), (param, param + new_velocity)]
    return updates


def decaying_learning_rate(
    learning_rate: float, decay: float
) -> tuple[SharedVariable, Callable[[int], None]]:
    """Return a learning rate that is multiplied by a factor after each epoch.

    Parameters
    ----------
    learning_rate : float
        The learning rate of the first epoch.
    decay : float
        The factor; above 0 and at most 1.

    Returns
    -------
    shared scalar
        For :func:`sgd` or :func:`momentum`.
    callable(int) -> None
        Sets the rate for the given epoch, counted from 0: the ``begin_epoch`` of
        :func:`dltutorials.training.compile.compile_task`.

    Raises
    ------
    OptionError
        If `learning_rate` is not a finite number above 0, or `decay` is out of range.
    """
    require_positive("learning_rate", learning_rate)
    require_fraction("learning_rate_decay", decay)
    as_floatX = numpy.dtype(theano.config.floatX).type
    rate = theano.shared(as_floatX(learning_rate), "learning_rate")
    return rate, lambda epoch: rate.set_value(as_floatX(learning_rate * decay**epoch))


def _require_rate(learning_rate: Any) -> None:
    if not hasattr(learning_rate, "get_value"):
        require_positive("learning_rate", learning_rate)
