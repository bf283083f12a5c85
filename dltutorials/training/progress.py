"""A progress bar for a training run, on a terminal or in a notebook.

The bar is full when patience runs out, or after the last epoch if that comes first; an
improvement moves the end away. It shows the epoch and minibatch, the remaining time, the cost
of the last minibatch, the validation loss, and the remaining patience in minibatches; without
validation, only the cost. There is no bar if stderr is neither a terminal nor a notebook, and
no colour if ``NO_COLOR`` is set.

>>> with ProgressBar(n_train_batches=83, n_epochs=2) as bar:
...     bar.on_minibatch(0, 2.3, 5000)  # no terminal here: draws nothing
>>> bar.is_shown
False
"""

import contextlib
import math
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

from dltutorials.loss import ERROR
from dltutorials.training.callbacks import Callback
from dltutorials.training.state import Record, TrainingState
from dltutorials.training.task import Task

_FORMAT = "{desc} |{bar}| {remaining} left{postfix}"
_SECONDS = 0.1  # between two updates


class ProgressBar(Callback):
    """Shows the progress of a training run: a callback of :func:`dltutorials.train`.

    Parameters
    ----------
    n_train_batches : int, optional
        Minibatches in an epoch; known from the task when training begins.
    n_epochs : int, optional
        The maximum number of epochs; known when training begins, too.
    disable : bool
        Show nothing.

    Attributes
    ----------
    is_shown : bool
        Whether anything is drawn.
    """

    def __init__(
        self, n_train_batches: int = 1, n_epochs: int = 1000, disable: bool = False
    ) -> None:
        self.n_train_batches, self.n_minibatches = n_train_batches, n_epochs * n_train_batches
        self.is_shown = not disable and (_in_notebook() or _on_terminal())
        self._loss, self._is_validated = ERROR, True
        self._phase = self._validation = ""
        self._bar: Any = None
        self._next = -math.inf  # when it may be drawn again

    def __enter__(self) -> "ProgressBar":
        return self

    def __exit__(self, *_exception: Any) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def on_begin(self, task: Task, state: TrainingState, n_epochs: int) -> None:
        """Start a new bar where the run begins or continues."""
        self.__exit__()
        self.n_train_batches = task.n_train_batches
        self.n_minibatches = n_epochs * task.n_train_batches
        self._loss, self._is_validated = task.reported_loss, task.validate is not None
        self._phase, self._validation = f"{state.phase}, " if state.phase else "", ""

    def on_minibatch(self, iteration: int, cost: float, patience: float) -> None:
        """Note a minibatch: its iteration (from 0), cost, and the patience, in minibatches."""
        now = time.monotonic()
        if self.is_shown and now >= self._next:
            self._next = now + _SECONDS
            self._draw(iteration, cost, patience)

    def on_record(self, record: Record) -> None:
        """Note the validation loss in a record of the history."""
        loss: float | None = record["validation_loss"]
        if loss is not None:
            self._validation = f", {self._loss.name} {self._loss.format(loss, decimals=2)}"

    def _draw(self, iteration: int, cost: float, patience: float) -> None:
        if self._bar is None:
            self._bar = _make_bar(iteration)
        bar = self._bar
        bar.total, bar.n = self.n_minibatches, iteration + 1
        epoch, minibatch_index = divmod(iteration, self.n_train_batches)
        place = f"epoch {epoch + 1}, {minibatch_index + 1}/{self.n_train_batches}"
        bar.set_description_str(f"{self._phase}{place}", refresh=False)
        if self._is_validated:
            end = math.floor(patience) + 1
            bar.total = min(end, self.n_minibatches)
            left = max(0, end - iteration - 1)
            postfix = f"cost {cost:.3f}{self._validation}, patience {left:,}"
        else:
            postfix = f"{self._loss.name} {self._loss.format(cost, decimals=3)}"
        bar.set_postfix_str(postfix, refresh=False)
        bar.refresh()


@contextlib.contextmanager
def above_bars() -> Iterator[None]:
    """Clear the bars from the terminal while something else is printed."""
    if "tqdm" not in sys.modules:
        yield
        return
    from tqdm import tqdm

    with tqdm.external_write_mode():
        yield


def _make_bar(initial: int) -> Any:
    if _in_notebook() and _has_widgets():
        from tqdm.notebook import tqdm
    else:
        from tqdm import tqdm
    return tqdm(
        initial=initial,
        bar_format=_FORMAT,
        file=sys.stderr,
        leave=False,
        dynamic_ncols=True,
        colour=None if os.environ.get("NO_COLOR") else "green",
    )


def _on_terminal() -> bool:
    is_terminal = sys.stderr is not None and sys.stderr.isatty()
    return is_terminal and os.environ.get("TERM") != "dumb"


def _in_notebook() -> bool:
    if "IPython" not in sys.modules:
        return False
    shell = sys.modules["IPython"].get_ipython()
    return shell is not None and hasattr(shell, "kernel")


def _has_widgets() -> bool:
    try:
        import ipywidgets  # noqa: F401
    except ImportError:
        return False
    return True
