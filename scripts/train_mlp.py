#!/usr/bin/env python
"""Train a multilayer perceptron on MNIST, as the tutorial does, and save the best parameters."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any

if __name__ == "__main__":
    import launcher

    launcher.start()
import dltutorials
from dltutorials.cli import console
from dltutorials.cli.options import add_training_arguments
from dltutorials.cli.train import Build, train_model
from dltutorials.models import ACTIVATIONS, CHAPTERS

import numpy


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script with these arguments; return its exit status."""
    return console.run(run, make_parser(), argv)


def run(options: argparse.Namespace) -> int:
    """Train as the options say; return the exit status."""
    return train_model("train_mlp", options, make_model(options))


def make_model(options: argparse.Namespace) -> Build:
    """Return what builds the model that the options describe."""

    def build(x: Any, n_in: int, n_out: int) -> dltutorials.MLP:
        rng = numpy.random.RandomState(options.seed)
        return dltutorials.MLP(rng, x, n_in, options.n_hidden, n_out, options.activation)

    return build


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the script's options, with the chapter's defaults."""
    parser = console.Parser(description=__doc__)
    add_training_arguments(parser, **CHAPTERS["mlp"].defaults)
    add = parser.add_argument
    add("--n-hidden", type=int, default=500, metavar="N", help="hidden units; default: %(default)s")
    add(
        "--activation",
        choices=list(ACTIVATIONS),
        default="tanh",
        help="function of a hidden unit; default: %(default)s",
    )
    add(
        "--seed",
        type=console.seed,
        default=1234,
        metavar="N",
        help="of the first weights, 0 to 4294967295; default: %(default)s",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
