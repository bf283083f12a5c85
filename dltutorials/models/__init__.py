"""The models of the chapters: expressions and parameters only, one module per chapter.

:class:`Model` is the interface that the other parts expect. Every part that has to know the
chapters reads :data:`CHAPTERS`, so a new chapter needs a module here, a script, and an entry in
that table:

>>> for name, chapter in CHAPTERS.items():
...     print(name, chapter.title, chapter.parameters, sep=": ")
logreg: logistic regression: (n_in, n_out), (n_out,)
mlp: a multilayer perceptron: (n_in, n_hidden), (n_hidden,), (n_hidden, n_out), (n_out,)
lenet: LeNet: those of its convolutional layers, then those of a multilayer perceptron
da: an autoencoder: (n_in, n_hidden), (n_hidden,), (n_in,)
sda: a stacked autoencoder: (n_in, n_hidden), (n_hidden,) of each layer, (n_hidden, n_out), (n_out,)
rbm: a restricted Boltzmann machine: (n_in, n_hidden), (n_hidden,), (n_in,)
dbn: a deep belief network: (n_in, n_hidden), (n_hidden,) of each layer, (n_hidden, n_out), (n_out,)
>>> find_chapter([(784, 10), (10,)])
'logreg'

A model of your own needs no entry: its script trains it, and
``load_model(path, model_class=...)`` reads what was saved.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Protocol

from dltutorials.models.autoencoder import Autoencoder
from dltutorials.models.classifier import Classifier
from dltutorials.models.dbn import DBN
from dltutorials.models.lenet import LeNet
from dltutorials.models.logistic import LogisticRegression
from dltutorials.models.mlp import ACTIVATIONS, MLP
from dltutorials.models.rbm import RBM
from dltutorials.models.stacked import PretrainedNetwork, StackedAutoencoder
from dltutorials.types import Expression, SharedVariable

__all__ = [
    "ACTIVATIONS",
    "CHAPTERS",
    "DBN",
    "MLP",
    "RBM",
    "Autoencoder",
    "Chapter",
    "Classifier",
    "LeNet",
    "LogisticRegression",
    "Model",
    "PretrainedNetwork",
    "StackedAutoencoder",
]


class Model(Protocol):
    """The interface that the other parts expect of a model.

    The class is called with the placeholder `input`, with `rng` (a
    ``numpy.random.RandomState``) if it draws its initial weights, and with its sizes and
    options as keyword arguments.

    Besides what is required here, a model may have:

    - ``errors(y)``, a float scalar: the loss on the validation and test sets; and ``loss``, a
      :class:`dltutorials.loss.Loss`, if that is not the fraction misclassified;
    - ``watched()``, a float scalar: what a training step reports, if it is not the cost;
    - ``misclassified(y)``, a bool vector: which examples are misclassified, for the
      significance test;
    - ``updates(cost, learning_rate)``: the updates of a training step, if they are not those of
      :func:`dltutorials.updates.sgd`; the rate is a number or a shared variable;
    - ``layers``: models that are trained first, without labels, one phase each, on the code of
      the previous one (:class:`dltutorials.models.stacked.PretrainedNetwork`);
    - ``input_range``: the smallest and the largest number allowed in an example;
    - ``p_y_given_x``, ``predict`` and ``predict_proba``: all that
      :class:`~dltutorials.models.classifier.Classifier` provides to its subclasses.

    Attributes
    ----------
    chapter : str or None
        Its name in parameter files.
    is_supervised : bool
        Whether it learns from targets, that is, whether `cost` takes them.
    params : list of shared variables
        The parameters, in the order in which they are saved.
    weights : list of shared variables
        The parameters that are regularized.
    options : mapping
        The arguments of the class that `sizes` does not return, as plain values.
    """

    chapter: ClassVar[str | None]
    is_supervised: ClassVar[bool]
    params: list[SharedVariable]
    weights: list[SharedVariable]
    options: Mapping[str, Any]

    def cost(self, *targets: Expression) -> Expression:
        """Return what training minimizes (float scalar), without the regularization terms."""

    @staticmethod
    def sizes(shapes: Sequence[tuple[int, ...]]) -> dict[str, int] | None:
        """Return the integer arguments of a model with parameters of these shapes, or None."""


class Chapter(NamedTuple):
    """What the other parts know about a chapter; its script and its page have its name.

    Attributes
    ----------
    model : type
    title : str
        The name of the model within a sentence.
    parameters : str
        The shapes of the parameters, in order.
    assumed : dict of tuples
        The options that the shapes do not reveal, with their values; the first is assumed for a
        parameter file without a description.
    """

    model: type[Any]
    title: str
    parameters: str
    assumed: dict[str, tuple[str, ...]]


# The parameters of more than one chapter.
_CODE = "(n_in, n_hidden), (n_hidden,), (n_in,)"
_STACK = "(n_in, n_hidden), (n_hidden,) of each layer, (n_hidden, n_out), (n_out,)"

CHAPTERS = {
    "logreg": Chapter(
        LogisticRegression,
        "logistic regression",
        "(n_in, n_out), (n_out,)",
        {},
    ),
    "mlp": Chapter(
        MLP,
        "a multilayer perceptron",
        "(n_in, n_hidden), (n_hidden,), (n_hidden, n_out), (n_out,)",
        {"activation": tuple(ACTIVATIONS)},
    ),
    "lenet": Chapter(
        LeNet,
        "LeNet",
        "those of its convolutional layers, then those of a multilayer perceptron",
        {},
    ),
    "da": Chapter(Autoencoder, "an autoencoder", _CODE, {}),
    "sda": Chapter(
        StackedAutoencoder,
        "a stacked autoencoder",
        _STACK,
        {},
    ),
    "rbm": Chapter(RBM, "a restricted Boltzmann machine", _CODE, {}),
    "dbn": Chapter(DBN, "a deep belief network", _STACK, {}),
}


def find_chapter(shapes: Sequence[tuple[int, ...]]) -> str | None:
    """Return the name of the first chapter whose model has parameters of these shapes."""
    for name, chapter in CHAPTERS.items():
        if chapter.model.sizes(shapes) is not None:
            return name
    return None
