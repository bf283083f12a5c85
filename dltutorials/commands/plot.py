"""Plot what a training run saved: its history, its parameters, its snapshots."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dltutorials.checks import require_integer
from dltutorials.cli import console
from dltutorials.cli.plot_options import STRIP_UNITS, make_parser
from dltutorials.cli.samples import require_chains
from dltutorials.cli.saved_models import read_saved_model, read_test_set, read_train_and_valid
from dltutorials.datasets import find_dataset, list_files
from dltutorials.exceptions import DataError, OptionError, in_file
from dltutorials.extras import import_optional
from dltutorials.io.files import durable_writer, prepare_output
from dltutorials.io.in_use import FilesInUse
from dltutorials.plotting import animation, figures, frames
from dltutorials.plotting.curves import plot_history
from dltutorials.plotting.filters import N_UNITS, choose_units, plot_filters
from dltutorials.plotting.free_energy import plot_free_energy
from dltutorials.plotting.layout import as_columns
from dltutorials.plotting.maps import plot_maps
from dltutorials.plotting.misclassified import plot_errors
from dltutorials.plotting.reconstructions import plot_reconstructions
from dltutorials.plotting.samples import plot_samples
from dltutorials.prediction.saved_model import check_class_names
from dltutorials.training.parameters import read_params_and_description
from dltutorials.training.snapshots import find_snapshots

import numpy

Drawn = tuple[Any, str]  # a figure, or the bytes of a GIF, and what was drawn


def main(argv: Sequence[str] | None = None) -> int:
    """Run the script with these arguments; return its exit status."""
    return console.run(plot, make_parser(__doc__), argv)


def plot(options: argparse.Namespace) -> int:
    """Check what can be checked in advance, draw, and report what was written."""
    figures.format_of(options.output, options.formats)
    if options.dpi is not None:
        figures.require_dpi(options.dpi)
    if getattr(options, "img_shape", None) is not None:
        for n_pixels in options.img_shape:
            require_integer("img_shape", n_pixels, at_least=1)
    import_optional("matplotlib", "plots need matplotlib")
    inputs = [Path(path) for path in options.inputs]
    if options.kind in ("snapshots", "free-energy"):
        inputs = [path for _, path in find_snapshots(options.inputs[0])]
    if "dataset" in options:
        inputs += list_files(find_dataset(options.dataset, options.offline))
    files = FilesInUse()
    files.read("this command", *inputs)
    files.write("--output", options.output)
    prepare_output(options.output)
    picture, summary = _DRAW[options.kind](options)
    if isinstance(picture, bytes):
        with durable_writer(options.output) as file:
            file.write(picture)
    else:
        figures.save_figure(picture, options.output, options.dpi)
    console.print_results([f"wrote {options.output}: {summary}"])
    return console.DONE


def draw_history(options: argparse.Namespace) -> Drawn:
    """Draw the learning curves of training runs."""
    axes = plot_history(options.inputs, options.labels, log=options.log)
    lines = axes[len(axes) // 2].lines  # of the cost, with a nan between phases
    counts = [f"{numpy.isfinite(line.get_xdata()).sum():,}" for line in lines]
    what = "validations" if len(axes) > 1 else "records"
    return axes[0].figure, f"training runs: {len(counts)}, {what}: {', '.join(counts)}"


def draw_filters(options: argparse.Namespace) -> Drawn:
    """Draw the weights of the first layer."""
    [path] = options.inputs
    params, about = read_params_and_description(path)
    n_units = N_UNITS if options.units is None else options.units
    with in_file(path):
        units = choose_units(params, n_units, options.choose)
        W, img_shape = as_columns(params[0], options.img_shape)
        kind = "labels" if len(params) == 2 else "hidden units"
        kind = "filters" if params[0].ndim == 4 else kind
        labels: Sequence[Any] = list(units)
        if kind == "labels" and about is not None and about.class_names is not None:
            check_class_names(about.class_names, W.shape[1])
            labels = [about.class_names[unit] for unit in units]
        ax = plot_filters(W[:, units], img_shape, labels, options.colours)
    shown = f"{len(units)} of {W.shape[1]:,} {kind}"
    if len(units) == W.shape[1]:
        shown = f"the {len(units)} {kind}"
    ax.set_title(f"weights of {shown}", fontsize=10)
    return ax.figure, f"weights of {shown}"


def draw_maps(options: argparse.Namespace) -> Drawn:
    """Draw the maps for an image of the test set."""
    [path] = options.inputs
    saved = read_saved_model(path, options)
    x, _ = read_test_set(path, options, saved)
    if not 0 <= options.index < len(x):
        raise OptionError(f"index: got {options.index}, expected 0 to {len(x) - 1}")
    with in_file(path):
        axes = plot_maps(saved.model, x[options.index])
    return axes[0].figure, f"test image {options.index}, maps of {len(axes) - 1} layers"


def draw_reconstructions(options: argparse.Namespace) -> Drawn:
    """Draw images of the test set with noise, and their reconstructions."""
    [path] = options.inputs
    saved = read_saved_model(path, options)
    require_integer("images", options.images, at_least=1)
    x = read_test_set(path, options, saved, is_labelled=False).x[: options.images]
    with in_file(path):
        ax = plot_reconstructions(saved.model, x, options.corruption_level, options.img_shape)
    return ax.figure, f"{len(x)} test images and their reconstructions"


def draw_samples(options: argparse.Namespace) -> Drawn:
    """Draw what chains that begin with images of the test set come to."""
    [path] = options.inputs
    saved = read_saved_model(path, options)
    x = read_test_set(path, options, saved, is_labelled=False).x
    require_chains(options.n_chains, len(x))
    how = options.n_samples, options.plot_every, options.img_shape
    with in_file(path):
        ax = plot_samples(saved.model, x[: options.n_chains], *how)
    return ax.figure, f"{options.n_samples:,} samples of {options.n_chains:,} chains"


def draw_free_energy(options: argparse.Namespace) -> Drawn:
    """Draw the free energy of training and validation images at each snapshot."""
    [folder] = options.inputs
    found = find_snapshots(folder)
    saved = read_saved_model(found[-1][1], options)
    train_x, valid_x = read_train_and_valid(options, saved)
    with in_file(folder):
        axes = plot_free_energy(saved.model, folder, train_x, valid_x)
    images = f"{len(train_x):,} training and {len(valid_x):,} validation images"
    return axes[0].figure, f"snapshots: {len(found):,}, {images}"


def draw_errors(options: argparse.Namespace) -> Drawn:
    """Draw the mistakes on the test set."""
    [path] = options.inputs
    saved = read_saved_model(path, options)
    x, y = read_test_set(path, options, saved)
    if y is None:
        raise DataError(f"{options.dataset}: has no labels to compare the predictions with")
    with in_file(path):
        p_y_given_x = saved.predict_proba(x)
    with in_file(options.dataset):
        axes = plot_errors(
            x, y, p_y_given_x, options.mistakes, options.img_shape, class_names=saved.class_names
        )
    n_mistakes = int((p_y_given_x.argmax(axis=1) != y).sum())
    percentage = f"{n_mistakes / len(y) * 100:f} %"
    summary = f"{n_mistakes:,} of {len(y):,} test images are misclassified, {percentage}"
    return axes[0].figure, summary


def draw_snapshots(options: argparse.Namespace) -> Drawn:
    """Draw the weights at several points of a training run."""
    [folder] = options.inputs
    is_gif = figures.format_of(options.output, options.formats) == "gif"
    n_frames, n_units = (
        (frames.N_FRAMES, frames.N_UNITS) if is_gif else (animation.STRIP_ROWS, STRIP_UNITS)
    )
    chosen, units = frames.read_frames(
        folder,
        n_frames if options.frames is None else options.frames,
        n_units if options.units is None else options.units,
        options.choose,
        early=not is_gif,
    )
    n_found = len(find_snapshots(folder))
    summary = f"units: {len(units)}, snapshots: {len(chosen)} of {n_found:,}"
    layout = chosen, options.img_shape, units, options.colours
    with in_file(folder):
        if not is_gif:
            return animation.plot_filmstrip(*layout).figure, summary
        dpi = options.dpi or animation.GIF_DPI
        return animation.make_gif(*layout, options.frames_per_second, dpi), summary


_DRAW = {
    "history": draw_history,
    "filters": draw_filters,
    "maps": draw_maps,
    "reconstructions": draw_reconstructions,
    "samples": draw_samples,
    "free-energy": draw_free_energy,
    "errors": draw_errors,
    "snapshots": draw_snapshots,
}
