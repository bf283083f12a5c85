"""Check whether a training run can continue from a checkpoint as if it had never stopped.

>>> from dltutorials.training.early_stopping import EarlyStopping
>>> from dltutorials.training.state import TrainingState
>>> state = TrainingState(EarlyStopping().start(83), 83)
>>> checkpoint = Checkpoint(state, {"batch_size": 600}, {"backend": "Theano 1", "NumPy": "1"})
>>> check_resumable(checkpoint, {"batch_size": 20})  # doctest: +ELLIPSIS
Traceback (most recent call last):
dltutorials.exceptions.ResumeError: cannot resume: batch_size was 600 and is now 20; ...
>>> describe_differences(checkpoint, {"backend": "Theano 1", "NumPy": "2"})
'NumPy was 1 and is now 2: the last digits may differ'
"""

from collections.abc import Iterator
from typing import Any

from dltutorials.exceptions import ResumeError
from dltutorials.training.checkpoint import Checkpoint


def check_resumable(checkpoint: Checkpoint, fingerprint: dict[str, Any]) -> None:
    """Refuse to resume a training run with another model, data set or option.

    Parameters
    ----------
    checkpoint : Checkpoint
    fingerprint : dict
        The fingerprint of this run; compared name by name.

    Raises
    ------
    ResumeError
        Naming the first difference.
    """
    for name, before, now in _differences(checkpoint.fingerprint, fingerprint):
        raise ResumeError(
            f"cannot resume: {name} was {before!r} and is now {now!r}; "
            "resume with the original options and data, or begin a new run"
        )


def describe_differences(checkpoint: Checkpoint, numerics: dict[str, Any]) -> str | None:
    """Describe what has changed since the run began that may alter the last digits of its results.

    Parameters
    ----------
    checkpoint : Checkpoint
    numerics : dict
        Those of this run: :func:`dltutorials.backend.describe_numerics`.

    Returns
    -------
    str or None
        One sentence, or None if nothing has changed.
    """
    differences = list(_differences(checkpoint.numerics, numerics))
    if not differences:
        return None
    before, now = checkpoint.numerics.get("backend"), numerics.get("backend")
    if str(before).split()[0] != str(now).split()[0]:
        return f"begun on {before}, continued on {now}; the last digits may differ"
    # If one of these two differs, the other differences follow from it.
    shown = [each for each in differences if each[0] in ("linker", "device")] or differences
    phrases = [f"{name} was {before} and is now {now}" for name, before, now in shown]
    return f"{'; '.join(phrases)}: the last digits may differ"


def _differences(before: dict[str, Any], now: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for name in {**before, **now}:
        if before.get(name) != now.get(name):
            yield name, before.get(name), now.get(name)
