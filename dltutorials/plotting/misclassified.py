"""Where a model is wrong: its most confident mistakes, and which labels it takes for which.

A mistake made with a high probability says more of a model than one that was
close: look at it, and decide whether the model, the image or the label is odd.

>>> import numpy
>>> p_y_given_x = numpy.array([[0.75, 0.25], [0.25, 0.75], [0.5, 0.5], [0.0, 1.0]])
>>> y = numpy.array([1, 1, 0, 0])
>>> most_confident_mistakes(p_y_given_x, y).tolist()
[3, 0]
>>> confusion_matrix(p_y_given_x, y).tolist()
[[1, 1], [1, 1]]
"""

from collections.abc import Sequence
from typing import Any

from dltutorials.checks import require_integer
from dltutorials.exceptions import OptionError
from dltutorials.plotting.figures import GREY, new_axes, new_figure, show_raster
from dltutorials.plotting.filters import image_shape, lay_out, raster_of, write_labels

import numpy

N_MISTAKES = 24
MAX_MISTAKES = 200
_COLUMNS = 8
_MOST_COUNTED = 20  # labels beyond which a count would be too small to read


def most_confident_mistakes(p_y_given_x: numpy.ndarray, y: numpy.ndarray) -> numpy.ndarray:
    """Return the numbers of the examples that are labelled wrongly, the surest ones first.

    Parameters
    ----------
    p_y_given_x : array ``(n_examples, n_out)``
        Probabilities of the labels.
    y : integer array ``(n_examples,)``
        True labels.

    Returns
    -------
    integer array
        By the probability of the wrong label; equal ones in the order of the set.
    """
    mistakes = numpy.flatnonzero(p_y_given_x.argmax(axis=1) != y)
    return mistakes[numpy.argsort(-p_y_given_x[mistakes].max(axis=1), kind="stable")]


def confusion_matrix(p_y_given_x: numpy.ndarray, y: numpy.ndarray) -> numpy.ndarray:
    """Return how many examples of each true label (row) got which label (column).

    Parameters
    ----------
    p_y_given_x : array ``(n_examples, n_out)``
    y : integer array ``(n_examples,)``
        From 0 to ``n_out - 1``.

    Returns
    -------
    integer array ``(n_out, n_out)``
    """
    n_out = p_y_given_x.shape[1]
    pairs = numpy.asarray(y) * n_out + p_y_given_x.argmax(axis=1)
    return numpy.bincount(pairs, minlength=n_out * n_out).reshape(n_out, n_out)


def plot_errors(
    x: numpy.ndarray,
    y: numpy.ndarray,
    p_y_given_x: numpy.ndarray,
    n_mistakes: int = N_MISTAKES,
    img_shape: tuple[int, int] | None = None,
    axes: Sequence[Any] | None = None,
) -> list[Any]:
    """Draw the most confident mistakes, and under them the confusion matrix.

    Parameters
    ----------
    x : array ``(n_examples, n_in)``
        Images, one a row.
    y : integer array ``(n_examples,)``
    p_y_given_x : array ``(n_examples, n_out)``
    n_mistakes : int
    img_shape : (int, int), optional
        Height and width of an image; by default they are square.
    axes : two Axes, optional
        Into which to draw; by default those of a new figure.

    Returns
    -------
    list of two Axes

    Raises
    ------
    DataError, OptionError
        As the two functions below.
    """
    if axes is None:
        n_rows = -(-min(n_mistakes, (p_y_given_x.argmax(axis=1) != y).sum()) // _COLUMNS)
        heights = [0.6 + 0.97 * max(int(n_rows), 1), 5.2]
        figure = new_figure(sum(heights) + 0.2)
        axes = figure.subplots(2, gridspec_kw={"height_ratios": heights})
    if len(axes) != 2:
        raise OptionError(f"axes: got {len(axes)}, expected two")
    plot_mistakes(x, y, p_y_given_x, n_mistakes, img_shape, axes[0])
    plot_confusion(p_y_given_x, y, axes[1])
    return list(axes)


def plot_mistakes(
    x: numpy.ndarray,
    y: numpy.ndarray,
    p_y_given_x: numpy.ndarray,
    n_mistakes: int = N_MISTAKES,
    img_shape: tuple[int, int] | None = None,
    ax: Any = None,
) -> Any:
    """Draw the images that are labelled wrongly with the highest probabilities.

    Under each: the true label, the label it got, and its probability in %.

    Parameters
    ----------
    x : array ``(n_examples, n_in)``
        Images, one a row.
    y : integer array ``(n_examples,)``
        True labels.
    p_y_given_x : array ``(n_examples, n_out)``
        Probabilities of the labels.
    n_mistakes : int
        At most so many.
    img_shape : (int, int), optional
        Height and width of an image; by default they are square.
    ax : Axes, optional
        Into which to draw; by default those of a new figure.

    Returns
    -------
    Axes

    Raises
    ------
    DataError
        If the rows of `x` do not make images.
    OptionError
        If `n_mistakes` is no integer from 1 to 200.
    """
    require_integer("mistakes", n_mistakes, at_least=1)
    if n_mistakes > MAX_MISTAKES:
        raise OptionError(f"mistakes: got {n_mistakes:,}, expected at most {MAX_MISTAKES}")
    shape = image_shape(x[:1].T, img_shape)
    mistakes = most_confident_mistakes(p_y_given_x, y)
    shown = mistakes[:n_mistakes]
    ax = ax or new_axes(height=0.6 + 0.97 * max(-(-len(shown) // _COLUMNS), 1))
    ax.set_title(_summary(len(mistakes), len(shown), len(y)), fontsize=10, loc="left")
    if not len(shown):
        ax.set_axis_off()
        ax.text(0.5, 0.5, "no mistakes", ha="center", color=GREY, transform=ax.transAxes)
        return ax
    layout = lay_out(shape, len(shown), _COLUMNS)
    layout = layout._replace(tile_spacing=(round(shape[0] * 0.75), round(shape[1] * 0.2)))
    # A little grey behind the ink shows how far an image goes.
    show_raster(ax, raster_of(x[shown].T, layout) * 0.93 + 0.07, "gray_r", (0, 1))
    captions = [_caption(y[example], p_y_given_x[example]) for example in shown]
    write_labels(ax, layout, captions)
    return ax


def plot_confusion(p_y_given_x: numpy.ndarray, y: numpy.ndarray, ax: Any = None) -> Any:
    """Draw how many examples of each true label got which label.

    The darker, the more mistakes; right answers, on the diagonal, are not shaded.
    Beside each row is the share of the label's examples that are labelled wrongly.

    Parameters
    ----------
    p_y_given_x : array ``(n_examples, n_out)``
    y : integer array ``(n_examples,)``
        From 0 to ``n_out - 1``.
    ax : Axes, optional
        Into which to draw; by default those of a new figure.

    Returns
    -------
    Axes
    """
    counts = confusion_matrix(p_y_given_x, y)
    n_out = len(counts)
    wrong = counts - numpy.diag(counts.diagonal())
    ax = ax or new_axes(height=5.2)
    ax.imshow(wrong, cmap="Oranges", vmin=0, vmax=max(int(wrong.max()), 1) * 1.3)
    ax.set_xlabel("label given")
    ax.set_ylabel("true label")
    if n_out <= _MOST_COUNTED:
        _write_counts(ax, counts)
        _write_error_rates(ax, counts)
        ax.set_xticks(range(n_out))
        ax.set_yticks(range(n_out))
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return ax


def _write_counts(ax: Any, counts: numpy.ndarray) -> None:
    for (row, column), count in numpy.ndenumerate(counts):
        if count:
            weight, colour = ("bold", GREY) if row == column else ("normal", "black")
            ax.text(
                column,
                row,
                str(count),
                ha="center",
                va="center",
                fontsize=9 if len(counts) <= 10 else 6,
                fontweight=weight,
                color=colour,
            )


def _write_error_rates(ax: Any, counts: numpy.ndarray) -> None:
    right = len(counts) - 0.3
    ax.text(right, -0.65, "wrong", va="bottom", fontsize=9)
    for row, (total, correct) in enumerate(zip(counts.sum(axis=1), counts.diagonal())):
        if total:
            ax.text(
                right, row, f"{1 - correct / total:.1%}".replace("%", " %"), va="center", fontsize=9
            )


def _summary(n_mistakes: int, n_shown: int, n_examples: int) -> str:
    text = f"{n_mistakes:,} of {n_examples:,} wrong ({n_mistakes / n_examples * 100:.2f} %)"
    if n_shown:
        text += f"; the {n_shown} surest mistakes\n(true label → label given, and its probability):"
    return text


def _caption(label: int, p: numpy.ndarray) -> str:
    """Return what is written under a mistake; no probability is rounded up to 100 %."""
    percent = p.max() * 100
    return f"{label} → {p.argmax()}\n{'>99.9' if percent >= 99.95 else f'{percent:.1f}'} %"
