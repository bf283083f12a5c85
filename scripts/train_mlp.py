#!/usr/bin/env python
"""Train a multilayer perceptron on MNIST, as the tutorial does, and save the best parameters."""

if __name__ == "__main__":
    import launcher

    launcher.start()

import argparse
import sys
from collections.abc import Sequence
from typing import Any

import dltutorials
from dltutorials.cli import console
from dltutorials.cli.arguments import add_option
from dltutorials.cli.options import add_classifier_arguments, add_training_arguments
from dltutorials.cli.prepare import MakeModel
from dltutorials.cli.train import train_model
from dltutorials.models import ACTIVATIONS

import numpy


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script with these arguments; return its exit status."""
    return console.run(run, make_parser(), argv)


def run(options: argparse.Namespace) -> int:
    """Train as the options say; return the exit status."""
    return train_model("train_mlp", options, make_model(options))


def make_model(options: argparse.Namespace) -> MakeModel:
    """Return a function that builds the model that the options describe."""

    def build(x: Any, n_in: int, n_out: int) -> dltutorials.MLP:
        rng = numpy.random.RandomState(options.seed)
        return dltutorials.MLP(rng, x, n_in, options.n_hidden, n_out, options.activation)

    return build


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the script's options, with the chapter's defaults."""
    parser = console.Parser(description=__doc__)
    add_training_arguments(parser, learning_rate=0.01, batch_size=20)
    add_classifier_arguments(parser, L2_reg=0.0001, patience=10_000)
    add_option(parser, "--n-hidden", "N", 500, "hidden units")
    add_option(parser, "--activation", list(ACTIVATIONS), "tanh", "function of a hidden unit")
    add_option(parser, "--seed", "SEED", 1234, "of the first weights, 0 to 4294967295")
    return parser


if __name__ == "__main__":
    sys.exit(main())
