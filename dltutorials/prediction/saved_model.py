r"""Models rebuilt from parameter files, for prediction.

A file has values, and a description of their model (:mod:`dltutorials.training.description`). The
model of a file without one, such as the tutorial's own code writes, is recognized by the shapes of
its values; whatever the shapes leave open is assumed, with a warning:

>>> import os, tempfile, numpy
>>> from dltutorials.training.parameters import save_params
>>> path = os.path.join(tempfile.mkdtemp(), "best_model.pkl")
>>> save_params([numpy.eye(2, 4), numpy.zeros(4)], path, Description("logreg"))
>>> saved = load_model(path)
>>> saved
SavedModel of LogisticRegression(n_in=2, n_out=4): 12 parameters in W (2, 4), b (4,)
>>> saved.predict([[9, 1], [1, 9]]).tolist()
[0, 1]
>>> saved.predict_proba([0, 0]).tolist()
[0.25, 0.25, 0.25, 0.25]
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dltutorials.backend import temporary_floatX
from dltutorials.exceptions import DataError, in_file, warn_of_data
from dltutorials.prediction.recognition import Recipe, recognize
from dltutorials.training.description import NOTHING_DESCRIBED, Description
from dltutorials.training.parameters import read_params_and_description
from dltutorials.types import PathLike

import numpy
import theano.tensor as T


@dataclass(frozen=True, repr=False)
class SavedModel:
    """A model with values from a file.

    Attributes
    ----------
    model : object
        An instance of the chapter's class; it computes with the file's number type.
    about : Description
        Its description in the file, or the assumed one.
    sizes : dict
        The integer arguments of the model: ``n_in``, ``n_out``.
    assumption : str or None
        A sentence about what the file leaves open.
    """

    model: Any
    about: Description
    sizes: dict[str, int]
    assumption: str | None = None

    @property
    def n_in(self) -> int:
        """Return the number of inputs of an example: the tutorial's `D`."""
        return self.sizes.get("n_in") or int(self.model.n_in)

    @property
    def n_out(self) -> int:
        """Return the number of labels: the tutorial's `L`."""
        self.require_labels()
        return self.sizes["n_out"]

    @property
    def class_names(self) -> Sequence[str] | None:
        """Return the name of each label, if the file has names."""
        return self.about.class_names

    def predict(self, x: Any) -> Any:
        """Return the most probable label of each example, by its name if the file has names.

        See :meth:`dltutorials.models.classifier.Classifier.predict`.
        """
        self.require_labels()
        return self.model.predict(x)

    def predict_proba(self, x: Any) -> numpy.ndarray:
        """Return the probability of each label for examples.

        See :meth:`dltutorials.models.classifier.Classifier.predict_proba`.
        """
        self.require_labels()
        return self.model.predict_proba(x)

    def require_labels(self) -> None:
        """Refuse a model that does not predict labels.

        Raises
        ------
        DataError
            If it is not a classifier.
        """
        if not hasattr(self.model, "predict_proba"):
            name = type(self.model).__name__
            raise DataError(f"a model of the class {name} predicts no labels; give a classifier")

    def __repr__(self) -> str:
        return f"SavedModel of {self.model!r}"


def load_model(
    path: PathLike,
    activation: str | None = None,
    model_class: type[Any] | None = None,
    **options: Any,
) -> SavedModel:
    """Rebuild the model whose parameters are in a file.

    Parameters
    ----------
    path : path
        A file as :func:`dltutorials.training.parameters.save_params` writes it.
    activation : {"tanh", "sigmoid", "relu"}, optional
        Activation of a multilayer perceptron's hidden units, if the file does not describe it.
    model_class : type, optional
        The class of your own model: see :class:`dltutorials.models.Model`.
    **options
        Other options of the model, if the file does not describe them.

    Returns
    -------
    SavedModel

    Raises
    ------
    DataError
        If the file cannot be read, its shapes fit no known model, a value is nan or inf, or its
        description does not fit.
    OptionError
        If an option is unknown, or contradicts the file.

    Warns
    -----
    DataWarning
        If the file does not say what the model is, and its shapes leave that open.

    Notes
    -----
    Source: Getting Started, "Loading and Saving Models".
    """
    chosen = options if activation is None else {**options, "activation": activation}
    values, about = read_params_and_description(path)
    with in_file(path):
        saved = rebuild_model(values, chosen, about, model_class)
    if saved.assumption is not None:
        warn_of_data(f"{os.fspath(path)}: {saved.assumption}")
    return saved


def rebuild_model(
    values: Sequence[numpy.ndarray],
    chosen: Mapping[str, Any] | None = None,
    about: Description | None = None,
    model_class: type[Any] | None = None,
) -> SavedModel:
    """Rebuild the model whose parameters have these values.

    Parameters
    ----------
    values : sequence of array
        In the order of ``params``: ``W, b``, or ``W_hidden, b_hidden, W, b``.
    chosen : mapping, optional
        Options of the model, ``{"activation": "relu"}``, if `about` does not describe them.
    about : Description, optional
    model_class : type, optional

    Returns
    -------
    SavedModel

    Raises
    ------
    DataError, OptionError
        As :func:`load_model`.
    """
    about = about or NOTHING_DESCRIBED
    recipe = recognize([value.shape for value in values], about, model_class, chosen)
    if not all(numpy.isfinite(value).all() for value in values):
        raise DataError("some parameters are nan or inf: the training run has diverged")
    chapter = getattr(recipe.model_class, "chapter", None)
    about = replace(about, chapter=chapter, options=recipe.options)
    check_class_names(about.class_names, recipe.sizes.get("n_out"))
    model = _fill(recipe, values)
    model.class_names, model.scale = about.class_names, about.scale
    return SavedModel(model, about, recipe.sizes, recipe.assumption)


def check_class_names(class_names: Sequence[str] | None, n_out: int | None) -> None:
    """Refuse names unless there is one for each label.

    Raises
    ------
    DataError
    """
    if class_names is not None and len(class_names) != n_out:
        raise DataError(f"its description names {len(class_names):,} classes, expected {n_out}")


def _fill(recipe: Recipe, values: Sequence[numpy.ndarray]) -> Any:
    """Make the model and set its parameters."""
    floatX = "float64" if values[0].dtype.itemsize >= 8 else "float32"
    with temporary_floatX(floatX):
        model = recipe.make_model(T.matrix("x"))
    expected = [param.get_value(borrow=True).shape for param in model.params]
    if expected != [value.shape for value in values]:
        raise DataError(
            f"holds parameters of other shapes than {type(model).__name__} has: {expected}"
        )
    for param, value in zip(model.params, values):
        param.set_value(value.astype(floatX))
    return model
