from dltutorials import OptionError
from dltutorials.exceptions import ResumeError
from dltutorials.training.phases import Phase, train_phases
from dltutorials.training.task import Task

import pytest
from helpers import Recorder


class Halving:
    """Phases whose steps halve one number; it notes which of them were prepared."""

    def __init__(self, names):
        self.prepared, self.value = [], 8.0
        self.phases = [Phase(name, lambda name=name: self.prepare(name), 2) for name in names]

    def prepare(self, name):
        self.prepared.append(name)
        return Task(self.step, 3, lambda: [self.value], self.set_params)

    def step(self, index):
        self.value /= 2
        return self.value

    def set_params(self, values):
        [self.value] = values


@pytest.mark.parametrize("names", [["a", "a"], ["a", "b", "a"], []])
def test_phases_need_names_of_their_own(names):
    halving = Halving(names)
    with pytest.raises(OptionError, match=r"phases: got \[.*\], expected at least one, each with"):
        train_phases(halving.phases)
    assert halving.prepared == []


def test_records_name_their_phase_and_count_on():
    result = train_phases(Halving(["first", "second"]).phases)
    places = [(r["phase"], r["epoch"], r["iteration"]) for r in result.history]
    assert places == [("first", 1, 2), ("first", 2, 5), ("second", 1, 8), ("second", 2, 11)]
    assert result.best_params == [8.0 / 2**12]
    assert (result.n_epochs, result.n_iterations) == (4, 12)


def test_phases_that_are_done_are_not_prepared_again():
    recorder = Recorder()
    whole = train_phases(Halving(["first", "second"]).phases, [recorder])
    [state] = [s for s in recorder.states if s.phase == "second" and s.iteration == -1]
    again = Halving(["first", "second"])
    result = train_phases(again.phases, resume=state)
    assert again.prepared == ["second"]
    assert result.best_params == whole.best_params
    assert [r["iteration"] for r in result.history] == [2, 5, 8, 11]


def test_a_state_of_an_unknown_phase_is_refused():
    recorder = Recorder()
    train_phases(Halving(["first"]).phases, [recorder])
    again = Halving(["a", "b"])
    with pytest.raises(ResumeError, match="the state is of phase 'first', not of"):
        train_phases(again.phases, resume=recorder.states[-1])
    assert again.prepared == []
