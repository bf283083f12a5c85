import json
import math
from copy import deepcopy

from dltutorials.backend.random_state import pack, unpack
from dltutorials.exceptions import OptionError, ResumeError
from dltutorials.loss import Loss
from dltutorials.training.callbacks import Callback, Hooks
from dltutorials.training.early_stopping import EarlyStopping
from dltutorials.training.task import Task
from dltutorials.training.trainer import train

import numpy
import pytest
from helpers import Recorder, without_seconds


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
    recorder = Recorder()
    result = train(line.task, n_epochs=2, callbacks=[recorder])
    seen = recorder.records
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


def on_a_device(line):
    """Return the task of a line whose costs are looked at when they are fetched."""
    return line.task._replace(
        train_minibatch=lambda index: [line.step(index)],
        fetch_costs=lambda costs: [cost for [cost] in costs],
    )


def test_costs_that_are_fetched_later_make_the_same_history():
    for costs in ({}, {8: math.nan}, {1: math.inf}, {12: KeyboardInterrupt()}):
        lines = [Line([0.5, 0.4, 0.6, 0.3], costs=costs) for _ in range(2)]
        at_once, later = train(lines[0].task, 4), train(on_a_device(lines[1]), 4)
        assert without_seconds(later.history) == without_seconds(at_once.history)
        assert later.message == at_once.message
        assert later.best_params == at_once.best_params


def test_a_request_to_stop_ends_the_run_after_the_minibatch():
    line = Line([0.5, 0.4])
    result = train(line.task, callbacks=[Recorder(stop=lambda: line.steps == 12)])
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


def test_improvements_are_announced_before_their_record():
    line = Line([0.5, 0.6, 0.2])
    recorder = Recorder()
    train(line.task, n_epochs=3, callbacks=[recorder])
    told = [(name, value) for name, value in recorder.calls if name != "checkpoint"]
    assert [name for name, _ in told] == [
        "improvement",
        "record",
        "record",
        "improvement",
        "record",
    ]
    assert recorder.of("improvement") == [[5], [15]]


def test_what_is_not_a_callback_is_refused():
    for callback in (print, Recorder, None):
        with pytest.raises(OptionError, match=r"callbacks: got .*, expected instances"):
            train(Line([0.5]).task, 1, callbacks=[callback])


def test_only_overridden_methods_are_called():
    class Nothing(Callback):
        pass

    class Minibatches(Nothing):
        def on_minibatch(self, iteration, cost, patience):
            seen.append((iteration, cost, patience))

    seen = []
    hooks = Hooks([Nothing(), Minibatches()])
    assert len(hooks.on_minibatch) == 1
    assert not any([hooks.on_begin, hooks.on_improvement, hooks.on_record, hooks.on_checkpoint])
    assert not hooks.stop_requested
    train(Line([0.5]).task, 1, callbacks=[Nothing(), Minibatches()])
    assert seen == [(n, 1.0, 5000) for n in range(5)]


def test_a_larger_loss_is_better_where_it_is_said():
    line = Line([-90.0, -80.0, -85.0, -79.9])
    task = line.task._replace(loss=Loss("pseudo-likelihood", False, larger_is_better=True))
    result = train(task, 4, EarlyStopping(12, patience_increase=4, improvement_threshold=0.99))
    assert (result.best_validation_loss, result.best_iteration) == (-79.9, 19)
    assert [record["is_best"] for record in result.history] == [True, True, False, True]
    # the last improvement is smaller than a hundredth of 80: it extends no patience
    assert [record["patience"] for record in result.history] == [16, 36, 36, 36]
    assert result.best_params == [20]


def test_each_epoch_is_announced_before_its_first_minibatch():
    line, begun = Line([0.5, 0.4, 0.3]), []
    task = line.task._replace(begin_epoch=lambda epoch: begun.append((epoch, line.steps)))
    train(task, 3)
    assert begun == [(0, 0), (1, 5), (2, 10)]


def test_an_epoch_is_announced_again_to_a_run_that_is_resumed_inside_it():
    recorder = Recorder(stop=lambda: line.steps == 7)
    line = Line([0.5])
    train(line.task, 3, callbacks=[recorder])
    begun = []
    line = Line([0.4, 0.3])
    task = line.task._replace(begin_epoch=lambda epoch: begun.append((epoch, line.steps)))
    train(task, 3, resume=recorder.states[-1])
    assert begun == [(1, 7), (2, 10)]


def unvalidated(line):
    return line.task._replace(validate=None, test=None)


def test_without_validation_each_epoch_has_a_record_and_the_newest_parameters_are_kept():
    line, recorder = Line([]), Recorder()
    rule = EarlyStopping(patience=4)  # which plays no part
    result = train(unvalidated(line), 3, rule, callbacks=[recorder])
    assert (result.stop_reason, result.best_params, result.best_iteration) == ("n_epochs", [15], 14)
    assert recorder.of("improvement") == [[5], [10], [15]]
    assert [record["iteration"] for record in recorder.records] == [4, 9, 14]
    assert all(
        record["validation_loss"] is record["patience"] is record["test_score"] is None
        for record in recorder.records
    )
    assert result.loss.name == "cost"
    assert not result.is_validated
    for state in recorder.states:
        assert state.params is state.best_params


def test_without_validation_what_an_interrupted_run_had_reached_is_kept():
    recorder = Recorder(stop=lambda: line.steps == 7)
    line = Line([])
    result = train(unvalidated(line), 3, callbacks=[recorder])
    assert (result.best_params, result.best_iteration) == ([7], 6)
    assert recorder.of("improvement") == [[5], [7]]
    line, recorder = Line([]), Recorder()
    result = train(unvalidated(line), 3, callbacks=[recorder], resume=result_state(7))
    assert (result.best_params, line.steps) == ([15], 15)


def result_state(n_steps):
    """Return the state of a run without validation that was stopped after so many steps."""
    line = Line([])
    recorder = Recorder(stop=lambda: line.steps == n_steps)
    train(unvalidated(line), 3, callbacks=[recorder])
    return recorder.states[-1]


def test_without_validation_a_run_that_diverges_keeps_what_it_last_recorded():
    line = Line([], costs={8: math.nan})
    result = train(unvalidated(line), 3)
    assert (result.stop_reason, result.best_params, line.steps) == ("diverged", [5], 5)


@pytest.mark.parametrize("n_epochs", [0, -1, 1.5])
def test_a_number_of_epochs_that_is_no_positive_integer_is_refused(n_epochs):
    with pytest.raises(OptionError, match="n_epochs: got"):
        train(Line([]).task, n_epochs=n_epochs)


def outcome(result):
    return {**without_seconds([vars(result)])[0], "history": without_seconds(result.history)}


RULE = EarlyStopping(patience=20, validation_frequency=3)
LOSSES = [0.9, 0.8, 0.85, 0.7, 0.699, 0.71, 0.6, 0.65, 0.64, 0.63, 0.62, 0.61, 0.6, 0.6, 0.6]


def resumable_line(is_resumed=False):
    """Make a model whose losses follow its steps, as those of a real one do."""
    line = Line([])
    if is_resumed:
        line.steps = -1  # must be set by the resumed run
    task = line.task._replace(validate=lambda: LOSSES[line.steps // 3 - 1])
    return line, task


def test_a_resumed_run_ends_as_the_uninterrupted_one_wherever_it_was_stopped():
    _, task = resumable_line()
    recorder = Recorder()
    expected = train(task, 20, RULE, [recorder])
    assert expected.stop_reason == "patience"
    assert len(recorder.states) == len(expected.history) + 1

    for stop_after in range(1, 42):
        line, task = resumable_line()
        recorder = Recorder(stop=lambda: line.steps == stop_after)  # noqa: B023
        train(task, 20, RULE, [recorder])
        state = recorder.states[-1]
        before = deepcopy(state)
        line, task = resumable_line(is_resumed=True)
        resumed = train(task, 20, RULE, resume=state)
        assert outcome(resumed) == outcome(expected)
        assert line.steps == expected.best_params[0]
        assert state == before


def test_a_finished_run_goes_on_for_more_epochs():
    _, task = resumable_line()
    recorder = Recorder()
    train(task, 2, RULE, [recorder])
    state = recorder.states[-1]
    _, task = resumable_line(is_resumed=True)
    recorder = Recorder()
    resumed = train(task, 20, RULE, [recorder], resume=state)
    _, task = resumable_line()
    expected = train(task, 20, RULE)
    assert outcome(resumed) == outcome(expected)
    # so that its file is there again
    assert recorder.calls[0] == ("improvement", state.best_params)
    assert resumed.seconds > state.seconds


def test_a_run_out_of_patience_stays_so():
    _, task = resumable_line()
    recorder = Recorder()
    expected = train(task, 20, RULE, [recorder])
    _, task = resumable_line(is_resumed=True)
    resumed = train(task, 1000, resume=recorder.states[-1])  # its rule is in the state
    assert outcome(resumed) == outcome(expected)


def test_a_state_is_handed_out_after_each_record_and_at_the_end():
    _, task = resumable_line()
    recorder = Recorder()
    train(task, 4, RULE, [recorder])
    assert [state.iteration for state in recorder.states] == [2, 5, 8, 11, 14, 17, 19]
    assert [state.stop_reason for state in recorder.states] == [""] * 6 + ["n_epochs"]


def test_there_is_no_state_of_a_diverged_or_torn_run():
    for bad in (math.nan, KeyboardInterrupt()):
        line, recorder = Line([0.5], costs={7: bad}), Recorder()
        train(line.task, callbacks=[recorder])
        assert [state.iteration for state in recorder.states] == [4]


@pytest.mark.parametrize(
    ("change", "rule", "message"),
    [
        ({"n_train_batches": 4}, RULE, "the state has 5 minibatches an epoch, the task 4"),
        ({"get_params": lambda: [1, 2]}, RULE, r"the state has parameters .*, the model"),
        ({"get_params": lambda: [numpy.float32(1)]}, RULE, "the model .*'float32'"),
        ({"get_rest": lambda: [3]}, RULE, r"random streams and the like \[\], the model \["),
        ({}, EarlyStopping(patience=21, validation_frequency=3), "rule was .*patience=20.* is now"),
        ({"loss": Loss("cost", False)}, RULE, "loss was .*name='error'.* and is now"),
        ({"validate": None}, RULE, "loss was "),
    ],
)
def test_the_state_of_another_run_is_refused_and_the_model_stays_as_it_was(change, rule, message):
    _, task = resumable_line()
    recorder = Recorder()
    train(task, 2, RULE, [recorder])
    line, task = resumable_line()
    line.steps = 1234
    with pytest.raises(ResumeError, match=f"cannot resume: .*{message}"):
        train(task._replace(**change), 20, rule, resume=recorder.states[-1])
    assert line.steps == 1234


def noisy_task(rng):
    """Make a task whose steps draw random numbers, and its parameters."""
    theta, box = [0.0], [rng]

    def step(_index):
        theta[0] += box[0].normal()
        return 1.0

    return Task(
        step,
        4,
        lambda: list(theta),
        lambda values: theta.__setitem__(0, values[0]),
        validate=lambda: abs(theta[0]),
        get_rest=lambda: [pack(box[0])],
        set_rest=lambda values: box.__setitem__(0, unpack(values[0], like=box[0])),
    )


@pytest.mark.parametrize("make", [numpy.random.RandomState, numpy.random.default_rng])
def test_random_generators_go_on_where_they_were(make):
    recorder = Recorder()
    expected = train(noisy_task(make(1)), 6, callbacks=[recorder])
    assert expected.history[-1]["validation_loss"] > 0
    resumed = train(noisy_task(make(2)), 6, resume=recorder.states[2])
    assert outcome(resumed) == outcome(expected)
