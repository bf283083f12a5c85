"""Training by SciPy's conjugate gradients, on all minibatches at once.

The direction of a step depends on the earlier ones, and a line search finds its length. This
needs no learning rate, but several passes over the data per step. SciPy keeps the state between
two steps to itself, so such a run cannot be resumed.

>>> import numpy
>>> from dltutorials.training.task import Task
>>> theta = [numpy.array([3.0, -1.0])]
>>> def set_params(values):
...     theta[0] = values[0]
>>> task = Task(lambda index: [theta[0] @ theta[0], 2 * theta[0]], 1, lambda: [theta[0].copy()],
...             set_params, validate=lambda: float(abs(theta[0]).sum()))
>>> result = minimize(task, n_epochs=9)
>>> result.stop_reason, result.best_validation_loss < 1e-5
('converged', True)
"""

import importlib
import math
import operator
from collections.abc import Sequence

from dltutorials.backend import fetch
from dltutorials.exceptions import ResumeError
from dltutorials.training.callbacks import Callback, Hooks
from dltutorials.training.early_stopping import EarlyStopping
from dltutorials.training.result import Result
from dltutorials.training.state import TrainingState
from dltutorials.training.task import Task
from dltutorials.training.trainer import Loop

import numpy


def cost_and_gradients(task: Task) -> tuple[float, list[numpy.ndarray]]:
    """Return the cost of the training set, and its gradient with respect to each parameter.

    Minibatches only split the work: the results are means over all of them.
    """
    first, *sums = task.train_minibatch(0)
    costs = [first]
    for index in range(1, task.n_train_batches):
        batch_cost, *gradients = task.train_minibatch(index)
        costs.append(batch_cost)
        sums = list(map(operator.add, sums, gradients))  # on the device, if there is one
    cost = float(numpy.mean(fetch(costs)))
    return cost, [fetch([each]).reshape(each.shape) / task.n_train_batches for each in sums]


class _Stop(Exception):  # noqa: N818 (no error)
    """Ends SciPy's loop."""


def minimize(
    task: Task,
    n_epochs: int = 1000,
    early_stopping: EarlyStopping | None = None,
    callbacks: Sequence[Callback] = (),
    resume: TrainingState | None = None,
) -> Result:
    """Train like :func:`dltutorials.train`, but by SciPy's nonlinear conjugate gradients.

    Parameters
    ----------
    task : Task
        Its `train_minibatch` returns the cost and its gradient with respect to each parameter, and
        changes nothing.
    n_epochs : int
        The maximum number of steps; each is recorded as an epoch.
    early_stopping, callbacks
        As for :func:`dltutorials.train`.
    resume : None

    Returns
    -------
    Result
        Its `stop_reason` may also be ``"converged"``, if SciPy finds nothing better.

    Raises
    ------
    ResumeError
        If there is a state to resume from.

    Notes
    -----
    Source: the chapter's program ``logistic_cg.py``.
    Differs: the best parameters are kept; the program keeps the last ones.
    """
    if resume is not None and resume.iteration >= 0:
        raise ResumeError("cannot resume: the state of conjugate gradients is SciPy's own")
    optimize = importlib.import_module("scipy.optimize")
    state = resume or TrainingState.begin(task, early_stopping)
    loop, shapes = Loop(task, state, Hooks(callbacks)), [numpy.shape(p) for p in state.params]
    costs: dict[bytes, float] = {}

    def put(theta: numpy.ndarray) -> None:
        parts = numpy.split(theta, numpy.cumsum([numpy.prod(s, dtype=int) for s in shapes])[:-1])
        values = zip(parts, shapes, state.params)
        task.set_params([part.reshape(s).astype(like.dtype) for part, s, like in values])

    def evaluate(theta: numpy.ndarray) -> tuple[float, numpy.ndarray]:
        put(theta)
        cost, gradients = cost_and_gradients(task)
        costs[theta.tobytes()] = cost  # SciPy's line search needs float64
        return cost, numpy.concatenate([numpy.ravel(g) for g in gradients]).astype(float)

    def after_step(theta: numpy.ndarray) -> None:
        put(theta)
        state.iteration += task.n_train_batches
        if not loop.note_cost(costs[theta.tobytes()]):
            raise _Stop
        costs.clear()
        loop.validate()
        if loop.must_stop():
            raise _Stop

    try:
        loop.begin(n_epochs)
        start = numpy.concatenate([numpy.ravel(p) for p in state.params]).astype(float)
        how = {
            "jac": True,
            "method": "CG",
            "callback": after_step,
            "options": {"maxiter": n_epochs},
        }
        found = optimize.minimize(evaluate, start, **how)
        put(found.x)  # not the last point that the line search tried
        if not math.isfinite(found.fun):
            loop.stop("diverged", f"the cost is {found.fun}")
        elif found.nit < n_epochs:
            loop.stop("converged", "conjugate gradients find nothing better")
        else:
            loop.stop("n_epochs", f"all {n_epochs} epochs are done")
    except _Stop:
        pass
    except KeyboardInterrupt:
        loop.stop("interrupted", "interrupted", is_torn=True)
    finally:
        loop.restore_best()
    return Result.of(state, loop.message, task.reported_loss)
