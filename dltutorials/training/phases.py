"""Training in phases: layer-wise pretraining and then fine-tuning, for example.

A phase is an ordinary call of :func:`dltutorials.train`, compiled when its turn comes. All
phases train the same network: each begins with the parameters at the end of the previous one,
and each task must get and set all of them.

>>> from dltutorials.training.task import Task
>>> theta = [8.0]
>>> def halve(index):
...     theta[0] /= 2
...     return theta[0]
>>> task = Task(halve, n_train_batches=2, get_params=lambda: list(theta),
...             set_params=lambda values: theta.__setitem__(0, values[0]))
>>> phases = [Phase("slow", lambda: task, n_epochs=1), Phase("fast", lambda: task, n_epochs=2)]
>>> result = train_phases(phases)
>>> [(record["phase"], record["epoch"], record["iteration"]) for record in result.history]
[('slow', 1, 1), ('fast', 1, 3), ('fast', 2, 5)]

A checkpoint contains the state of the current phase, its name, and the records of the earlier
ones, which a resumed run skips without compiling them.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from dltutorials.checks import require_integer
from dltutorials.exceptions import OptionError, ResumeError
from dltutorials.training.callbacks import Callback, Hooks
from dltutorials.training.early_stopping import EarlyStopping
from dltutorials.training.result import Result
from dltutorials.training.state import TrainingState
from dltutorials.training.task import Task
from dltutorials.training.trainer import train


class Phase(NamedTuple):
    """A part of a training run.

    Attributes
    ----------
    name : str
        Shown in records, printed lines and snapshots; empty if the run has only one phase.
    prepare : callable() -> Task
        Compiles the phase when its turn comes. What its steps read and an earlier phase changed
        must be among its parameters: a resumed run knows nothing else of that phase.
    n_epochs : int
        The maximum number of epochs.
    early_stopping : EarlyStopping, optional
    train : callable
        Another training loop with the arguments of :func:`dltutorials.train`.
    """

    name: str
    prepare: Callable[[], Task]
    n_epochs: int = 1000
    early_stopping: EarlyStopping | None = None
    train: Callable[..., Result] = train


def train_phases(
    phases: Sequence[Phase],
    callbacks: Sequence[Callback] = (),
    resume: TrainingState | None = None,
) -> Result:
    """Train one phase after the other.

    Parameters
    ----------
    phases : sequence of Phase
        With different names.
    callbacks : sequence of Callback
        As for :func:`dltutorials.train`; ``on_begin`` is called for each phase.
    resume : TrainingState, optional
        The state of any of the phases.

    Returns
    -------
    Result
        The result of the last phase, with the history, epochs and seconds of all phases. A
        phase that is interrupted or diverges is the last one.

    Raises
    ------
    OptionError
        If there are no phases, or two have the same name.
    ResumeError
        If the state to resume from is that of another phase or model.
    """
    names = [phase.name for phase in phases]
    if not names or len(set(names)) < len(names):
        raise OptionError(f"phases: got {names}, expected at least one, each with its own name")
    for phase in phases:
        require_integer("n_epochs", phase.n_epochs, at_least=1)
    if resume is not None and resume.phase not in names:
        raise ResumeError(f"cannot resume: the state is of phase {resume.phase!r}, not of {names}")
    first = 0 if resume is None else names.index(resume.phase)
    state, result = resume, Result()
    for phase in phases[first:]:
        task = phase.prepare()
        if state is None:
            state = _begin(phase, task, result)
            for on_checkpoint in Hooks(callbacks).on_checkpoint:
                on_checkpoint(state)  # before the phase has written anything else
        result = phase.train(task, phase.n_epochs, phase.early_stopping, callbacks, state)
        if result.stop_reason in ("interrupted", "diverged"):
            return result
        state = None
    return result


def _begin(phase: Phase, task: Task, before: Result) -> TrainingState:
    state = TrainingState.begin(task, phase.early_stopping)
    return state.copy(
        phase=phase.name,
        history=list(before.history),
        seconds=before.seconds,
        n_iterations_before=before.n_iterations,
        n_epochs_before=before.n_epochs,
    )
