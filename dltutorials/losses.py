r"""Losses to train and to evaluate a classifier.

For each example :math:`x^{(i)}`, a classifier gives the probabilities of the :math:`L` labels:
``p_y_given_x``, one row per example. Two losses compare them with the true labels ``y``. The
zero-one loss counts the misclassified examples,

.. math:: \sum_i 1[\mathrm{argmax}_k\, P(Y = k \mid x^{(i)}) \ne y^{(i)}],

and has no useful gradient; the negative log-likelihood does,

.. math:: NLL = -\sum_i \log P(Y = y^{(i)} \mid x^{(i)}).

Regularization penalizes large weights. Everything here takes
and returns Theano expressions:

>>> import numpy, theano, theano.tensor as T
>>> p_y_given_x, y = T.dmatrix("p_y_given_x"), T.ivector("y")
>>> nll = negative_log_likelihood(p_y_given_x, y, reduction="sum")
>>> f = theano.function([p_y_given_x, y], [nll, zero_one_loss(p_y_given_x, y)])
>>> nll, mistakes = f([[0.5, 0.25, 0.25], [0.5, 0.25, 0.25]], [0, 1])
>>> print(numpy.round(nll, 4), mistakes)
2.0794 1
"""

from collections.abc import Iterable
from typing import Any

from dltutorials.backend import checked_labels, shape_of_probabilities, sum_of_squares
from dltutorials.checks import require_not_negative
from dltutorials.exceptions import OptionError
from dltutorials.types import Expression

import theano.tensor as T


def negative_log_likelihood(
    p_y_given_x: Expression, y: Expression, reduction: str = "mean"
) -> Expression:
    r"""Return the negative log-likelihood of the true labels.

    If `p_y_given_x` is a softmax, Theano computes the logarithm from its scores, so that a
    probability that rounds to 0 gives the correct large, finite loss instead of inf or nan.

    Parameters
    ----------
    p_y_given_x : float matrix
        Shape ``(n_examples, n_out)``; rows are probabilities.
    y : integer vector
        Shape ``(n_examples,)``; labels from 0 to ``n_out - 1``.
    reduction : {"mean", "sum"}
        Mean over the examples, which makes the learning rate independent of the batch size, or
        the sum, as in the definition.

    Returns
    -------
    float scalar, at least 0.

    Raises
    ------
    OptionError
        If `reduction` is neither "mean" nor "sum".
    TypeError
        If `y` is not an integer vector: it is used as an index.

    Notes
    -----
    Source: Getting Started, "Negative Log-Likelihood Loss" (the sum);
    Classifying MNIST digits using Logistic Regression (the mean).
    """
    if reduction not in ("mean", "sum"):
        raise OptionError(f"reduction: got {reduction!r}, expected 'mean' or 'sum'")
    y = _labels(y, *shape_of_probabilities(p_y_given_x))
    log_likelihoods = T.log(p_y_given_x)[T.arange(y.shape[0]), y]
    return -(T.mean if reduction == "mean" else T.sum)(log_likelihoods)


def zero_one_loss(p_y_given_x: Expression, y: Expression) -> Expression:
    """Return the number of examples whose most probable label is not the true one.

    Parameters
    ----------
    p_y_given_x : float matrix
        Shape ``(n_examples, n_out)``.
    y : integer vector
        Shape ``(n_examples,)``.

    Returns
    -------
    integer scalar, from 0 to ``n_examples``: a sum.

    Raises
    ------
    TypeError
        If `y` is not an integer vector.

    Notes
    -----
    Source: Getting Started, "Zero-One Loss".
    Differs: the chapter's line lacks ``axis=1``; it takes the position of the
    largest entry of the whole matrix and compares that with every label.
    """
    return T.sum(misclassified(T.argmax(p_y_given_x, axis=1), y))


def errors(y_pred: Expression, y: Expression) -> Expression:
    """Return the fraction of examples that are misclassified.

    Parameters
    ----------
    y_pred, y : integer vectors
        Predicted and true labels, shape ``(n_examples,)``.

    Returns
    -------
    float scalar in [0, 1]: a mean.

    Raises
    ------
    TypeError
        If the two are not integer vectors: compared as floats, labels may
        differ by rounding, and other shapes would be broadcast.

    Notes
    -----
    Source: Getting Started, "Zero-One Loss"; ``errors`` of Classifying MNIST
    digits using Logistic Regression.
    """
    flags = misclassified(y_pred, y)
    fraction = T.mean(flags)
    fraction.tag.mean_of = flags  # evaluation counts them in slices larger than a minibatch
    return fraction


def misclassified(y_pred: Expression, y: Expression) -> Expression:
    """Return which examples are misclassified.

    Parameters
    ----------
    y_pred, y : integer vectors
        Predicted and true labels, shape ``(n_examples,)``.

    Returns
    -------
    bool vector, ``(n_examples,)``

    Raises
    ------
    TypeError
        If the two are not integer vectors.

    Notes
    -----
    Source: Getting Started, "Zero-One Loss".
    """
    _require_labels(y_pred, "y_pred")
    return T.neq(y_pred, _labels(y, *_shape_of_predictions(y_pred)))


def l1(weights: Iterable[Expression]) -> Expression:
    """Return the sum of the absolute values of all `weights`.

    Parameters
    ----------
    weights : iterable of float tensors
        Usually the weight matrices without the biases.

    Returns
    -------
    float scalar

    Notes
    -----
    Source: Getting Started, "L1 and L2 regularization".
    """
    return sum(T.sum(abs(W)) for W in weights)


def l2_sqr(weights: Iterable[Expression]) -> Expression:
    """Return the sum of the squares of all `weights`: the squared L2 norm.

    Parameters
    ----------
    weights : iterable of float tensors
        Usually the weight matrices without the biases.

    Returns
    -------
    float scalar

    Notes
    -----
    Source: Getting Started, "L1 and L2 regularization".
    Differs: the chapter adds ``L2`` where it defined ``L2_sqr``.
    """
    return sum(sum_of_squares(W) for W in weights)


def penalty(weights: Iterable[Expression], L1_reg: float = 0, L2_reg: float = 0) -> Expression:
    """Return ``L1_reg * l1(weights) + L2_reg * l2_sqr(weights)``, to add to a cost.

    Parameters
    ----------
    weights : iterable of float tensors
    L1_reg, L2_reg : float
        The strength of each penalty, at least 0; a term of strength 0 is left out.

    Returns
    -------
    float scalar, or the number 0 if both strengths are 0.

    Raises
    ------
    OptionError
        If a strength is negative, nan or inf.

    Notes
    -----
    Source: Getting Started, "L1 and L2 regularization".
    """
    require_not_negative("L1_reg", L1_reg)
    require_not_negative("L2_reg", L2_reg)
    weights = list(weights)
    terms = [(L1_reg, l1), (L2_reg, l2_sqr)]
    return sum(strength * norm(weights) for strength, norm in terms if strength)


def _shape_of_predictions(y_pred: Expression) -> tuple[Expression, ...]:
    """Return the number of examples, and of labels if `y_pred` is ``T.argmax(..., axis=1)``."""
    y_pred = T.as_tensor_variable(y_pred)
    node = y_pred.owner
    if node is not None and getattr(node.op, "axis", None) in (1, (1,)):
        [p_y_given_x] = node.inputs
        return tuple(shape_of_probabilities(p_y_given_x))
    return (y_pred.shape[0],)


def _labels(y: Expression, *shape: Expression) -> Expression:
    """Return labels with a run-time check; refuse anything but an integer vector."""
    _require_labels(y)
    return checked_labels(y, *shape)


def _require_labels(y: Any, name: str = "y") -> None:
    y = T.as_tensor_variable(y)
    if y.ndim != 1 or y.dtype not in T.integer_dtypes:
        raise TypeError(
            f"{name}: got a {y.dtype} tensor of {y.ndim} dimensions, expected an integer vector; "
            "cast labels with T.cast(y, 'int32')"
        )
