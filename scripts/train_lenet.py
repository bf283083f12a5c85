#!/usr/bin/env python
"""Train LeNet, a convolutional network, on MNIST, as the tutorial does, and save the best one."""

if __name__ == "__main__":
    import launcher

    launcher.start()

import argparse
import functools
import sys
from collections.abc import Sequence
from typing import Any

from dltutorials import LeNet
from dltutorials.cli import console
from dltutorials.cli.arguments import add_option
from dltutorials.cli.options import add_classifier_arguments, add_training_arguments
from dltutorials.cli.prepare import MakeModel
from dltutorials.cli.train import train_model
from dltutorials.models.conv_pool import find_image_shape

import numpy


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script with these arguments; return its exit status."""
    parser = make_parser()
    return console.run(lambda of: train_model("train_lenet", of, make_model(of)), parser, argv)


def make_model(options: argparse.Namespace) -> MakeModel:
    """Return a function that builds the model that the options describe."""

    def build(x: Any, n_in: int, n_out: int) -> LeNet:
        rng = numpy.random.RandomState(options.seed)
        shape = find_image_shape(n_in, options.image_shape)
        return LeNet(rng, x, n_out, shape, options.nkerns, options.n_hidden, options.filter_shape)

    return build


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the script's options, with the chapter's defaults."""
    parser = console.Parser(description=__doc__)
    add_training_arguments(parser, learning_rate=0.1, batch_size=500, n_epochs=200)
    add_classifier_arguments(parser, L2_reg=0.0, patience=10_000)
    add = functools.partial(add_option, parser)
    add("--nkerns", "N", [20, 50], "filters of each convolutional layer", nargs="+")
    add("--filter-shape", "N", [5, 5], "rows and columns of a filter", nargs=2)
    add("--image-shape", "N", None, "height, width and channels; default: a square", nargs="+")
    add("--n-hidden", "N", 500, "hidden units")
    add("--seed", "SEED", 23455, "of the first weights")
    return parser


if __name__ == "__main__":
    sys.exit(main())
