"""Training by conjugate gradients, as a loop and as an option of logistic regression's script."""

from pathlib import Path

from dltutorials.exceptions import ResumeError
from dltutorials.training.conjugate_gradient import minimize
from dltutorials.training.state import TrainingState
from dltutorials.training.task import Task

import numpy
import pytest

pytestmark = pytest.mark.numbers


def make_task(losses):
    """Return a bowl to minimize, and a task that is validated by these losses in turn."""
    theta, losses = [numpy.array([3.0, -1.0]), numpy.array([[2.0]])], iter(losses)
    scales = [numpy.array([1, 50]), numpy.array([[7]])]

    def set_params(values):
        theta[:] = values

    def gradients(index):
        scaled = [scale * value for scale, value in zip(scales, theta)]
        return [sum(0.5 * (g * value).sum() for g, value in zip(scaled, theta)), *scaled]

    get_params = lambda: [value.copy() for value in theta]  # noqa: E731
    return Task(gradients, 3, get_params, set_params, validate=lambda: next(losses))


def test_it_keeps_the_best_parameters_and_not_the_last():
    task = make_task([0.5, 0.2, 0.4, 0.3])
    seen, next_loss = [], task.validate

    def validate():
        seen.append(task.get_params())
        return next_loss()

    result = minimize(task._replace(validate=validate), n_epochs=3)
    assert (result.stop_reason, result.n_epochs) == ("n_epochs", 3)
    assert result.best_validation_loss == 0.2
    assert [record["iteration"] for record in result.history] == [2, 5, 8]
    assert result.history[0]["cost"] > result.history[1]["cost"] > result.history[2]["cost"]
    for best, second, now in zip(result.best_params, seen[1], task.get_params()):
        numpy.testing.assert_array_equal(best, second)
        numpy.testing.assert_array_equal(best, now)


def test_a_cost_that_is_not_finite_from_the_start_is_reported():
    task = make_task([0.5])
    before = task.get_params()

    def undefined(index):
        return [numpy.nan, *task.train_minibatch(index)[1:]]

    result = minimize(task._replace(train_minibatch=undefined), n_epochs=3)
    assert result.stop_reason == "diverged"
    assert result.message == "the cost is nan in epoch 1, minibatch 3/3"
    for value, now in zip(before, task.get_params()):
        numpy.testing.assert_array_equal(value, now)


def test_it_cannot_be_resumed():
    task = make_task([0.5])
    state = TrainingState.begin(task)
    state.iteration = 2
    with pytest.raises(ResumeError, match="the state of conjugate gradients is SciPy's own"):
        minimize(task, resume=state)


@pytest.fixture
def main(find_main):
    script = find_main("train_logreg")
    return lambda *arguments: script(["--optimizer", "cg", *arguments])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--checkpoint", "s"], "checkpoint: got s, but conjugate gradients cannot be resumed"),
        (["--resume", "s"], "resume: got s, but conjugate gradients cannot be resumed to the byte"),
        (["--shuffle", "1"], "shuffle: got 1, but conjugate gradients use all examples"),
        (
            ["--validation-frequency", "9"],
            "validation_frequency: got 9, but conjugate gradients are",
        ),
        (["--momentum", "0.5"], "learning_rate_decay: got 0.5, 1.0, but conjugate gradients find"),
    ],
)
def test_what_it_does_not_have_is_one_line(main, capsys, arguments, message):
    assert main(*arguments) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert not Path("best_model.pkl").exists()


@pytest.mark.slow
def test_the_first_iterations_have_the_errors_of_the_original(main, capsys):
    assert main("--n-epochs", "5") == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if "validation error" in line]
    errors = [line.split()[-2] for line in lines]
    assert errors == ["29.989583", "24.656250", "20.833333", "16.979167", "14.291667"]
