"""The confusion matrix: which labels a model confuses.

>>> import numpy
>>> p_y_given_x = numpy.array([[0.75, 0.25], [0.25, 0.75], [0.5, 0.5], [0.0, 1.0]])
>>> confusion_matrix(p_y_given_x, y=numpy.array([1, 1, 0, 0])).tolist()
[[1, 1], [1, 1]]
"""

from collections.abc import Sequence

from dltutorials.exceptions import OptionError
from dltutorials.plotting.figures import GREY, new_axes, plain
from dltutorials.types import Axes

import numpy

MATRIX_HEIGHT = 5.2  # inches
_LONGEST_NAME = 12  # characters
_MOST_COUNTED = 20  # labels; with more, counts would be too small to read


def confusion_matrix(p_y_given_x: numpy.ndarray, y: numpy.ndarray) -> numpy.ndarray:
    """Return how many examples of each true label (row) were given each label (column).

    Parameters
    ----------
    p_y_given_x : array ``(n_examples, n_out)``
    y : integer array ``(n_examples,)``
        From 0 to ``n_out - 1``.

    Returns
    -------
    integer array ``(n_out, n_out)``

    Raises
    ------
    OptionError
        If `y` does not fit `p_y_given_x`.
    """
    require_labels(y, p_y_given_x)
    n_out = p_y_given_x.shape[1]
    pairs = numpy.asarray(y) * n_out + p_y_given_x.argmax(axis=1)
    return numpy.bincount(pairs, minlength=n_out * n_out).reshape(n_out, n_out)


def plot_confusion(
    p_y_given_x: numpy.ndarray,
    y: numpy.ndarray,
    ax: Axes = None,
    class_names: Sequence[str] | None = None,
) -> Axes:
    """Draw the confusion matrix: the predicted labels of the examples of each true label.

    Darker cells are more mistakes; correct predictions, on the diagonal, are not shaded. Beside
    each row is the fraction of the label's examples that are misclassified.

    Parameters
    ----------
    p_y_given_x : array ``(n_examples, n_out)``
    y : integer array ``(n_examples,)``
        From 0 to ``n_out - 1``.
    ax : Axes, optional
        The axes to draw on; by default those of a new figure, which a notebook shows.
    class_names : sequence of str, optional
        One per label; by default labels are numbers.

    Returns
    -------
    Axes

    Raises
    ------
    OptionError
        If `y` does not fit `p_y_given_x`, or there are not as many `class_names` as labels.
    """
    counts = confusion_matrix(p_y_given_x, y)
    n_out = len(counts)
    names = name_classes(_LONGEST_NAME, class_names, n_out)
    wrong = counts - numpy.diag(counts.diagonal())
    ax = ax or new_axes(MATRIX_HEIGHT)
    ax.imshow(wrong, cmap="Oranges", vmin=0, vmax=max(int(wrong.max()), 1) * 1.3)
    ax.set_xlabel("predicted label")
    ax.set_ylabel("true label")
    if n_out <= _MOST_COUNTED:
        _write_counts(ax, counts)
        _write_error_rates(ax, counts)
        turned = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
        ax.set_xticks(range(n_out), names, **(turned if max(map(len, names)) > 3 else {}))
        ax.set_yticks(range(n_out), names)
    ax.tick_params(length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    return ax


def require_labels(y: numpy.ndarray, p_y_given_x: numpy.ndarray) -> None:
    """Refuse labels unless there is one for each row of the probabilities, in range."""
    n_examples, n_out = numpy.shape(p_y_given_x)
    y = numpy.asarray(y)
    if y.shape != (n_examples,) or y.dtype.kind not in "iu":
        raise OptionError(
            f"y: got {y.dtype} of shape {y.shape}, expected integers of shape {(n_examples,)}, "
            "one label per row of p_y_given_x"
        )
    if n_examples and not 0 <= y.min() <= y.max() < n_out:
        raise OptionError(
            f"y: got labels from {y.min()} to {y.max()}, expected 0 to {n_out - 1}, one per "
            "column of p_y_given_x"
        )


def name_classes(longest: int, class_names: Sequence[str] | None, n_out: int) -> list[str]:
    """Return the name of each label, at most `longest` characters; by default its number."""
    if class_names is None:
        return [str(label) for label in range(n_out)]
    if len(class_names) != n_out:
        raise OptionError(
            f"class_names: got {len(class_names)}, expected {n_out}, one per label of the model"
        )
    names = [str(name) for name in class_names]
    return [plain(n if len(n) <= longest else f"{n[: longest - 1]}…") for n in names]


def _write_counts(ax: Axes, counts: numpy.ndarray) -> None:
    middle = {"ha": "center", "va": "center", "fontsize": 9 if len(counts) <= 10 else 6}
    for (row, column), count in numpy.ndenumerate(counts):
        if count:
            weight, colour = ("bold", GREY) if row == column else ("normal", "black")
            ax.text(column, row, str(count), fontweight=weight, color=colour, **middle)


def _write_error_rates(ax: Axes, counts: numpy.ndarray) -> None:
    right = len(counts) - 0.3
    ax.text(right, -0.65, "wrong", va="bottom", fontsize=9)
    for row, (total, correct) in enumerate(zip(counts.sum(axis=1), counts.diagonal())):
        if total:
            rate = f"{(1 - correct / total) * 100:.1f} %"
            ax.text(right, row, rate, va="center", fontsize=9)
