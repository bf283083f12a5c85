#!/usr/bin/env python
"""Draw the pictures of the chapters that no command of the package draws."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dltutorials
from dltutorials import MLP, EarlyStopping, compile_task, load_mnist, penalty, sgd, shared_dataset
from dltutorials.models import RBM
from dltutorials.plotting import plot_free_energy, plot_images, save_figure
from dltutorials.plotting.figures import COLOURS, GREY, new_axes, new_figure
from dltutorials.training.minibatch_function import minibatch_function
from dltutorials.training.snapshots import save_snapshot

import numpy
import theano.tensor as T

FOLDER = Path(__file__).resolve().parent / "images"
DPI = 100


def main(argv: Sequence[str] | None = None) -> int:
    """Write the pictures; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=FOLDER, metavar="FOLDER")
    folder = parser.parse_args(argv).output
    for name, draw in PICTURES.items():
        save_figure(draw().figure, folder / name, dpi=DPI)
        print(folder / name)
    return 0


def draw_digits() -> Any:
    """Draw the first 24 training images, each with its label."""
    images, labels = load_mnist()[0]
    return plot_images(images[:24], labels[:24], n_columns=12)


def draw_patience() -> Any:
    """Draw the made-up run of the first chapter: losses, and how the patience grows."""
    rule = EarlyStopping(patience=12, patience_increase=2, validation_frequency=4)
    state = rule.start(n_train_batches=4)
    losses = [0.5, 0.4, 0.35, 0.349, 0.3, 0.31, 0.33, 0.32, 0.34]
    t, validations, patience = 0, [], []
    while not state.is_exhausted(t - 1):
        if state.is_validation_due(t):
            validations.append((t, losses[t // 4], state.observe(t, losses[t // 4])))
        patience.append(state.patience)
        t += 1
    figure = new_figure(4.2)
    above, below = figure.subplots(2, sharex=True, height_ratios=(2, 3))
    above.plot(*zip(*[(t, v) for t, v, _ in validations]), "o-", color=COLOURS[0], label="loss")
    best = [(t, v) for t, v, is_best in validations if is_best]
    above.plot(*zip(*best), "*", markersize=12, color=COLOURS[1], label="best so far")
    above.set_ylabel("validation loss")
    below.step(range(t), patience, where="post", color=COLOURS[2], label="patience")
    below.plot(range(t), range(t), "--", color=GREY, label="iteration $t$")
    below.plot(t - 1, t - 1, "s", color=COLOURS[1], label="training ends")
    below.set_xlabel("iteration $t$")
    for ax in (above, below):
        _tidy(ax)
        ax.legend(frameon=False, fontsize="small")
    return above


def draw_activations() -> Any:
    """Draw tanh, the logistic sigmoid and the rectifier, with their slopes."""
    z = numpy.linspace(-4, 4, 201)
    sigmoid = 1 / (1 + numpy.exp(-z))
    curves = {
        "tanh": (numpy.tanh(z), 1 - numpy.tanh(z) ** 2),
        "sigmoid": (sigmoid, sigmoid * (1 - sigmoid)),
        "ReLU": (numpy.maximum(z, 0), (z > 0).astype(float)),
    }
    figure = new_figure(2.9)
    for ax, title, which in zip(figure.subplots(1, 2), ("$s(z)$", "slope $s'(z)$"), (0, 1)):
        for colour, (name, values) in zip(COLOURS, curves.items()):
            ax.plot(z, values[which], color=colour, label=name)
        ax.set_title(title, fontsize=11)
        ax.set_xlabel("$z$")
        ax.set_ylim((-1.1, 1.6) if which == 0 else (-0.05, 1.1))
        _tidy(ax)
    ax.legend(frameon=False, fontsize="small", loc="upper left")
    return ax


def draw_network() -> Any:
    """Draw the layers of a multilayer perceptron, and what is computed between them."""
    ax = new_axes(height=3.0)
    layers = [
        (0.0, 6, "inputs $x$\n784", COLOURS[5]),
        (1.0, 5, "hidden units $h$\n500", COLOURS[4]),
        (2.0, 4, "labels\n10", COLOURS[2]),
    ]
    rows = [numpy.linspace(-1, 1, n) * n / 6 for _, n, _, _ in layers]
    for (x0, *_), (x1, *_), from_, to in zip(layers, layers[1:], rows, rows[1:]):
        for a in from_:
            for b in to:
                ax.plot([x0, x1], [a, b], color="0.75", linewidth=0.6, zorder=1)
    for (x, _, text, colour), row in zip(layers, rows):
        ax.scatter([x] * len(row), row, s=190, color=colour, edgecolor="white", zorder=2)
        ax.text(x, -1.28, text, ha="center", va="top")
    ax.text(0.5, 1.2, r"$h = \tanh(x W_h + b_h)$", ha="center")
    ax.text(1.5, 1.2, r"$P = \mathrm{softmax}(h W + b)$", ha="center")
    ax.set_ylim(-1.75, 1.4)
    ax.set_xlim(-0.4, 2.4)
    ax.set_axis_off()
    return ax


def draw_overfitting() -> Any:
    """Train 100 hidden units on 1,000 images; draw the error and the cost beside validation."""
    dltutorials.set_floatX("float32")
    train_set, valid_set, _ = load_mnist()
    few = shared_dataset((train_set[0][:1000], train_set[1][:1000]))
    valid = shared_dataset(valid_set)
    x, y = T.matrix("x"), T.ivector("y")
    model = MLP(numpy.random.RandomState(1234), x, n_in=784, n_hidden=100, n_out=10)
    loss, errors = model.negative_log_likelihood(y), model.errors(y)
    updates = sgd(loss + penalty(model.weights), model.params, learning_rate=0.1)
    task = compile_task(x, y, loss, updates, errors, model.params, [few, valid], batch_size=20)
    on_training = minibatch_function([errors, loss], x, y, few, 1000)
    on_validation = minibatch_function([errors, loss], x, y, valid, 10000)
    measured = []
    for _ in range(150):
        for number in range(50):
            task.train_minibatch(number)
        measured.append([on_training(0), on_validation(0)])
    figure = new_figure(2.9)
    for ax, title, which in zip(figure.subplots(1, 2), ("error, %", "cross-entropy"), (0, 1)):
        scale = 100 if which == 0 else 1
        for colour, name, part in zip(COLOURS, ("training", "validation"), (0, 1)):
            values = [scale * float(each[part][which]) for each in measured]
            ax.plot(range(1, 151), values, color=colour, label=name)
        ax.set_title(title, fontsize=11)
        ax.set_xlabel("epochs")
        ax.set_ylim(0, 25 if which == 0 else 1)
        _tidy(ax)
    ax.legend(frameon=False, fontsize="small")
    return ax


def draw_rbm_overfitting() -> Any:
    """Train 100 hidden units on 1,000 images; draw the free energy beside that of validation."""
    dltutorials.set_floatX("float32")
    (train_x, _), (valid_x, _), _ = load_mnist()
    x, few = T.matrix("x"), [shared_dataset((train_x[:1000],))]
    model = RBM(numpy.random.RandomState(123), x, n_in=784, n_hidden=100, k=1)
    updates = model.updates(model.cost(), learning_rate=0.1)
    task = compile_task(x, None, model.watched(), updates, None, model.params, few, batch_size=20)
    with tempfile.TemporaryDirectory() as folder:
        for iteration in range(3000):
            task.train_minibatch(iteration % 50)
            if (iteration + 1) % 150 == 0:
                save_snapshot(model.params, folder, iteration)
        return plot_free_energy(model, folder, train_x[:1000], valid_x)[0]


def _tidy(ax: Any) -> None:
    ax.grid(color="0.9")
    ax.set_axisbelow(True)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)


PICTURES = {
    "digits.png": draw_digits,
    "patience.png": draw_patience,
    "activations.png": draw_activations,
    "network.svg": draw_network,
    "overfitting.png": draw_overfitting,
    "rbm_overfitting.png": draw_rbm_overfitting,
}

if __name__ == "__main__":
    sys.exit(main())
