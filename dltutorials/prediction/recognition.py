"""Recognition of the model in a parameter file: its class, sizes and options.

The description in the file decides; if there is none, the shapes do, and whatever they leave open
is assumed:

>>> recipe = recognize([(784, 500), (500,), (500, 10), (10,)])
>>> recipe.model_class.__name__, recipe.sizes["n_hidden"], recipe.options
('MLP', 500, {'activation': 'tanh'})
>>> print(recipe.assumption)
has no description of its model: taken for a multilayer perceptron with activation 'tanh'; if it \
has another, say which (activation=..., --activation)
"""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from dltutorials.checks import require_choice
from dltutorials.exceptions import DataError, OptionError, reason_of
from dltutorials.models import CHAPTERS, Chapter, find_chapter
from dltutorials.training.description import NOTHING_DESCRIBED, Description
from dltutorials.types import Expression

import numpy

_MOST_SHAPES = 6  # shown in a message
Shapes = Sequence[tuple[int, ...]]


class Recipe(NamedTuple):
    """The structure of a model, without its values.

    Attributes
    ----------
    model_class : type
    sizes : dict
        Its integer arguments.
    options : dict
        Its other arguments.
    assumption : str or None
        A sentence about arguments that were only assumed.
    """

    model_class: type[Any]
    sizes: dict[str, int]
    options: dict[str, Any]
    assumption: str | None = None

    def make_model(self, x: Expression) -> Any:
        """Return a model on the placeholder `x`, with its initial values.

        Raises
        ------
        DataError
            If the class does not accept these arguments.
        """
        rng = {"rng": numpy.random.RandomState(0)} if "rng" in self._parameters() else {}
        try:
            return self.model_class(**rng, input=x, **self.sizes, **self.options)
        except (OptionError, TypeError, ValueError, ArithmeticError) as error:
            raise DataError(f"its description does not fit: {reason_of(error)}") from error

    def check_arguments(self) -> None:
        """Refuse options that the class does not accept.

        Raises
        ------
        DataError
            If there are any; the message names them.
        """
        taken = set(self._parameters()) - {"rng", "input", *self.sizes}
        unknown = [name for name in self.options if name not in taken]
        if unknown:
            raise DataError(
                f"its description names options that {self.model_class.__name__} does not "
                f"take: {', '.join(map(repr, unknown))[:200]}"
            )

    def _parameters(self) -> Mapping[str, inspect.Parameter]:
        return inspect.signature(self.model_class).parameters


def recognize(
    shapes: Shapes,
    about: Description = NOTHING_DESCRIBED,
    model_class: type[Any] | None = None,
    chosen: Mapping[str, Any] | None = None,
) -> Recipe:
    """Determine which model has parameters of these shapes.

    Parameters
    ----------
    shapes : sequence of tuple
    about : Description, optional
        The description in the file.
    model_class : type, optional
        The class of your own model.
    chosen : mapping, optional
        Options chosen by the caller, for a file that does not describe them.

    Returns
    -------
    Recipe

    Raises
    ------
    DataError
        If the shapes fit no known model, or not the model described.
    OptionError
        If a chosen option is unknown, or contradicts the description.
    """
    chosen = dict(chosen or {})
    model_class = _find_class(shapes, about, model_class)
    if not hasattr(model_class, "sizes"):
        raise DataError(
            f"{model_class.__name__} has no method sizes, from which a saved model is rebuilt "
            "(dltutorials.models.Model)"
        )
    sizes = model_class.sizes(shapes)
    chapter = next((each for each in CHAPTERS.values() if each.model is model_class), None)
    if sizes is None:
        raise DataError(_describe_shapes(shapes, [] if chapter is None else [chapter]))
    described = dict(about.options)
    possible = {} if chapter is None else chapter.assumed
    _check_chosen(chosen, described, possible)
    assumed = {
        name: values[0]
        for name, values in possible.items()
        if name not in described and name not in chosen
    }
    recipe = Recipe(model_class, sizes, {**assumed, **chosen, **described})
    recipe.check_arguments()
    if chapter is None or not assumed:
        return recipe
    named = " and ".join(f"{name} {value!r}" for name, value in assumed.items())
    ways = ", ".join(f"{name}=..., --{name.replace('_', '-')}" for name in assumed)
    return recipe._replace(
        assumption=f"has no description of its model: taken for {chapter.title} with {named}; "
        f"if it has another, say which ({ways})"
    )


def _find_class(shapes: Shapes, about: Description, model_class: type[Any] | None) -> type[Any]:
    name = about.chapter
    if model_class is not None:
        if name not in (None, getattr(model_class, "chapter", None)):
            raise DataError(f"is of the chapter {name!r:.80}, not of {model_class.__name__}")
        return model_class
    if name is None:
        name = find_chapter(shapes)
        if name is None:
            raise DataError(_describe_shapes(shapes, list(CHAPTERS.values())))
    if name not in CHAPTERS:
        raise DataError(
            f"is of a model {name!r:.80}, expected one of {', '.join(CHAPTERS)}; of your own "
            "model, give load_model the class (model_class)"
        )
    return CHAPTERS[name].model


def _check_chosen(
    chosen: Mapping[str, Any], described: Mapping[str, Any], possible: Mapping[str, Sequence[str]]
) -> None:
    for name, value in chosen.items():
        if name not in {**possible, **described}:
            raise OptionError(f"{name}: got {value!r}, but the model in this file has none")
        require_choice(name, value, possible.get(name, [value]))
        if name in described and value != described[name]:
            raise OptionError(
                f"{name}: got {value!r}, but the file says {described[name]!r}; leave it out"
            )


def _describe_shapes(shapes: Shapes, chapters: Sequence[Chapter]) -> str:
    shown = ", ".join(map(str, shapes[:_MOST_SHAPES]))
    if len(shapes) > _MOST_SHAPES:
        shown += ", ..."
    titles: dict[str, list[str]] = {}  # chapters may have the same parameters
    for chapter in chapters:
        titles.setdefault(chapter.parameters, []).append(chapter.title)
    known = ", or ".join(f"{these} of {' or '.join(of)}" for these, of in titles.items())
    return f"holds parameters of shapes {shown}; expected {known or 'those of its model'}"
