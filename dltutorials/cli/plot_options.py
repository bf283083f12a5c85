"""The options of ``plot.py``: what to draw, and how.

>>> options = make_parser("Make pictures.").parse_args(["filters", "best_model.pkl"])
>>> options.kind, options.output, options.choose
('filters', 'filters.png', 'first')
"""

import argparse
from typing import Any

from dltutorials.cli import console
from dltutorials.cli.saved_models import (
    add_saved_model_arguments,
)
from dltutorials.plotting import animation, figures, frames
from dltutorials.plotting.filters import CHOICES, COLOURS, N_UNITS
from dltutorials.plotting.misclassified import N_MISTAKES
from dltutorials.plotting.runs import MAX_RUNS

STRIP_UNITS = 10


def make_parser(description: str | None = None) -> console.Parser:
    """Return the parser of the script's options."""
    parser = console.Parser(
        description=description, epilog="Each has options of its own: %(prog)s KIND --help."
    )
    kinds = parser.add_subparsers(dest="kind", metavar="KIND", required=True)
    for add_kind in (_add_history, _add_filters, _add_maps, _add_errors, _add_snapshots):
        add_kind(kinds)
    return parser


def _add_history(kinds: Any) -> None:
    parser = _add_kind(kinds, "history", "validation and test error, training cost and patience")
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="FILE",
        help="what --history wrote, even while the training runs; several are compared, "
        f"{MAX_RUNS} at most",
    )
    parser.add_argument(
        "--labels",
        nargs="+",
        metavar="TEXT",
        help="one per file, for the legend; default: the file's name and what differs in the "
        "options",
    )
    parser.add_argument("--log", action="store_true", help="logarithmic scales of errors and cost")


def _add_filters(kinds: Any) -> None:
    parser = _add_kind(
        kinds,
        "filters",
        "the weights of each label, hidden unit or filter, as an image",
    )
    parser.add_argument("inputs", nargs=1, metavar="FILE", help="saved parameters, best_model.pkl")
    _add_weight_options(parser, str(N_UNITS))


def _add_maps(kinds: Any) -> None:
    parser = _add_kind(kinds, "maps", "the maps of a convolutional network, of an image")
    add = parser.add_argument
    add("inputs", nargs=1, metavar="FILE", help="saved parameters, best_model.pkl")
    add_saved_model_arguments(parser, "whose test set has the image")
    add("--index", type=int, default=0, metavar="N", help="of the image; default: %(default)s")


def _add_errors(kinds: Any) -> None:
    parser = _add_kind(
        kinds,
        "errors",
        "the most confident mistakes on the test set, and the confusion matrix",
    )
    add = parser.add_argument
    add("inputs", nargs=1, metavar="FILE", help="saved parameters, best_model.pkl")
    add_saved_model_arguments(parser, "whose test set is used, all of it")
    add(
        "--mistakes",
        type=int,
        default=N_MISTAKES,
        metavar="N",
        help="images to draw at most; default: %(default)s",
    )
    _add_image_shape(parser)


def _add_snapshots(kinds: Any) -> None:
    parser = _add_kind(kinds, "snapshots", "how the weights came about: an animation or a strip")
    add = parser.add_argument
    add("inputs", nargs=1, metavar="FOLDER", help="what --snapshots filled")
    _add_weight_options(parser, f"{frames.N_UNITS}, of a strip {STRIP_UNITS}")
    add(
        "--frames",
        type=int,
        metavar="N",
        help=f"snapshots to draw at most; default: {frames.N_FRAMES}, at equal distances; "
        f"of a strip {animation.STRIP_ROWS}, at growing ones",
    )
    add(
        "--frames-per-second",
        type=float,
        metavar="X",
        help=f"of an animation; default: {animation.FRAMES_PER_SECOND:g}, fewer if it would be "
        "over in less than a second; the last frame stays for two seconds",
    )


def _add_kind(kinds: Any, name: str, about: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = kinds.add_parser(
        name, help=about, description=f"Draw {about}."
    )
    formats = figures.FORMATS if name != "snapshots" else ("gif", *figures.FORMATS)
    default = f"{name}.{formats[0]}"
    parser.set_defaults(formats=formats)
    parser.add_argument(
        "--output",
        default=default,
        metavar="FILE",
        help=f"{', '.join(formats).upper()} by its ending; default: %(default)s",
    )
    dpi = figures.DPI if name != "snapshots" else f"{figures.DPI}, of a GIF {animation.GIF_DPI}"
    parser.add_argument(
        "--dpi",
        type=int,
        metavar="N",
        help=f"pixels per inch; pictures are {figures.WIDTH:g} inches wide; default: {dpi}",
    )
    return parser


def _add_weight_options(parser: argparse.ArgumentParser, default_units: str) -> None:
    add = parser.add_argument
    add("--units", type=int, metavar="N", help=f"units to draw at most; default: {default_units}")
    add(
        "--choose",
        choices=CHOICES,
        default="first",
        help="which ones: strongest are those with the largest weights to the next layer; "
        "default: %(default)s",
    )
    add("--colours", choices=list(COLOURS), default="diverging", help="default: %(default)s")
    _add_image_shape(parser)


def _add_image_shape(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--img-shape",
        nargs=2,
        type=int,
        metavar=("HEIGHT", "WIDTH"),
        help="of the input images, in pixels; default: square",
    )
