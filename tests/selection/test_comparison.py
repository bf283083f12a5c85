from dataclasses import asdict

from dltutorials.exceptions import RankingError
from dltutorials.loss import COST, ERROR, Loss
from dltutorials.selection.comparison import compare
from dltutorials.selection.grid import Run

import pytest

LIKELIHOOD = Loss("pseudo-likelihood", is_fraction=False, larger_is_better=True)


def outcomes(losses, loss=ERROR, test_score=0.1):
    """Return runs of one configuration for each list of losses; None is a failure."""
    found = []
    for n_hidden, values in losses.items():
        for seed, value in enumerate(values):
            record = {
                "key": f"{n_hidden}-{seed}",
                "failure": None if value is not None else "diverged",
                "best_validation_loss": value,
                "test_score": test_score,
                "n_epochs": 5,
                "loss": asdict(loss),
            }
            found.append((Run({"n_hidden": n_hidden}, seed, {}), record))
    return found


def test_where_larger_is_better_the_largest_is_chosen():
    runs = outcomes({10: [-90.5, -89.5], 20: [-80.0, -85.0]}, LIKELIHOOD, test_score=None)
    comparison = compare(runs)
    assert comparison.lines() == [
        "| n_hidden | validation pseudo-likelihood | runs | epochs | best seed |",
        "|---|---|---|---|---|",
        "| 20 | -82.5000 ± 3.5355 | 2 | 5 | 0 |",
        "| 10 | -90.0000 ± 0.7071 | 2 | 5 | 1 |",
        "Chosen for the highest mean validation pseudo-likelihood: n_hidden=20",
        "Its best run, seed 0: validation pseudo-likelihood -80.000000",
    ]
    assert comparison.as_json()["chosen"]["key"] == "20-0"
    assert comparison.as_json()["loss"]["larger_is_better"] is True


def test_the_test_score_does_not_choose():
    runs = outcomes({10: [0.2], 20: [0.1]})
    runs[0][1]["test_score"], runs[1][1]["test_score"] = 0.0, 0.9
    assert compare(runs).best[0].settings == {"n_hidden": 20}


def test_a_configuration_with_a_failed_run_comes_after_those_without():
    comparison = compare(outcomes({10: [0.01, None], 20: [0.5, 0.5], 30: [None, None]}))
    assert [c.settings["n_hidden"] for c in comparison.configurations] == [20, 10, 30]
    lines = comparison.lines()
    assert lines[3:5] == ["| 10 | 1.00 | 1 of 2 | 5 | 0 |", "| 30 | failed | 0 of 2 |  |  |"]
    assert lines[5] == "Failed: n_hidden=10, seed=1: diverged"


def test_where_all_fail_nothing_is_chosen():
    comparison = compare(outcomes({10: [None], 20: [None]}))
    assert comparison.best is None
    assert comparison.as_json()["chosen"] is None


def test_different_losses_are_not_compared():
    runs = [*outcomes({10: [0.2]}, ERROR), *outcomes({20: [63.0]}, COST)]
    with pytest.raises(RankingError, match=r"different losses \(cost, error\)"):
        compare(runs)
