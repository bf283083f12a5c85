r"""Models made again from the values in a file of parameters, to predict with.

A file has values only (:mod:`dltutorials.training.parameters`); the model is known by
their shapes. A matrix and a vector are logistic regression, two of each are a
multilayer perceptron. What its hidden units compute is not in the file, and has to be
said where it is not the tanh:

>>> import os, tempfile, numpy
>>> from dltutorials.training.parameters import save_params
>>> path = os.path.join(tempfile.mkdtemp(), "best_model.pkl")
>>> save_params([numpy.zeros((2, 4)), numpy.zeros(4)], path)
>>> saved = load_model(path)
>>> type(saved.model).__name__, saved.n_in, saved.n_out
('LogisticRegression', 2, 4)
>>> saved.predict(numpy.ones((1, 2))).tolist()
[[0.25, 0.25, 0.25, 0.25]]
"""

import argparse
import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

from dltutorials.backend import temporary_floatX
from dltutorials.datasets import FILE_NAME
from dltutorials.exceptions import DataError, in_file
from dltutorials.models.logistic import LogisticRegression
from dltutorials.models.mlp import ACTIVATIONS, MLP
from dltutorials.training.compile import example_function
from dltutorials.training.parameters import read_params
from dltutorials.types import PathLike

import numpy
import theano.tensor as T

_ROWS_AT_A_TIME = 10_000


class SavedModel(NamedTuple):
    """A model with the values of a file.

    Attributes
    ----------
    model : LogisticRegression or MLP
    n_in : int
        Inputs of an example: the tutorial's `D`.
    n_out : int
        Labels: the tutorial's `L`.
    function : theano.compile.function_module.Function
        Of examples, one a row; returns ``p_y_given_x``.
    """

    model: LogisticRegression | MLP
    n_in: int
    n_out: int
    function: Any

    def predict(self, x: Any) -> numpy.ndarray:
        """Return the probabilities of the labels for examples.

        Parameters
        ----------
        x : array ``(n_examples, n_in)``
            Floats, or what slices to them.

        Returns
        -------
        array ``(n_examples, n_out)``
            Each row sums to 1.

        Raises
        ------
        DataError
            If the examples have another number of inputs than the model, or its
            parameters are so large that a probability is nan.
        """
        if len(x.shape) != 2 or x.shape[1] != self.n_in:
            raise DataError(
                f"got examples of shape {tuple(x.shape[1:])}, expected ({self.n_in},), "
                "the inputs of the model"
            )
        dtype = self.model.params[0].dtype
        blocks = [
            self.function(numpy.asarray(x[start : start + _ROWS_AT_A_TIME], dtype))
            for start in range(0, len(x), _ROWS_AT_A_TIME)
        ]
        p_y_given_x = numpy.concatenate([numpy.empty((0, self.n_out), dtype), *blocks])
        if not numpy.isfinite(p_y_given_x).all():
            raise DataError("the parameters are too large, probabilities become nan")
        return p_y_given_x


def load_model(path: PathLike, activation: str = "tanh") -> SavedModel:
    """Make the model again whose parameters are in a file.

    Parameters
    ----------
    path : path
        A file as :func:`dltutorials.training.parameters.save_params` writes it.
    activation : {"tanh", "sigmoid", "relu"}
        Of the hidden units of a multilayer perceptron.

    Returns
    -------
    SavedModel
        It computes with the type of numbers of the file.

    Raises
    ------
    DataError
        If the file cannot be read, its shapes are of neither model, or a value
        is nan or inf.
    OptionError
        If the activation is unknown.

    Notes
    -----
    Source: Getting Started, "Loading and Saving Models".
    """
    values = read_params(path)
    with in_file(path):
        return rebuild_model(values, activation)


def add_test_set_arguments(parser: argparse.ArgumentParser, whose: str) -> None:
    """Add the options of a script that shows a saved model the test set.

    Parameters
    ----------
    parser : argparse.ArgumentParser
    whose : str
        The beginning of the help on ``--dataset``.
    """
    add = parser.add_argument
    add("--dataset", default=FILE_NAME, metavar="PATH", help=f"{whose}; default: %(default)s")
    add("--offline", action="store_true", help="download nothing")
    add(
        "--activation",
        choices=list(ACTIVATIONS),
        default="tanh",
        help="of the hidden units, which is not in the file; default: %(default)s",
    )


def rebuild_model(values: Sequence[numpy.ndarray], activation: str = "tanh") -> SavedModel:
    """Make the model again whose parameters have these values.

    Parameters
    ----------
    values : sequence of array
        In the order of ``params``: ``W, b``, or ``W_hidden, b_hidden, W, b``.
    activation : {"tanh", "sigmoid", "relu"}

    Returns
    -------
    SavedModel

    Raises
    ------
    DataError, OptionError
        As :func:`load_model`.
    """
    units = _require_layers(values)
    floatX = "float64" if values[0].dtype.itemsize >= 8 else "float32"
    with temporary_floatX(floatX):
        x = T.matrix("x")
        model: LogisticRegression | MLP
        if len(units) == 2:
            model = LogisticRegression(x, *units)
        else:
            n_in, n_hidden, n_out = units
            model = MLP(numpy.random.RandomState(0), x, n_in, n_hidden, n_out, activation)
        for param, value in zip(model.params, values):
            param.set_value(value.astype(floatX))
        function = example_function(model.p_y_given_x, x)
    return SavedModel(model, units[0], units[-1], function)


def _require_layers(values: Sequence[numpy.ndarray]) -> list[int]:
    """Return the number of inputs and of the units of each layer."""
    shapes = [value.shape for value in values]
    matrices, vectors = shapes[::2], shapes[1::2]
    is_known = (
        len(shapes) in (2, 4)
        and all(len(shape) == 2 and 0 not in shape for shape in matrices)
        and all(vector == matrix[1:] for matrix, vector in zip(matrices, vectors))
        and all(a[1] == b[0] for a, b in itertools.pairwise(matrices))
    )
    if not is_known:
        shown = ", ".join(map(str, shapes[:6])) + (", ..." if len(shapes) > 6 else "")
        raise DataError(
            f"holds parameters of shapes {shown}; expected (n_in, n_out), (n_out,) of logistic "
            "regression, or (n_in, n_hidden), (n_hidden,), (n_hidden, n_out), (n_out,) of a "
            "multilayer perceptron"
        )
    if not all(numpy.isfinite(value).all() for value in values):
        raise DataError("some parameters are nan or inf: the training has diverged")
    return [matrices[0][0], *(shape[1] for shape in matrices)]
