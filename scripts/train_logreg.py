#!/usr/bin/env python
"""Train logistic regression on MNIST, as the tutorial does, and save the best parameters."""

import argparse
import sys
from collections.abc import Sequence

try:
    import dltutorials
    from dltutorials.cli import console
    from dltutorials.cli.options import add_training_arguments
    from dltutorials.cli.train import Build, train_model
except ImportError as error:
    sys.exit(f"train_logreg.py: error: {error}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script with these arguments; return its exit status."""
    options = make_parser().parse_args(argv)
    build = make_model(options)
    return console.run(lambda: train_model("train_logreg", options, build))


def make_model(options: argparse.Namespace) -> Build:
    """Return what builds the model; none of the options describes it."""
    return dltutorials.LogisticRegression


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the script's options, with the chapter's defaults."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_training_arguments(parser, learning_rate=0.13, batch_size=600, L2_reg=0.0, patience=5000)
    return parser


if __name__ == "__main__":
    sys.exit(main())
