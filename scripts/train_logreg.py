#!/usr/bin/env python
"""Train logistic regression on MNIST, as the tutorial does, and save the best parameters."""

import argparse
import sys
from typing import Optional, Sequence

try:
    import dltutorials
    from dltutorials import command_line, theano_setup

    import theano.tensor as T
except ImportError as error:
    sys.exit(f"train_logreg.py: error: {error}")


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run the script with these arguments; return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    command_line.add_training_arguments(
        parser, learning_rate=0.13, batch_size=600, L2_reg=0.0, patience=5000
    )
    options = parser.parse_args(argv)
    return command_line.run(lambda: train_logreg(options))


def train_logreg(options: argparse.Namespace) -> int:
    """Load, build, compile, train."""
    dltutorials.set_floatX(options.floatX)
    command_line.check_training_options(options)
    if not options.quiet:
        command_line.say(theano_setup.describe_engine())
    datasets = command_line.load_datasets(options)

    x, y = T.matrix("x"), T.ivector("y")
    model = dltutorials.LogisticRegression(x, n_in=datasets.n_in, n_out=datasets.n_out)
    cost = model.negative_log_likelihood(y)
    cost += dltutorials.penalty([model.W], options.L1_reg, options.L2_reg)
    task = dltutorials.compile_task(
        x,
        y,
        cost=cost,
        updates=dltutorials.sgd(cost, model.params, options.learning_rate),
        errors=model.errors(y),
        params=model.params,
        datasets=datasets,
        batch_size=options.batch_size,
        exact_evaluation=options.exact_evaluation,
    )
    return command_line.train_and_report(
        task, options, about=lambda: command_line.describe_training("train_logreg", datasets)
    )


if __name__ == "__main__":
    sys.exit(main())
