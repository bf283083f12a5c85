import math
import random

from dltutorials.exceptions import OptionError
from dltutorials.training.early_stopping import EarlyStopping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


def transcription(losses, n_train_batches, n_epochs, patience, increase, threshold, frequency):
    """Follow section 5 of the specification, the chapter's nested loops, word for word."""
    best, best_iter, done, improvements, patiences = math.inf, None, False, [], []
    if frequency is None:
        frequency = min(n_train_batches, patience // 2)
    epoch, iteration = 0, None
    while epoch < n_epochs and not done:
        epoch += 1
        for minibatch_index in range(n_train_batches):
            iteration = (epoch - 1) * n_train_batches + minibatch_index
            if (iteration + 1) % frequency == 0:
                loss = next(losses)
                if loss < best:
                    if loss < best * threshold:
                        patience = max(patience, iteration * increase)
                    best, best_iter = loss, iteration
                    improvements.append(iteration)
            patiences.append(patience)
            if patience <= iteration:
                done = True
                break
    return best, best_iter, improvements, patiences, iteration, done


def follow_rule(losses, n_train_batches, n_epochs, rule):
    state = rule.start(n_train_batches)
    improvements, patiences = [], []
    for iteration in range(n_epochs * n_train_batches):
        if state.is_validation_due(iteration) and state.observe(iteration, next(losses)):
            improvements.append(iteration)
        patiences.append(state.patience)
        if state.is_exhausted(iteration):
            break
    done = state.is_exhausted(iteration)
    return (
        state.best_validation_loss,
        state.best_iteration,
        improvements,
        patiences,
        iteration,
        done,
    )


def endless(first_losses, seed):
    """Give these losses, then random ones that become smaller, at different speeds."""
    yield from first_losses
    rng = random.Random(seed)
    scale = 1.0
    while True:
        scale *= rng.choice([1, 0.999, 0.9])
        yield scale * rng.random()


@pytest.mark.slow
@settings(max_examples=500, deadline=None)
@given(
    first_losses=st.lists(
        st.floats(0, 1) | st.sampled_from([0.1, 0.0995, 0.09950001, math.inf]), max_size=20
    ),
    seed=st.integers(0, 1000),
    n_train_batches=st.integers(1, 20),
    n_epochs=st.integers(1, 15),
    patience=st.integers(2, 100),
    increase=st.sampled_from([1, 1.5, 2, 3]),
    threshold=st.sampled_from([0.5, 0.9, 0.995, 1]),
    frequency=st.none() | st.integers(1, 30),
)
def test_agrees_with_a_plain_transcription_of_the_chapter(
    first_losses, seed, n_train_batches, n_epochs, patience, increase, threshold, frequency
):
    rule = EarlyStopping(patience, increase, threshold, frequency)
    options = n_train_batches, n_epochs, patience, increase, threshold, frequency
    expected = transcription(endless(first_losses, seed), *options)
    assert follow_rule(endless(first_losses, seed), n_train_batches, n_epochs, rule) == expected


def test_the_published_run_gains_its_last_patience_in_epoch_37_and_stops_in_epoch_74():
    # Derivation: 83 minibatches an epoch; the last improvement by more than 0.5 %
    # at the end of epoch 37, iteration 3070, makes patience 6140, which iteration
    # 6140 reaches: minibatch 81 (counted from 0) of epoch 74.
    state = EarlyStopping().start(n_train_batches=83)
    assert state.observe(37 * 83 - 1, 0.08)
    assert state.patience == 6140
    assert not state.is_exhausted(6139)
    assert state.is_exhausted(6140)
    assert divmod(6140, 83) == (73, 81)


def test_a_small_improvement_is_best_but_buys_no_patience():
    state = EarlyStopping(patience=10, improvement_threshold=0.9).start(4)
    state.observe(8, 0.5)
    assert state.patience == 16
    assert state.observe(12, 0.45)  # 0.45 < 0.5 * 0.9 does not hold
    assert (state.patience, state.best_iteration) == (16, 12)
    assert not state.observe(13, 0.45)
    assert not state.observe(13, math.nan)


def test_two_trainings_with_one_rule_do_not_share_their_state():
    rule = EarlyStopping()
    rule.start(5).observe(4000, 0.1)
    assert rule.start(5).patience == 5000
    assert rule.start(5).best_validation_loss == math.inf


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patience": 1}, "patience: got 1, expected an integer of at least 2"),
        ({"patience": 10.5}, "patience: got 10.5"),
        ({"patience": True}, "patience: got True"),
        ({"patience_increase": 0}, "patience_increase: got 0"),
        ({"patience_increase": math.nan}, "patience_increase: got nan"),
        ({"improvement_threshold": 0}, "improvement_threshold: got 0"),
        ({"improvement_threshold": 1.001}, "got 1.001, expected a number above 0 and at most 1"),
        ({"improvement_threshold": math.nan}, "improvement_threshold: got nan"),
        ({"validation_frequency": 0}, "validation_frequency: got 0"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(OptionError, match=message):
        EarlyStopping(**options)
