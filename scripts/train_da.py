#!/usr/bin/env python
"""Train an autoencoder on MNIST, denoising or contractive, as the tutorial does, and save it."""

if __name__ == "__main__":
    import launcher

    launcher.start()

import argparse
import functools
import sys
from collections.abc import Sequence
from typing import Any

from dltutorials.cli import console
from dltutorials.cli.arguments import add_option
from dltutorials.cli.options import add_training_arguments
from dltutorials.cli.prepare import MakeModel
from dltutorials.cli.train import train_model
from dltutorials.models.autoencoder import Autoencoder

import numpy


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script with these arguments; return its exit status."""
    parser = make_parser()
    return console.run(lambda of: train_model("train_da", of, make_model(of)), parser, argv)


def make_model(options: argparse.Namespace) -> MakeModel:
    """Return a function that builds the model that the options describe."""

    def build(x: Any, n_in: int, n_out: int | None) -> Autoencoder:
        rng = numpy.random.RandomState(options.seed)
        levels = options.corruption_level, options.contraction_level
        return Autoencoder(rng, x, n_in, options.n_hidden, *levels)

    return build


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the script's options, with the chapter's defaults."""
    parser = console.Parser(description=__doc__)
    add_training_arguments(parser, learning_rate=0.1, batch_size=20, n_epochs=15)
    add = functools.partial(add_option, parser)
    add("--n-hidden", "N", 500, "hidden units")
    add("--corruption-level", "X", 0.3, "fraction of the inputs that are set to 0, 0 to 1")
    add("--contraction-level", "X", 0.0, "strength of the contraction")
    add("--seed", "SEED", 123, "of the noise and the first weights")
    return parser


if __name__ == "__main__":
    sys.exit(main())
