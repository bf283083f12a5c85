"""A new order of the training set's rows, the same on the device and in chunks."""

import itertools
import re

import dltutorials
from dltutorials import (
    DataWarning,
    LogisticRegression,
    OptionError,
    compile_task,
    load_data,
    sgd,
    train,
)
from dltutorials.datasets.shuffling import Shuffle, as_shuffle

import numpy
import pytest
import theano.tensor as T
from helpers import load_script, make_split, save_npz, without_seconds


@pytest.fixture(scope="module")
def sets():
    rng = numpy.random.RandomState(5)
    return [make_split(rng, n) for n in (137, 61, 48)]


def outcome(sets, n_epochs=3, **options):
    datasets = load_data(sets, 10, **options)
    x, y = T.matrix("x"), T.ivector("y")
    model = LogisticRegression(x, 784, 10)
    cost = model.negative_log_likelihood(y)
    updates = sgd(cost, model.params, 0.13)
    task = compile_task(x, y, cost, updates, model.errors(y), model.params, datasets, 10)
    result = train(task, n_epochs=n_epochs)
    return without_seconds(result.history), [value.tobytes() for value in result.best_params]


def test_each_epoch_has_its_order_and_every_row_once():
    orders = [Shuffle(7).order(epoch, 100) for epoch in (0, 1, 2)]
    assert all(sorted(order) == list(range(100)) for order in orders)
    assert not any(numpy.array_equal(a, b) for a, b in itertools.pairwise(orders))
    assert numpy.array_equal(orders[1], Shuffle(7).order(1, 100))
    once = [Shuffle(7, once=True).order(epoch, 100) for epoch in (0, 1)]
    assert numpy.array_equal(once[0], once[1])
    assert not numpy.array_equal(Shuffle(8).order(0, 100), orders[0])


@pytest.mark.slow
@pytest.mark.parametrize("once", [False, True])
def test_training_is_the_same_in_chunks_and_by_rows_shuffled_by_hand(sets, once):
    shuffled = outcome(sets, shuffle=3, shuffle_once=once)
    assert shuffled != outcome(sets)
    assert shuffled != outcome(sets, shuffle=3, shuffle_once=not once)
    for chunk_size in (1, 4, 13):
        assert outcome(sets, chunk_size=chunk_size, shuffle=3, shuffle_once=once) == shuffled
    order = Shuffle(3).order(0, 137)
    by_hand = [tuple(column[order] for column in sets[0]), *sets[1:]]
    assert (outcome(by_hand) == shuffled) is once
    assert outcome(by_hand, n_epochs=1) == outcome(sets, n_epochs=1, shuffle=3)


def test_a_memory_map_is_shuffled_too(sets, tmp_path):
    path = save_npz(tmp_path / "mine.npz", sets)
    assert outcome(path, chunk_size=4, shuffle=3) == outcome(sets, shuffle=3)


@pytest.mark.parametrize("seed", [-1, 1.5, "7", 2**32])
def test_what_is_no_seed_is_refused(sets, seed):
    with pytest.raises(OptionError, match="shuffle: got"):
        load_data(sets, shuffle=seed)
    assert as_shuffle(None) is None
    with pytest.raises(OptionError, match="shuffle_once: got no seed"):
        load_data(sets, shuffle_once=True)


@pytest.mark.slow
@pytest.mark.parametrize("chunks", [[], ["--chunk-size", "2"]])
@pytest.mark.parametrize("once", [[], ["--shuffle-once"]])
def test_a_resumed_run_ends_in_the_same_bytes(main, tmp_path, monkeypatch, once, chunks):
    shuffle = ["--shuffle", "7", *once]
    whole = [*shuffle, "--checkpoint", "whole.state", "--save", "whole.pkl"]
    part = [*shuffle, *chunks, "--save", "part.pkl"]
    assert main(*whole, "--n-epochs", "6") == 0
    assert main(*part, "--n-epochs", "3", "--checkpoint", "part.state") == 0
    assert main(*part, "--n-epochs", "6", "--resume", "part.state") == 0
    assert (tmp_path / "part.pkl").read_bytes() == (tmp_path / "whole.pkl").read_bytes()
    assert main("--shuffle", "8", "--n-epochs", "6", "--resume", "part.state") == 1
    assert main("--n-epochs", "6", "--resume", "part.state") == 1


@pytest.mark.slow
def test_a_script_says_in_a_line_what_is_odd(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rng = numpy.random.RandomState(1)
    x, y = rng.rand(400, 5).astype("float32"), numpy.arange(400) // 200
    save_npz("mine.npz", [(x, y), (x[::2], y[::2]), (x[::2], y[::2])])
    main = load_script("train_logreg").main
    arguments = ["--dataset", "mine.npz", "--batch-size", "20", "--n-epochs", "1"]
    before = dltutorials.backend.set_floatX("float32")
    assert main(arguments) == 0
    lines = [line for line in capsys.readouterr().err.splitlines() if "warning: " in line]
    assert len(lines) == 1
    assert re.search("warning: training set: the rows are sorted by label, .*--shuffle", lines[0])
    for more in (["--shuffle", "1"], ["--quiet"]):
        assert main([*arguments, *more]) == 0
        assert "warning: " not in capsys.readouterr().err
    with pytest.warns(DataWarning, match="mine.npz: |sorted by label") as caught:
        load_data("mine.npz")
    assert caught[0].filename == __file__
    dltutorials.set_floatX(before)
