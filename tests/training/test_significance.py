import itertools

from dltutorials import (
    EarlyStopping,
    LogisticRegression,
    OptionError,
    compile_task,
    sgd,
    shared_dataset,
    train,
)
from dltutorials.exceptions import DataError
from dltutorials.training.checkpoint import load_state, save_state
from dltutorials.training.significance import mcnemar_p_value
from dltutorials.training.task import Task

import numpy
import pytest
import theano.tensor as T
from helpers import Recorder, without_seconds


def models_with(newly_right, newly_wrong, both=7):
    before = numpy.zeros(200, bool)
    after = numpy.zeros(200, bool)
    before[: newly_right + both] = True
    after[newly_right : newly_right + both] = True
    after[100 : 100 + newly_wrong] = True
    return before, after


@pytest.mark.parametrize(
    ("newly_right", "newly_wrong", "p"),
    [
        (4, 0, 0.0625),
        (5, 0, 0.03125),
        (20, 10, 0.049369),
        (30, 20, 0.101319),
        (60, 40, 0.028444),
        (0, 5, 1.0),
        (0, 0, 1.0),
    ],
)
def test_known_values(newly_right, newly_wrong, p):
    before, after = models_with(newly_right, newly_wrong)
    assert mcnemar_p_value(before, after) == pytest.approx(p, abs=1e-6)


def test_it_is_the_share_of_all_the_ways_in_which_coins_can_fall():
    for newly_right, newly_wrong in itertools.product(range(5), range(5)):
        n = newly_right + newly_wrong
        falls = list(itertools.product([0, 1], repeat=n))
        share = sum(sum(fall) >= newly_right for fall in falls) / len(falls)
        before, after = models_with(newly_right, newly_wrong)
        assert mcnemar_p_value(before, after) == pytest.approx(share)


def test_mistakes_on_other_examples_are_refused():
    with pytest.raises(DataError, match="on 3 examples to compare with those on 2"):
        mcnemar_p_value(numpy.zeros(2, bool), numpy.zeros(3, bool))


@pytest.mark.parametrize("level", [0, 1, -0.1, 1.5, float("nan"), "0.05", True])
def test_a_level_outside_its_range_is_refused(level):
    with pytest.raises(OptionError, match=r"significance: got .*, expected a number above 0 and b"):
        EarlyStopping(significance=level)


def test_patience_grows_with_significance_alone_and_every_improvement_is_kept():
    mistakes = [numpy.zeros(1000, bool) for _ in range(5)]
    for number, wrong in enumerate([40, 36, 31, 30, 20]):  # newly right: 4, 5, 1, 10
        mistakes[number][:wrong] = True
    state = EarlyStopping(patience=2, validation_frequency=10, significance=0.05).start(10)
    kept, patiences = [], []
    for number, vector in enumerate(mistakes):
        kept.append(state.observe(10 * number + 9, vector.mean(), lambda vector=vector: vector))
        patiences.append(state.patience)
    assert kept == [True] * 5
    assert patiences == [18, 18, 58, 58, 98]
    assert (state.best_misclassified == mistakes[-1]).all()


def test_without_it_nobody_asks_for_the_mistakes():
    state = EarlyStopping().start(10)
    assert state.observe(0, 0.5, find_misclassified=lambda: pytest.fail("asked for"))
    assert state.best_misclassified is None


def test_a_training_that_cannot_tell_mistakes_is_refused():
    rule = EarlyStopping(significance=0.05)
    with pytest.raises(OptionError, match="significance: needs the mistakes"):
        rule.start(10).observe(0, 0.5)
    without = Task(lambda index: 0.5, 3, list, lambda values: None)
    nothing_to_validate = without._replace(validation_misclassified=lambda: numpy.zeros(3, bool))
    nothing_to_tell = without._replace(validate=lambda: 0.5)
    for task in (without, nothing_to_validate, nothing_to_tell):
        with pytest.raises(OptionError, match="significance: there are no mistakes on validation"):
            train(task, 1, rule)


def task_for(sets, batch_size, **options):
    x, y = T.matrix("x"), T.ivector("y")
    model = LogisticRegression(x, 784, 10)
    cost = model.negative_log_likelihood(y)
    updates = sgd(cost, model.params, 0.003)
    datasets = [shared_dataset(data) for data in sets]
    return model, compile_task(
        *(x, y, cost, updates, model.errors(y), model.params, datasets, batch_size),
        misclassified=model.misclassified(y),
        **options,
    )


@pytest.mark.parametrize(("exact_evaluation", "n"), [(False, 23), (True, 30)])
def test_the_mistakes_are_those_of_the_evaluation(tiny_sets, exact_evaluation, n):
    model, task = task_for(tiny_sets, 23, exact_evaluation=exact_evaluation)
    for index in range(5):
        task.train_minibatch(index % 2)
        x, y = tiny_sets[1]
        scores = x[:n].dot(model.W.get_value()) + model.b.get_value()
        mistakes = task.validation_misclassified()
        assert mistakes.dtype == bool
        assert numpy.array_equal(mistakes, scores.argmax(axis=1) != y[:n])
        assert mistakes.mean() == pytest.approx(task.validate())


@pytest.mark.slow
def test_a_resumed_training_ends_as_one_left_alone(tiny_sets, tmp_path):
    rule = EarlyStopping(4, patience_increase=10, validation_frequency=1, significance=0.3)
    expected = train(task_for(tiny_sets, 10)[1], 40, rule)
    assert any(record["patience"] == 20 for record in expected.history)
    for n_validations in (1, 2, 5, 9):
        stop = iter([False] * n_validations + [True] * 10)
        recorder = Recorder(stop=lambda stop=stop: next(stop))
        train(task_for(tiny_sets, 10)[1], 40, rule, callbacks=[recorder])
        save_state(recorder.states[-1], tmp_path / "state")
        state = load_state(tmp_path / "state").state
        resumed = train(task_for(tiny_sets, 10)[1], 40, rule, resume=state)
        assert without_seconds(resumed.history) == without_seconds(expected.history)
        for value, expected_value in zip(resumed.best_params, expected.best_params):
            assert value.tobytes() == expected_value.tobytes()
        assert resumed.message == expected.message
