"""The options of ``plot.py``: what to draw, and how.

>>> options = make_parser("Make plots.").parse_args(["filters", "best_model.pkl"])
>>> options.kind, options.output, options.choose
('filters', 'filters.png', 'first')
"""

import argparse
import functools
from typing import Any

from dltutorials.cli import console
from dltutorials.cli.arguments import add_option
from dltutorials.cli.saved_models import add_saved_model_arguments
from dltutorials.plotting import animation, figures, frames
from dltutorials.plotting.filters import CHOICES, COLOURS, N_UNITS
from dltutorials.plotting.misclassified import N_MISTAKES
from dltutorials.plotting.reconstructions import N_IMAGES
from dltutorials.plotting.runs import MAX_RUNS
from dltutorials.plotting.samples import N_CHAINS, N_SAMPLES, PLOT_EVERY

STRIP_UNITS = 10


def make_parser(description: str | None = None) -> console.Parser:
    """Return the parser of the script's options."""
    parser = console.Parser(
        description=description, epilog="Each has options of its own: %(prog)s KIND --help."
    )
    kinds = parser.add_subparsers(dest="kind", metavar="KIND", required=True)
    for add_kind in _KINDS:
        add_kind(kinds)
    return parser


def _add_history(kinds: Any) -> None:
    text = f"what --history wrote, even during training; at most {MAX_RUNS} are compared"
    what = "validation and test error, training cost and patience"
    parser = _add_kind(kinds, "history", what, text, nargs="+")
    text = "one per file, for the legend; default: the file's name and what differs in the options"
    add_option(parser, "--labels", "TEXT", None, text, nargs="+")
    add_option(parser, "--log", None, False, "logarithmic scales of errors and cost")


def _add_filters(kinds: Any) -> None:
    what = "the weights of each label, hidden unit or filter, as an image"
    _add_weight_options(_add_kind(kinds, "filters", what), str(N_UNITS))


def _add_maps(kinds: Any) -> None:
    parser = _add_kind(kinds, "maps", "the maps of a convolutional network for one image")
    add_saved_model_arguments(parser, "whose test set has the image")
    add_option(parser, "--index", "N", 0, "of the image")


def _add_reconstructions(kinds: Any) -> None:
    what = "images with noise, and what an autoencoder makes of them"
    parser = _add_kind(kinds, "reconstructions", what)
    add_saved_model_arguments(parser, "whose test set has the images")
    add_option(parser, "--images", "N", N_IMAGES, "images to draw")
    text = "fraction of their numbers that are set to 0; default: that of the model"
    add_option(parser, "--corruption-level", "X", None, text)
    _add_image_shape(parser)


def _add_samples(kinds: Any) -> None:
    what = "samples that a restricted Boltzmann machine draws"
    parser = _add_kind(kinds, "samples", what)
    add_saved_model_arguments(parser, "whose first test images the chains begin with")
    add_option(parser, "--n-chains", "N", N_CHAINS, "chains, the columns")
    add_option(parser, "--n-samples", "N", N_SAMPLES, "samples of each chain, the rows")
    add_option(parser, "--plot-every", "N", PLOT_EVERY, "Gibbs steps between two samples")
    _add_image_shape(parser)


def _add_free_energy(kinds: Any) -> None:
    what = "the free energy of training and validation images, which shows overfitting"
    parser = _add_kind(kinds, "free-energy", what, "what --snapshots filled", metavar="FOLDER")
    add_saved_model_arguments(parser, "whose validation images are used, and as many of training")


def _add_errors(kinds: Any) -> None:
    what = "the most confident mistakes on the test set, and the confusion matrix"
    parser = _add_kind(kinds, "errors", what)
    add_saved_model_arguments(parser, "whose test set is used, all of it")
    add_option(parser, "--mistakes", "N", N_MISTAKES, "images to draw at most")
    _add_image_shape(parser)


def _add_snapshots(kinds: Any) -> None:
    what = "how the weights developed: an animation or a strip"
    parser = _add_kind(kinds, "snapshots", what, "what --snapshots filled", metavar="FOLDER")
    _add_weight_options(parser, f"{frames.N_UNITS}, of a strip {STRIP_UNITS}")
    text = (
        f"snapshots to draw at most; default: {frames.N_FRAMES}, equally spaced; of a strip "
        f"{animation.STRIP_ROWS}, increasingly spaced"
    )
    add_option(parser, "--frames", "N", None, text)
    text = (
        f"of an animation; default: {animation.FRAMES_PER_SECOND:g}, fewer if it would be over in "
        "less than a second; the last frame stays for two seconds"
    )
    add_option(parser, "--frames-per-second", "X", None, text)


_KINDS = (
    _add_history,
    _add_filters,
    _add_maps,
    _add_reconstructions,
    _add_samples,
    _add_free_energy,
    _add_errors,
    _add_snapshots,
)


def _add_kind(
    kinds: Any,
    name: str,
    what: str,
    inputs: str = "saved parameters, best_model.pkl",
    metavar: str = "FILE",
    nargs: Any = 1,
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = kinds.add_parser(name, help=what, description=f"Draw {what}.")
    parser.add_argument("inputs", nargs=nargs, metavar=metavar, help=inputs)
    formats = figures.FORMATS if name != "snapshots" else ("gif", *figures.FORMATS)
    parser.set_defaults(formats=formats)
    text = f"{', '.join(formats).upper()} by its ending"
    add_option(parser, "--output", "FILE", f"{name}.{formats[0]}", text)
    dpi = figures.DPI if name != "snapshots" else f"{figures.DPI}, of a GIF {animation.GIF_DPI}"
    text = f"pixels per inch; plots are {figures.WIDTH:g} inches wide; default: {dpi}"
    add_option(parser, "--dpi", "N", None, text)
    return parser


def _add_weight_options(parser: argparse.ArgumentParser, default_units: str) -> None:
    add = functools.partial(add_option, parser)
    add("--units", "N", None, f"units to draw at most; default: {default_units}")
    text = "which ones: strongest are those with the largest weights to the next layer"
    add("--choose", list(CHOICES), "first", text)
    add("--colours", list(COLOURS), "diverging", "of the weights")
    _add_image_shape(parser)


def _add_image_shape(parser: argparse.ArgumentParser) -> None:
    text = "of the input images, in pixels; default: square"
    shape = ("HEIGHT", "WIDTH")
    parser.add_argument("--img-shape", nargs=2, type=int, metavar=shape, help=text)
