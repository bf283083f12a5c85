"""Plots of a model's most confident mistakes, above the confusion matrix.

A confident mistake says more about a model than a close one: look at it, and decide whether the
model, the image or the label is odd.

>>> import numpy
>>> p_y_given_x = numpy.array([[0.75, 0.25], [0.25, 0.75], [0.5, 0.5], [0.0, 1.0]])
>>> y = numpy.array([1, 1, 0, 0])
>>> most_confident_mistakes(p_y_given_x, y).tolist()
[3, 0]
>>> ax = plot_mistakes(numpy.ones((4, 9)), y, p_y_given_x)
>>> ax.texts[0].get_text().splitlines()
['0 → 1', '>99.9 %']
"""

import math
from collections.abc import Sequence

from dltutorials.checks import require_integer
from dltutorials.exceptions import OptionError
from dltutorials.plotting.confusion import (
    MATRIX_HEIGHT,
    name_classes,
    plot_confusion,
    require_labels,
)
from dltutorials.plotting.figures import GREY, new_axes, new_column
from dltutorials.plotting.images import N_COLUMNS, plot_images
from dltutorials.plotting.layout import image_shape
from dltutorials.types import Axes

import numpy

N_MISTAKES = 24
MAX_MISTAKES = 200
_LONGEST_NAME = 9  # characters that fit under an image
_N_WIDE_COLUMNS = 6  # with names under the images
_NAMED_MATRIX_HEIGHT = 4.0  # inches, without the names
_IMAGE, _CAPTION = 4.4, 0.42  # inches: a row's height times its columns, and the height of its text


def most_confident_mistakes(p_y_given_x: numpy.ndarray, y: numpy.ndarray) -> numpy.ndarray:
    """Return the positions of the misclassified examples, the most confident mistakes first.

    Parameters
    ----------
    p_y_given_x : array ``(n_examples, n_out)``
        Probabilities of the labels.
    y : integer array ``(n_examples,)``
        True labels.

    Returns
    -------
    integer array
        Sorted by the probability of the wrong label; ties stay in the order of the set.

    Raises
    ------
    OptionError
        If `y` does not fit `p_y_given_x`.
    """
    require_labels(y, p_y_given_x)
    mistakes = numpy.flatnonzero(p_y_given_x.argmax(axis=1) != y)
    return mistakes[numpy.argsort(-p_y_given_x[mistakes].max(axis=1), kind="stable")]


def plot_errors(
    x: numpy.ndarray,
    y: numpy.ndarray,
    p_y_given_x: numpy.ndarray,
    n_mistakes: int = N_MISTAKES,
    img_shape: tuple[int, int] | None = None,
    axes: Sequence[Axes] | None = None,
    class_names: Sequence[str] | None = None,
) -> list[Axes]:
    """Draw the most confident mistakes, and below them the confusion matrix.

    Parameters
    ----------
    x : array ``(n_examples, n_in)``
        Images, one per row.
    y : integer array ``(n_examples,)``
        True labels.
    p_y_given_x : array ``(n_examples, n_out)``
        Probabilities of the labels.
    n_mistakes : int
        Maximum number to draw, from 1 to 200.
    img_shape : (int, int), optional
        Height and width of an image; by default they are square.
    axes : two Axes, optional
        The axes to draw on; by default those of a new figure, which a notebook shows.
    class_names : sequence of str, optional
        One per label; by default labels are numbers.

    Returns
    -------
    list of two Axes

    Raises
    ------
    DataError, OptionError
        As :func:`plot_mistakes` and :func:`plot_confusion`.
    """
    if axes is None:
        n_shown = min(n_mistakes, len(most_confident_mistakes(p_y_given_x, y)))
        matrix, around = MATRIX_HEIGHT, 0.2
        if class_names is not None:
            matrix, around = _NAMED_MATRIX_HEIGHT, 1.0
        axes = new_column([_height(n_shown, _columns(class_names)), matrix], around)
    if len(axes) != 2:
        raise OptionError(f"axes: got {len(axes)}, expected two")
    plot_mistakes(x, y, p_y_given_x, n_mistakes, img_shape, axes[0], class_names)
    plot_confusion(p_y_given_x, y, axes[1], class_names)
    return axes if isinstance(axes, list) else list(axes)


def plot_mistakes(
    x: numpy.ndarray,
    y: numpy.ndarray,
    p_y_given_x: numpy.ndarray,
    n_mistakes: int = N_MISTAKES,
    img_shape: tuple[int, int] | None = None,
    ax: Axes = None,
    class_names: Sequence[str] | None = None,
) -> Axes:
    """Draw the misclassified images whose wrong labels have the highest probabilities.

    Under each: the true label, the predicted label, and its probability in %.

    Parameters
    ----------
    x, y, p_y_given_x, n_mistakes, img_shape, class_names
        As for :func:`plot_errors`.
    ax : Axes, optional
        The axes to draw on; by default those of a new figure, which a notebook shows.

    Returns
    -------
    Axes

    Raises
    ------
    DataError
        If the rows of `x` do not make images.
    OptionError
        If `n_mistakes` is not an integer from 1 to 200, `y` does not fit `p_y_given_x` or
        `x`, or there are not as many `class_names` as labels.
    """
    require_integer("mistakes", n_mistakes, at_least=1)
    if n_mistakes > MAX_MISTAKES:
        raise OptionError(f"mistakes: got {n_mistakes:,}, expected at most {MAX_MISTAKES}")
    mistakes = most_confident_mistakes(p_y_given_x, y)
    if len(x) != len(y):
        raise OptionError(f"x: got {len(x):,} images, expected {len(y):,}, one per label")
    image_shape(x.shape[1], img_shape)
    names = name_classes(_LONGEST_NAME, class_names, p_y_given_x.shape[1])
    shown = mistakes[:n_mistakes]
    n_columns = _columns(class_names)
    ax = ax or new_axes(_height(len(shown), n_columns))
    if len(shown):
        captions = [_caption(y[example], p_y_given_x[example], names) for example in shown]
        plot_images(x[shown], captions, img_shape, ax, n_columns)
    else:
        ax.set_axis_off()
        ax.text(0.5, 0.5, "no mistakes", ha="center", color=GREY, transform=ax.transAxes)
    ax.set_title(_summary(len(mistakes), len(shown), len(y)), fontsize=10, loc="left")
    return ax


def _columns(class_names: Sequence[str] | None) -> int:
    return N_COLUMNS if class_names is None else _N_WIDE_COLUMNS


def _height(n_shown: int, n_columns: int) -> float:
    """Return the height of the images with their title, in inches."""
    return 0.6 + (_IMAGE / n_columns + _CAPTION) * max(math.ceil(n_shown / n_columns), 1)


def _summary(n_mistakes: int, n_shown: int, n_examples: int) -> str:
    text = f"{n_mistakes:,} of {n_examples:,} wrong ({n_mistakes / n_examples * 100:.2f} %)"
    if n_shown:
        text += f"; the {n_shown} most confident mistakes\n"
        text += "(true label → predicted label, and its probability):"
    return text


def _caption(label: int, p: numpy.ndarray, names: Sequence[str]) -> str:
    """Return the caption of a mistake; no probability is rounded up to 100 %."""
    percent = p.max() * 100
    true, predicted = names[label], names[int(p.argmax())]
    arrow = "\n→ " if len(true) + len(predicted) > _LONGEST_NAME else " → "
    return f"{true}{arrow}{predicted}\n{'>99.9' if percent >= 99.95 else f'{percent:.1f}'} %"
