import json
import math
from copy import deepcopy

from dltutorials.exceptions import OptionError
from dltutorials.training.early_stopping import EarlyStopping
from dltutorials.training.task import Task
from dltutorials.training.trainer import train

import numpy
import pytest
from helpers import without_seconds


class Line:
    """A model of one parameter that counts its steps; its losses are given beforehand."""

    def __init__(self, losses, n_train_batches=5, costs=()):
        self.steps, self.losses, self.costs = 0, list(losses), dict(costs)
        self.validations = self.tests = 0
        self.task = Task(
            self.step,
            n_train_batches,
            lambda: [self.steps],
            lambda values: setattr(self, "steps", values[0]),
            self.validate,
            self.test,
        )

    def step(self, index):
        assert index == self.steps % self.task.n_train_batches
        self.steps += 1
        cost = self.costs.get(self.steps, 1.0)
        if isinstance(cost, BaseException):
            raise cost
        return cost

    def validate(self):
        self.validations += 1
        return self.losses[self.validations - 1]

    def test(self):
        self.tests += 1
        return self.steps / 1000


def test_keeps_and_restores_the_best_parameters():
    line = Line([0.5, 0.3, 0.4, 0.4])
    result = train(line.task, n_epochs=4)
    assert (result.stop_reason, result.n_epochs) == ("n_epochs", 4)
    assert result.best_params == [10]
    assert line.steps == 10
    assert (result.best_validation_loss, result.best_iteration) == (0.3, 9)
    assert result.test_score == 0.01
    assert line.tests == 2  # only when there is a new best model


def test_stops_in_the_middle_of_an_epoch_when_patience_runs_out():
    line = Line([0.5, 0.5, 0.5, 0.5])
    result = train(line.task, early_stopping=EarlyStopping(patience=7))
    # validation every min(5, 7 // 2) = 3 minibatches; iteration 7 is number 3 of epoch 2
    assert line.validations == 2
    assert result.stop_reason == "patience"
    assert result.message == "patience ran out in epoch 2, minibatch 3/5"
    assert result.best_params == [3]


def test_history_is_plain_data():
    line = Line([0.5, 0.6], costs={1: 2.0, 5: 4.0})
    seen = []
    result = train(line.task, n_epochs=2, on_validation=seen.append)
    assert json.loads(json.dumps(result.history)) == result.history == seen
    assert 0 <= seen[0]["seconds"] <= seen[1]["seconds"] <= result.seconds
    assert without_seconds(result.history) == [
        {
            "epoch": 1,
            "minibatch": 5,
            "iteration": 4,
            "cost": 1.8,
            "validation_loss": 0.5,
            "is_best": True,
            "test_score": 0.005,
            "patience": 5000,
        },
        {
            "epoch": 2,
            "minibatch": 5,
            "iteration": 9,
            "cost": 1.0,
            "validation_loss": 0.6,
            "is_best": False,
            "test_score": None,
            "patience": 5000,
        },
    ]


@pytest.mark.parametrize("cost", [math.nan, math.inf, -math.inf])
def test_a_cost_that_is_not_finite_stops_at_once(cost):
    line = Line([0.5, 0.4], costs={8: cost})
    result = train(line.task)
    assert result.stop_reason == "diverged"
    assert result.message == f"the cost is {cost} in epoch 2, minibatch 3/5"
    assert result.best_params == [5]
    assert line.steps == 5


def test_after_divergence_before_any_validation_the_model_is_as_it_was():
    line = Line([], costs={3: math.nan})
    result = train(line.task)
    assert (result.best_params, line.steps, result.best_iteration) == ([0], 0, None)


def test_a_validation_loss_of_nan_stops_too():
    line = Line([0.5, math.nan])
    result = train(line.task)
    assert result.message == "the validation loss is nan in epoch 2, minibatch 5/5"
    assert line.steps == 5


def test_ctrl_c_returns_the_result_so_far():
    line = Line([0.5, 0.4], costs={12: KeyboardInterrupt()})
    result = train(line.task)
    assert result.stop_reason == "interrupted"
    assert result.message == "interrupted in epoch 3, minibatch 2/5"
    assert result.best_params == [10]
    assert line.steps == 10


def test_a_request_to_stop_ends_the_run_after_the_minibatch():
    line = Line([0.5, 0.4])
    result = train(line.task, stop_requested=lambda: line.steps == 12)
    assert result.stop_reason == "interrupted"
    assert result.message == "interrupted in epoch 3, minibatch 2/5"
    assert result.best_params == [10]


def test_ctrl_c_before_any_validation_keeps_what_was_learnt():
    line = Line([], costs={3: KeyboardInterrupt()})
    result = train(line.task)
    assert (result.best_params, line.steps, result.best_validation_loss) == ([3], 3, math.inf)


def test_an_error_of_a_callable_leaves_the_best_parameters_in_the_model():
    line = Line([0.5], costs={7: ZeroDivisionError("x")})
    with pytest.raises(ZeroDivisionError):
        train(line.task)
    assert line.steps == 5


def test_a_model_without_a_validation_loss_trains_for_all_epochs():
    line = Line([])
    task = line.task._replace(validate=None, test=None)
    seen = []
    result = train(
        task, n_epochs=3, early_stopping=EarlyStopping(patience=10), on_validation=seen.append
    )
    assert result.stop_reason == "n_epochs"
    assert result.best_params == [15]
    assert [record["validation_loss"] for record in seen] == [None] * 3


def test_improvements_are_announced_before_their_record():
    line = Line([0.5, 0.6, 0.2])
    calls = []
    train(
        line.task,
        n_epochs=3,
        on_validation=lambda record: calls.append(record["epoch"]),
        on_improvement=lambda params: calls.append(list(params)),
    )
    assert calls == [[5], 1, 2, [15], 3]


@pytest.mark.parametrize("n_epochs", [0, -1, 1.5])
def test_a_number_of_epochs_that_is_no_positive_integer_is_refused(n_epochs):
    with pytest.raises(OptionError, match="n_epochs: got"):
        train(Line([]).task, n_epochs=n_epochs)


def outcome(result):
    return {**without_seconds([vars(result)])[0], "history": without_seconds(result.history)}


RULE = EarlyStopping(patience=20, validation_frequency=3)
LOSSES = [0.9, 0.8, 0.85, 0.7, 0.699, 0.71, 0.6, 0.65, 0.64, 0.63, 0.62, 0.61, 0.6, 0.6, 0.6]


def resumable_line(state=None):
    """Make a model whose losses follow its steps, as those of a real one do."""
    line = Line([])
    if state is not None:
        line.steps = -1  # must be set by the resumed training
    task = line.task._replace(validate=lambda: LOSSES[line.steps // 3 - 1])
    return line, task


def test_a_resumed_training_ends_as_the_uninterrupted_one_wherever_it_was_stopped():
    _, task = resumable_line()
    states = []
    expected = train(task, 20, RULE, on_checkpoint=lambda state: states.append(deepcopy(state)))
    assert expected.stop_reason == "patience"
    assert len(states) == len(expected.history) + 1

    for stop_after in range(1, 42):
        line, task = resumable_line()
        interrupted_states = []
        train(
            task,
            20,
            RULE,
            stop_requested=lambda: line.steps == stop_after,  # noqa: B023
            on_checkpoint=lambda state: interrupted_states.append(deepcopy(state)),  # noqa: B023
        )
        state = json.loads(json.dumps(interrupted_states[-1]))
        line, task = resumable_line(state)
        resumed = train(task, 20, RULE, resume=state)
        assert outcome(resumed) == outcome(expected)
        assert line.steps == expected.best_params[0]


def test_a_training_that_has_ended_goes_on_for_more_epochs():
    _, task = resumable_line()
    states = []
    train(task, 2, RULE, on_checkpoint=lambda state: states.append(deepcopy(state)))
    _, task = resumable_line(states[-1])
    announced = []
    resumed = train(task, 20, RULE, resume=states[-1], on_improvement=announced.append)
    _, task = resumable_line()
    expected = train(task, 20, RULE)
    assert outcome(resumed) == outcome(expected)
    assert announced[0] == states[-1]["best_params"]  # so that its file is there again
    assert resumed.seconds > states[-1]["seconds"]


def test_a_training_out_of_patience_stays_so():
    _, task = resumable_line()
    states = []
    expected = train(task, 20, RULE, on_checkpoint=lambda state: states.append(deepcopy(state)))
    _, task = resumable_line(states[-1])
    resumed = train(task, 1000, RULE, resume=states[-1])
    assert outcome(resumed) == outcome(expected)


def test_checkpoints_are_made_every_so_many_validations_and_at_the_end():
    _, task = resumable_line()
    iterations = []
    train(
        task, 4, RULE, on_checkpoint=lambda s: iterations.append(s["iteration"]), checkpoint_every=2
    )
    assert iterations == [5, 11, 17, 19]


def test_there_is_no_checkpoint_of_a_diverged_or_torn_training():
    for bad in (math.nan, KeyboardInterrupt()):
        line = Line([0.5], costs={7: bad})
        iterations = []
        train(line.task, on_checkpoint=lambda s: iterations.append(s["iteration"]))  # noqa: B023
        assert iterations == [4]


def noisy_task(rng):
    """Make a task whose steps draw random numbers, and its parameters."""
    theta = [0.0]

    def step(_index):
        theta[0] += rng.normal()
        return 1.0

    def set_random_state(state):
        rng.bit_generator.state = state

    return Task(
        step,
        4,
        lambda: list(theta),
        lambda values: theta.__setitem__(0, values[0]),
        validate=lambda: abs(theta[0]),
        get_random_state=lambda: rng.bit_generator.state,
        set_random_state=set_random_state,
    )


def test_random_generators_go_on_where_they_were():
    states = []
    keep = lambda state: states.append(json.loads(json.dumps(state)))  # noqa: E731
    expected = train(noisy_task(numpy.random.default_rng(1)), 6, on_checkpoint=keep)
    assert expected.history[-1]["validation_loss"] > 0
    resumed = train(noisy_task(numpy.random.default_rng(2)), 6, resume=states[2])
    assert outcome(resumed) == outcome(expected)
