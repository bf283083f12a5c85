"""What tests of pictures share: histories to draw, and a look at the text in a figure."""

import itertools

from dltutorials.training.history import History


def records(n=4, first=0.2):
    return [
        {
            "epoch": epoch,
            "iteration": 10 * epoch - 1,
            "cost": 1 / epoch,
            "validation_loss": first / epoch if epoch != 3 else first,
            "test_score": first / epoch + 0.01 if epoch != 3 else None,
            "patience": 30 if epoch < 3 else 60,
        }
        for epoch in range(1, n + 1)
    ]


def history(options=None, **changes):
    return History({"n_train_batches": 10, "options": options or {}}, records(**changes))


def fits(figure):
    """Return whether all text is inside the figure, and no two labels of an axis overlap."""
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    for ax in figure.axes:
        if not figure.bbox.padded(1).contains(*ax.get_tightbbox(renderer).min):
            return False
        if not figure.bbox.padded(1).contains(*ax.get_tightbbox(renderer).max):
            return False
        for axis in (ax.xaxis, ax.yaxis):
            labels = [label for label in axis.get_ticklabels() if label.get_rotation() == 0]
            boxes = [label.get_window_extent() for label in labels]
            boxes = [box for box in boxes if box.width]
            if any(a.overlaps(b) for a, b in itertools.pairwise(boxes)):
                return False
    return True
