"""Train the network with dropout, and save the best parameters."""

import argparse
import sys

from dltutorials.cli import console
from dltutorials.cli.options import add_classifier_arguments, add_training_arguments
from dltutorials.cli.train import train_model

import numpy
from dropout import Dropout


def main(argv=None):
    """Run the script with these arguments; return its exit status."""
    return console.run(run, make_parser(), argv)


def run(options: argparse.Namespace) -> int:
    """Train as the options say; return the exit status."""
    return train_model("train_dropout", options, make_model(options))


def make_model(options):
    """Return what builds the model that the options describe."""

    def build(x, n_in, n_out):
        rng = numpy.random.RandomState(options.seed)
        return Dropout(rng, x, n_in, options.n_hidden, n_out)

    return build


def make_parser():
    """Return the parser of the script's options."""
    parser = console.Parser(description=__doc__)
    add_training_arguments(parser, learning_rate=0.1, batch_size=20)
    add_classifier_arguments(parser)
    parser.add_argument("--n-hidden", type=int, default=100, metavar="N", help="hidden units")
    parser.add_argument("--seed", type=console.seed, default=1234, metavar="N", help="of all draws")
    return parser


if __name__ == "__main__":
    sys.exit(main())
