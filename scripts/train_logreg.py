#!/usr/bin/env python
"""Train logistic regression on MNIST, as the tutorial does, and save the best parameters."""

import argparse
import sys
from collections.abc import Sequence

if __name__ == "__main__":
    import launcher

    launcher.start()
import dltutorials
from dltutorials.cli import console
from dltutorials.cli.options import add_training_arguments
from dltutorials.cli.train import Build, train_model
from dltutorials.models import CHAPTERS


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script with these arguments; return its exit status."""
    return console.run(run, make_parser(), argv)


def run(options: argparse.Namespace) -> int:
    """Train as the options say; return the exit status."""
    return train_model("train_logreg", options, make_model(options))


def make_model(options: argparse.Namespace) -> Build:
    """Return what builds the model; none of the options describes it."""
    return dltutorials.LogisticRegression


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the script's options, with the chapter's defaults."""
    parser = console.Parser(description=__doc__)
    add_training_arguments(parser, **CHAPTERS["logreg"].defaults)
    return parser


if __name__ == "__main__":
    sys.exit(main())
