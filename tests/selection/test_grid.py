import argparse

from dltutorials.cli import console
from dltutorials.cli.arguments import add_option
from dltutorials.cli.options import add_classifier_arguments, add_training_arguments
from dltutorials.exceptions import OptionError
from dltutorials.selection.grid import make_runs

import pytest


@pytest.fixture
def parser():
    parser = console.Parser()
    add_training_arguments(parser, learning_rate=0.01, batch_size=20)
    add_classifier_arguments(parser, L2_reg=0.0001, patience=10_000)
    parser.add_argument("--n-hidden", type=int, default=500)
    parser.add_argument("--activation", choices=["tanh", "relu"], default="tanh")
    add_option(parser, "--seed", "SEED", 1234, "of the first weights")
    return parser


def test_every_value_is_combined_with_every_other_and_with_each_seed(parser):
    grid = ["learning-rate=0.1, 1e-2", "activation=relu,tanh"]
    runs = make_runs(parser, grid, ["--n-epochs", "7"], n_seeds=3)
    assert [list(run.settings.values()) for run in runs[::3]] == [
        [0.1, "relu"],
        [0.1, "tanh"],
        [0.01, "relu"],
        [0.01, "tanh"],
    ]
    assert [run.seed for run in runs[:4]] == [1234, 1235, 1236, 1234]
    assert runs[5].options == {
        **vars(parser.parse_args([])),
        **runs[5].settings,
        "n_epochs": 7,
        "seed": 1236,
    }


def test_seeds_count_from_the_one_given(parser):
    assert [run.seed for run in make_runs(parser, [], ["--seed", "7"], 2)] == [7, 8]
    assert [run.seed for run in make_runs(parser, ["n_hidden=1,2"], ["--seed", "7"])] == [7, 7]


@pytest.mark.parametrize(
    ("grid", "arguments", "n_seeds", "message"),
    [
        (["n_hiden=3"], [], 2, "grid: got n_hiden, expected one of L1_reg, .*n_hidden"),
        (["=3"], [], 2, "grid: got =3, expected one of"),
        (["n_hidden="], [], 2, "grid: got 'n_hidden=', expected n_hidden=VALUE,VALUE"),
        (["n_hidden"], [], 2, "grid: got 'n_hidden', expected n_hidden=VALUE,VALUE"),
        (["n_hidden=3,,4"], [], 2, "grid: got 'n_hidden=3,,4', expected"),
        (["n_hidden=3.5"], [], 2, "argument --n-hidden: invalid int value: '3.5'"),
        (["activation=tan"], [], 2, "argument --activation: invalid choice: 'tan'"),
        (["learning_rate=0.1,1e-1"], [], 2, "grid: got {'learning_rate': 0.1} twice"),
        (["n_hidden=3", "n-hidden=4"], [], 2, "grid: got n_hidden twice"),
        (["seed=1,2"], [], 2, "grid: got seed, expected --seeds N"),
        (["save=a,b"], [], 2, "grid: got save, expected one of"),
        (["exact_evaluation=1"], [], 2, "grid: got exact_evaluation, expected one of"),
        (["n_hidden=3"], ["--save", "x"], 2, "save: got 'x', expected none"),
        (["n_hidden=3"], ["--resume", "x"], 2, "resume: got 'x', expected none"),
        (["n_hidden=3"], ["--nonsense"], 2, "unrecognized arguments: --nonsense"),
        (["n_hidden=3"], [], 0, "seeds: got 0, expected an integer of at least 1"),
        (["n_hidden=3"], ["--seed", "4294967295"], 2, "seeds: got 4294967295 to 4294967296"),
    ],
)
def test_what_is_wrong_is_refused_by_name(parser, grid, arguments, n_seeds, message):
    with pytest.raises(OptionError, match=message):
        make_runs(parser, grid, arguments, n_seeds)


def test_seeds_of_what_has_none_are_refused(parser):
    without = argparse.ArgumentParser()
    without.add_argument("--n-epochs", type=int, default=1)
    assert [run.seed for run in make_runs(without, ["n_epochs=1,2"])] == [None, None]
    with pytest.raises(OptionError, match="seeds: got 5, but this run draws nothing"):
        make_runs(without, ["n_epochs=1,2"], n_seeds=5)


def test_any_parser_will_do_and_is_as_before(capsys):
    parser = argparse.ArgumentParser()
    parser.add_argument("--n-hidden", type=int)
    with pytest.raises(OptionError, match="argument --n-hidden: invalid int value: 'x'"):
        make_runs(parser, ["n_hidden=x"])
    with pytest.raises(SystemExit):
        parser.parse_args(["--n-hidden", "x"])
    assert "usage:" in capsys.readouterr().err
