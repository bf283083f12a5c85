"""The description of a model in a parameter file, next to its values.

The same values give different answers in another model: what tanh units have learned is useless
to max(0, .) units. So a parameter file (:mod:`dltutorials.training.parameters`) ends with a
description: the chapter, the options of the model that its shapes do not reveal, the class
names, and how bytes were scaled.

>>> about = Description("mlp", {"activation": "relu"}, class_names=("cat", "dog"))
>>> parse_description(about.as_text()) == about
True
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dltutorials.exceptions import DataError, OptionError

FORMAT = "dltutorials parameters 1"
_ANY_FORMAT = "dltutorials parameters "
MAX_CHARACTERS = 1 << 20
_FIELDS = {"chapter", "options", "class_names", "scale"}
_PLAIN = (str, bool, int, type(None))


@dataclass(frozen=True)
class Description:
    """What determines a model's predictions besides its parameters; None where unknown.

    Attributes
    ----------
    chapter : str, optional
        The name of the model's chapter: a key of :data:`dltutorials.models.CHAPTERS`,
        or the name of your own model.
    options : mapping of str to number, text, bool, None, or a list of these
        Those arguments of the model's class that the shapes of its parameters do not reveal.
    class_names : sequence of str, optional
        The name of each label.
    scale : str or number, optional
        How the numbers of the data set were scaled: the ``scale`` of
        :class:`~dltutorials.loading.SharedDatasets`.
    """

    chapter: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    class_names: Sequence[str] | None = None
    scale: str | float | None = None

    def __post_init__(self) -> None:
        if self.class_names is not None:
            object.__setattr__(self, "class_names", tuple(self.class_names))
        options = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in dict(self.options).items()
        }
        object.__setattr__(self, "options", options)

    def as_text(self) -> str:
        """Return the description as JSON: the same text for equal descriptions.

        Raises
        ------
        OptionError
            If a value is not of the type above, or the text would exceed 1 MiB.
        """
        fields = vars(self)
        fault = _find_fault(**fields)
        if fault:
            raise OptionError(f"about: {fault}")
        text = json.dumps({"format": FORMAT, **fields}, sort_keys=True)
        if len(text) > MAX_CHARACTERS:
            raise OptionError(
                f"about: takes {len(text):,} characters, expected at most {MAX_CHARACTERS:,}"
            )
        return text


NOTHING_DESCRIBED = Description()


def describe_model(model: Any, datasets: Any = None) -> Description:
    """Return the description of a model that was trained on data sets.

    Parameters
    ----------
    model : object
        Its ``chapter`` and ``options`` are described, if it has them.
    datasets : SharedDatasets, optional
        Its ``class_names`` and ``scale`` are described, if it has them; without data
        sets, the ``class_names`` of the model.
    """
    return Description(
        getattr(model, "chapter", None),
        getattr(model, "options", {}),
        getattr(model if datasets is None else datasets, "class_names", None),
        getattr(datasets, "scale", None),
    )


def parse_description(text: str) -> Description:
    """Read a description.

    Parameters
    ----------
    text : str
        As :meth:`Description.as_text` returns it; it is not trusted.

    Returns
    -------
    Description

    Raises
    ------
    DataError
        If the text is anything else.
    """
    fields = _parse_fields(text)
    form = fields.pop("format", None)
    if not isinstance(form, str) or not form.startswith(_ANY_FORMAT):
        raise DataError("holds a text that is not a description of parameters")
    if form != FORMAT:
        raise DataError(f"is of the format {form[:80]!r}, expected {FORMAT!r}; update dltutorials")
    if set(fields) != _FIELDS:
        raise DataError(f"its description has {_quote(fields)[:200]}, expected {_quote(_FIELDS)}")
    fault = _find_fault(**fields)
    if fault is not None:
        raise DataError(f"its description {fault}")
    return Description(**fields)


def _parse_fields(text: str) -> dict[str, Any]:
    """Return the mapping in the text, or an empty one if it does not hold a mapping."""
    try:
        fields = json.loads(text) if len(text) <= MAX_CHARACTERS else None
    except (ValueError, RecursionError):
        fields = None
    return fields if isinstance(fields, dict) else {}


def _quote(names: Iterable[str]) -> str:
    return ", ".join(sorted(map(repr, names))) or "nothing"


def _find_fault(chapter: Any, options: Any, class_names: Any, scale: Any) -> str | None:
    """Return what is wrong with the fields of a description, or None."""
    if not isinstance(chapter, (str, type(None))):
        return f"has a chapter of type {type(chapter).__name__}, expected text"
    if not isinstance(options, dict) or not all(isinstance(name, str) for name in options):
        return "has options that are not a mapping of names to values"
    for name, value in options.items():
        if not all(map(_is_plain, value if isinstance(value, list) else [value])):
            return f"has an option {name[:80]!r} that is not a finite number, text, bool or None"
    is_list = isinstance(class_names, (list, tuple)) and all(
        isinstance(name, str) for name in class_names
    )
    if class_names is not None and not (is_list and class_names):
        return "has class names that are not a list of texts"
    if not _is_plain(scale) or isinstance(scale, bool):
        return "has a scale that is not a finite number, text or None"
    return None


def _is_plain(value: Any) -> bool:
    return math.isfinite(value) if isinstance(value, float) else isinstance(value, _PLAIN)
