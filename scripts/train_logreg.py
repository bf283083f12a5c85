#!/usr/bin/env python
"""Train logistic regression on MNIST, as the tutorial does, and save the best parameters."""

if __name__ == "__main__":
    import launcher

    launcher.start()

import argparse
import sys
from collections.abc import Sequence

import dltutorials
from dltutorials.cli import console
from dltutorials.cli.arguments import add_option
from dltutorials.cli.options import add_classifier_arguments, add_training_arguments
from dltutorials.cli.prepare import MakeModel
from dltutorials.cli.train import train_model


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script with these arguments; return its exit status."""
    return console.run(run, make_parser(), argv)


def run(options: argparse.Namespace) -> int:
    """Train as the options say; return the exit status."""
    return train_model("train_logreg", options, make_model(options))


def make_model(options: argparse.Namespace) -> MakeModel:
    """Return a function that builds the model; none of the options describes it."""
    return dltutorials.LogisticRegression


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the script's options, with the chapter's defaults."""
    parser = console.Parser(description=__doc__)
    add_training_arguments(parser, learning_rate=0.13, batch_size=600)
    add_classifier_arguments(parser, L2_reg=0.0, patience=5000)
    text = "what takes the steps: stochastic gradient descent, or conjugate gradients (no --resume)"
    add_option(parser, "--optimizer", ["sgd", "cg"], "sgd", text)
    return parser


if __name__ == "__main__":
    sys.exit(main())
