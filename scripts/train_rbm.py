#!/usr/bin/env python
"""Train a restricted Boltzmann machine on MNIST, as the tutorial does, and save it."""

if __name__ == "__main__":
    import launcher

    launcher.start()

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from dltutorials.cli import console
from dltutorials.cli.options import add_training_arguments
from dltutorials.cli.prepare import MakeModel
from dltutorials.cli.train import train_model
from dltutorials.models.rbm import RBM

import numpy


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script with these arguments; return its exit status."""
    return console.run(run, make_parser(), argv)


def run(options: argparse.Namespace) -> int:
    """Train as the options say; return the exit status."""
    return train_model("train_rbm", options, make_model(options))


def make_model(options: argparse.Namespace) -> MakeModel:
    """Return what builds the model that the options describe."""

    def build(x: Any, n_in: int, n_out: int | None) -> RBM:
        rng = numpy.random.RandomState(options.seed)
        how = options.k, not options.no_persistent, options.batch_size
        return RBM(rng, x, n_in, options.n_hidden, *how)

    return build


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the script's options, with the chapter's defaults."""
    parser = console.Parser(description=__doc__)
    add_training_arguments(parser, learning_rate=0.1, batch_size=20, n_epochs=15)
    for name, kind, default, text in (
        ("--n-hidden", int, 500, "hidden units"),
        ("--k", int, 15, "steps of Gibbs sampling in a training step"),
        ("--seed", console.seed, 123, "of the samples and the first weights"),
    ):
        text += "; default: %(default)s"
        parser.add_argument(name, type=kind, default=default, metavar="N", help=text)
    text = "begin them at the minibatch, CD-k, instead of where the last ones ended"
    parser.add_argument("--no-persistent", action="store_true", help=text)
    return parser


if __name__ == "__main__":
    sys.exit(main())
