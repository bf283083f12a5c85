#!/usr/bin/env python
"""Train a deep belief network on MNIST, layer by layer and then as a whole."""

if __name__ == "__main__":
    import launcher

    launcher.start()

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from dltutorials.cli import console
from dltutorials.cli.arguments import add_option
from dltutorials.cli.options import (
    add_classifier_arguments,
    add_pretraining_arguments,
    add_training_arguments,
)
from dltutorials.cli.prepare import MakeModel
from dltutorials.cli.train import train_model
from dltutorials.models import DBN

import numpy


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script with these arguments; return its exit status."""
    parser = make_parser()
    return console.run(lambda of: train_model("train_dbn", of, make_model(of)), parser, argv)


def make_model(options: argparse.Namespace) -> MakeModel:
    """Return a function that builds the model that the options describe."""

    def build(x: Any, n_in: int, n_out: int) -> DBN:
        rng = numpy.random.RandomState(options.seed)
        return DBN(rng, x, n_in, options.hidden_layers_sizes, n_out, options.k)

    return build


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the script's options, with the chapter's defaults."""
    parser = console.Parser(description=__doc__)
    add_training_arguments(parser, learning_rate=0.1, batch_size=10)
    add_classifier_arguments(parser, patience_epochs=4)
    add_pretraining_arguments(parser, pretrain_lr=0.01, pretraining_epochs=100)
    add_option(parser, "--k", "N", 1, "steps of Gibbs sampling in a step of pretraining")
    add_option(parser, "--seed", "SEED", 123, "of the samples and the first weights")
    return parser


if __name__ == "__main__":
    sys.exit(main())
