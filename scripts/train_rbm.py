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
from dltutorials.cli.arguments import add_option
from dltutorials.cli.options import add_training_arguments
from dltutorials.cli.prepare import MakeModel
from dltutorials.cli.samples import add_samples_arguments, plan_samples
from dltutorials.cli.train import train_model
from dltutorials.models.rbm import RBM

import numpy


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script with these arguments; return its exit status."""
    return console.run(run, make_parser(), argv)


def run(options: argparse.Namespace) -> int:
    """Train as the options say; return the exit status."""
    return train_model("train_rbm", options, make_model(options), plan_samples(options))


def make_model(options: argparse.Namespace) -> MakeModel:
    """Return a function that builds the model that the options describe."""

    def build(x: Any, n_in: int, n_out: int | None) -> RBM:
        rng = numpy.random.RandomState(options.seed)
        how = options.k, not options.no_persistent, options.batch_size
        return RBM(rng, x, n_in, options.n_hidden, *how)

    return build


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the script's options, with the chapter's defaults."""
    parser = console.Parser(description=__doc__)
    add_training_arguments(parser, learning_rate=0.1, batch_size=20, n_epochs=15)
    add_option(parser, "--n-hidden", "N", 500, "hidden units")
    add_option(parser, "--k", "N", 15, "steps of Gibbs sampling in a training step")
    text = "begin them at the minibatch (CD-k), not where the last training step's ended"
    add_option(parser, "--no-persistent", None, False, text)
    add_samples_arguments(parser)
    add_option(parser, "--seed", "SEED", 123, "of the samples and the first weights")
    return parser


if __name__ == "__main__":
    sys.exit(main())
