"""The part that all classifiers share: losses and predictions.

A model only has to define the expression of its probabilities. A subclass sets the attributes
below and inherits everything else:

>>> import theano.tensor as T
>>> class Constant(Classifier):
...     def __init__(self, input, n_in, n_out):
...         self.input, self.n_in, self.n_out = input, n_in, n_out
...         self.p_y_given_x = T.nnet.softmax(input)
...         self.y_pred = T.argmax(self.p_y_given_x, axis=1)
>>> model = Constant(T.matrix("x"), n_in=2, n_out=2)
>>> model.predict([[3, 0], [0, 3], [0, 4]]).tolist()
[0, 1, 1]
>>> model.class_names = ["cat", "dog"]
>>> print(model.predict([3, 0]))
cat
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

from dltutorials import losses
from dltutorials.backend import default_mode, temporary_floatX
from dltutorials.datasets.examples import as_examples, may_be_grey
from dltutorials.datasets.one_set import GREY
from dltutorials.exceptions import DataError, OptionError, warn_of_data
from dltutorials.types import Expression, SharedVariable

import numpy
import theano

_ROWS_AT_A_TIME = 10_000


class Classifier:
    """A model that gives each label a probability.

    Attributes
    ----------
    input : float matrix
        Theano variable of shape ``(n_examples, n_in)``.
    n_in : int
        Number of inputs: the tutorial's `D`.
    n_out : int
        Number of labels: the tutorial's `L`.
    params : list of shared variables
        The parameters, in the order in which they are saved.
    weights : list of shared variables
        The parameters that are regularized.
    p_y_given_x : float matrix, ``(n_examples, n_out)``
        Probabilities; each row sums to 1.
    y_pred : integer vector, ``(n_examples,)``
        The most probable labels.
    options : mapping
        The arguments of the class that the shapes of the parameters do not reveal.
    class_names : sequence of str, optional
        The name of each label; initially None.
    scale : str, optional
        How the numbers of the training set were scaled, if a file says so: see
        :class:`~dltutorials.loading.SharedDatasets`.
    """

    chapter: ClassVar[str | None] = None
    is_supervised: ClassVar[bool] = True
    input: Expression
    n_in: int
    n_out: int
    params: list[SharedVariable]
    weights: list[SharedVariable]
    p_y_given_x: Expression
    y_pred: Expression
    options: Mapping[str, Any] = MappingProxyType({})
    class_names: Sequence[str] | None = None
    scale: str | float | None = None
    _probabilities: Callable | None = None

    @staticmethod
    def sizes(shapes: Sequence[tuple[int, ...]]) -> dict[str, int] | None:
        """Return the integer arguments of a model with parameters of these shapes, or None."""
        return None

    def negative_log_likelihood(self, y: Expression) -> Expression:
        """Return the mean negative log-likelihood of the labels `y` (integer vector)."""
        return losses.negative_log_likelihood(self.p_y_given_x, y)

    def cost(self, y: Expression) -> Expression:
        """Return what training minimizes, without the regularization terms."""
        return self.negative_log_likelihood(y)

    def errors(self, y: Expression) -> Expression:
        """Return the fraction of examples that the model misclassifies."""
        return losses.errors(self.y_pred, y)

    def misclassified(self, y: Expression) -> Expression:
        """Return which examples the model misclassifies (bool vector)."""
        return losses.misclassified(self.y_pred, y)

    def predict(self, x: Any) -> Any:
        """Return the most probable label of each example.

        Parameters
        ----------
        x : array-like
            As for :meth:`predict_proba`.

        Returns
        -------
        array ``(n_examples,)``
            Integers, or class names if ``class_names`` is set; for a single example, just its
            label.

        Raises
        ------
        DataError, OptionError
            As :meth:`predict_proba`.
        """
        labels = self.predict_proba(x).argmax(axis=-1)
        return labels if self.class_names is None else numpy.asarray(self.class_names)[labels]

    def predict_proba(self, x: Any) -> numpy.ndarray:
        """Return the probability of each label for each example.

        The function is compiled on the first call and kept.

        Parameters
        ----------
        x : array-like ``(n_examples, n_in)``, or one example ``(n_in,)``
            An array, a list, a DataFrame, a sparse matrix; images may keep their height and
            width. Values are converted to the type of the model, and bytes (uint8) are divided
            by 256, as in training.

        Returns
        -------
        array ``(n_examples, n_out)``
            Each row sums to 1; for a single example, an array ``(n_out,)``.

        Raises
        ------
        DataError
            If `x` has another shape or contains anything but finite numbers, or if the
            probabilities become nan because the parameters are too large.
        OptionError
            If the input of the model is not a placeholder such as ``T.matrix("x")``.

        Warns
        -----
        DataWarning
            If the numbers are probably not on the scale that the model was trained on.
        """
        rows = as_examples(x, self.n_in, self.input.dtype)
        if self.scale == GREY:
            _warn_of_undivided(rows.values)
        function = self._compile_probabilities()
        blocks = [
            function(rows.values[start : start + _ROWS_AT_A_TIME])
            for start in range(0, len(rows.values), _ROWS_AT_A_TIME)
        ]
        nothing = numpy.empty((0, self.n_out), self.input.dtype)
        p_y_given_x = numpy.concatenate([nothing, *blocks])
        if not numpy.isfinite(p_y_given_x).all():
            raise DataError("the parameters are too large, probabilities become nan")
        return p_y_given_x[0] if rows.is_single else p_y_given_x

    def _compile_probabilities(self) -> Callable:
        if self._probabilities is None:
            self._probabilities = compile_examples(self.input, self.p_y_given_x)
        return self._probabilities

    def __repr__(self) -> str:
        return summarize(self)


def _warn_of_undivided(x: numpy.ndarray) -> None:
    """Warn of numbers outside the range of a training set of bytes, divided by 256."""
    low, high = (float(x.min()), float(x.max())) if len(x) else (0.0, 0.0)
    if (low < 0 or high >= 1) and not may_be_grey(low, high):
        warn_of_data(
            f"x: got numbers from {low:g} to {high:g}, and the model was trained on bytes divided "
            "by 256, from 0 to 0.996; scale x alike, or give bytes (uint8)"
        )


def compile_examples(x: Expression, output: Expression) -> Callable:
    """Compile a function of the examples themselves instead of a minibatch's index.

    Parameters
    ----------
    x : float matrix
        The placeholder for the examples.
    output : Theano expression
        What the function returns; computed from `x`.

    Returns
    -------
    callable
        Takes one matrix of the type of `x`, ``(n_examples, n_in)``; returns NumPy's arrays.

    Raises
    ------
    OptionError
        If `x` is not a placeholder.
    """
    is_placeholder = x.owner is None and x.ndim == 2
    try:
        with temporary_floatX(x.dtype):
            if is_placeholder:
                compute = theano.function([x], output, mode=default_mode())
                return lambda rows: _as_arrays(compute(rows))
    except TypeError:  # a constant, or a shared variable
        pass
    raise OptionError(
        f"input: got {str(x)[:80]}, expected a placeholder, T.matrix('x'), to predict with; for "
        "a model of another expression, compile theano.function([x], model.p_y_given_x)"
    )


def _as_arrays(values: Any) -> Any:
    """Return JAX's arrays as NumPy's, which can be written to; others as they are."""
    if isinstance(values, list):
        return list(map(_as_arrays, values))
    return numpy.require(values, requirements="W")


def summarize(model: Any) -> str:
    """Return a one-line summary: the arguments of a model, and its parameters with their shapes."""
    values = [(param.name, param.get_value(borrow=True)) for param in model.params]
    sizes = model.sizes([value.shape for _, value in values]) or {}
    arguments = {**sizes, **model.options}
    named = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    shapes = ", ".join(f"{name} {value.shape}" for name, value in values)
    n_numbers = sum(value.size for _, value in values)
    return f"{type(model).__name__}({named}): {n_numbers:,} parameters in {shapes}"
