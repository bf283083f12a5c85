#!/usr/bin/env python
"""Compare the tutorial's rule for patience with the one that tests significance.

Trains a small multilayer perceptron from many seeds, with each rule, and prints
their epochs and errors: means over the seeds, and the mean paired differences with
95 % intervals (Student's t).
"""

if __name__ == "__main__":
    import pathlib
    import sys

    sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
    import launcher

    launcher.start()

import argparse
import sys
from collections.abc import Sequence
from typing import Any

import dltutorials
from dltutorials.cli import console

import numpy
import theano.tensor as T
from scipy import stats

COLUMNS = (("epochs", "{:.1f}"), ("validation error, %", "{:.3f}"), ("test error, %", "{:.3f}"))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script with these arguments; return its exit status."""
    parser = console.Parser(description=__doc__)
    add = parser.add_argument
    add("--dataset", default="mnist.pkl.gz", help="data set; default: %(default)s")
    add("--n-runs", type=int, default=20, metavar="N", help="seeds; default: %(default)s")
    add("--significance", type=float, default=0.05, metavar="P", help="default: %(default)s")
    add("--n-hidden", type=int, default=50, metavar="N", help="hidden units; default: %(default)s")
    add("--batch-size", type=int, default=50, metavar="N", help="default: %(default)s")
    add("--learning-rate", type=float, default=0.1, metavar="X", help="default: %(default)s")
    add("--patience", type=int, default=5000, metavar="N", help="default: %(default)s")
    add("--n-epochs", type=int, default=300, metavar="N", help="default: %(default)s")
    return console.run(compare_rules, parser, argv)


def compare_rules(options: argparse.Namespace) -> int:
    """Train with both rules from every seed, and print the table."""
    dltutorials.set_floatX("float32")
    dltutorials.checks.require_integer("n_runs", options.n_runs, at_least=2)
    rules = {
        "0.995": dltutorials.EarlyStopping(options.patience),
        f"significance {options.significance:g}": dltutorials.EarlyStopping(
            options.patience, significance=options.significance
        ),
    }
    model, task = build(options)
    results: dict[str, list[tuple[float, ...]]] = {name: [] for name in rules}
    for seed in range(options.n_runs):
        for name, rule in rules.items():
            start_anew(model, numpy.random.RandomState(seed))
            result = dltutorials.train(task, options.n_epochs, rule)
            n_epochs = len(result.history)
            shares = result.best_validation_loss, result.test_score or 0.0
            results[name].append((n_epochs, *(100 * share for share in shares)))
            console.print_message(f"seed {seed}, {name}: {result.message}")
    print(table(results), flush=True)
    return console.DONE


def build(options: argparse.Namespace) -> tuple[dltutorials.MLP, dltutorials.Task]:
    """Compile the model once; the seeds differ only in its initial values."""
    datasets = dltutorials.load_data(options.dataset)
    x, y = T.matrix("x"), T.ivector("y")
    rng = numpy.random.RandomState(0)
    model = dltutorials.MLP(rng, x, datasets.n_in, options.n_hidden, datasets.n_out)
    cost = model.negative_log_likelihood(y)
    updates = dltutorials.sgd(cost, model.params, options.learning_rate)
    return model, dltutorials.compile_task(
        *(x, y, cost, updates, model.errors(y), model.params, datasets, options.batch_size),
        misclassified=model.misclassified(y),
    )


def start_anew(model: dltutorials.MLP, rng: Any) -> None:
    """Draw the model's initial values again."""
    n_in, n_hidden = model.hidden_layer.W.get_value(borrow=True).shape
    n_out = model.output_layer.b.get_value(borrow=True).size
    fresh = dltutorials.MLP(rng, T.matrix("x"), n_in, n_hidden, n_out)
    for param, value in zip(model.params, fresh.params):
        param.set_value(value.get_value())


def table(results: dict[str, list[tuple[float, ...]]]) -> str:
    """Return the means and the paired differences as a table in Markdown."""
    lines = ["| rule | " + " | ".join(name for name, _ in COLUMNS) + " |", "|---|---|---|---|"]
    values = {name: numpy.array(runs, dtype=float) for name, runs in results.items()}
    for name, runs in values.items():
        means = (form.format(mean) for (_, form), mean in zip(COLUMNS, runs.mean(axis=0)))
        lines.append(f"| {name} | " + " | ".join(means) + " |")
    first, second = values.values()
    differences = second - first
    cells = []
    for (_, form), column in zip(COLUMNS, differences.T):
        half = stats.t.ppf(0.975, len(column) - 1) * stats.sem(column)
        low, high = form.format(column.mean() - half), form.format(column.mean() + half)
        cells.append(f"{form.format(column.mean())} ({low} to {high})")
    lines.append("| difference | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
